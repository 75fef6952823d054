import Foundation
import Kernels

/// AdaFactor as big_vision has it and SigLIP was trained with (Shazeer & Stern 2018, Zhai et al. 2022): second moments of
/// matrices as a row and a column of means, a first moment in bfloat16, no relative step.
///
/// The moment in bfloat16 is widened, averaged in single precision, applied, and rounded to nearest only to be stored:
/// optax's formula for a state that is widened first. optax itself multiplies the state by a 0.9 rounded to bfloat16,
/// under `jit` in single precision, else with a product that is rounded too. A gradient that is always 1 is applied as
/// 0.9859 here after 300 steps, as 0.9704 and 0.9828 there; an average without rounding applies 1, as
/// ``MomentumPrecision/float32`` does in both.
///
/// Weight decay is not multiplied by the learning rate, only by the schedule: 1e-4 here is 0.1 in AdamW at a learning
/// rate of 1e-3.
public final class AdaFactor: Optimizer {
  /// How the first moment is stored.
  public enum MomentumPrecision: Sendable, Hashable {
    /// Two bytes for each number; the average stops where its next change is below half a rounding.
    case bfloat16
    /// Four bytes for each number.
    case float32
  }

  /// What is remembered of one parameter.
  public struct State: OptimizerState {
    /// Means of squares over the largest axis, or all squares of a parameter that is not factored.
    var rows: Tensor
    /// Means of squares over the second largest axis.
    var columns: Tensor?
    var momentum: Momentum

    /// `rows`, `columns` where factored, `momentum` if there is one.
    public var tensors: [String: Tensor] {
      get {
        var result = ["rows": rows]
        result["columns"] = columns
        result["momentum"] = momentum.tensor
        return result
      }
      set {
        if let tensor = newValue["rows"] { rows = tensor }
        columns = newValue["columns"]
        momentum.tensor = newValue["momentum"]
      }
    }
  }

  /// Step size, before the schedule and the multipliers of parameter groups.
  public var learningRate: Float
  /// What the learning rate and the weight decay are multiplied by at each step.
  public var schedule: Schedule
  /// How much of the first moment is kept; 0 keeps none.
  public let beta1: Float
  /// How the first moment is stored. A moment that was saved in the other precision can be loaded.
  public let momentumPrecision: MomentumPrecision
  /// Most that is kept of the second moments; SigLIP takes 0.95.
  public let beta2Cap: Float
  /// How fast the share that is kept rises: 1 - n^-exponent at a parameter's n-th update.
  public let decayExponent: Float
  /// Taken off the parameter at each step, times the schedule.
  public let weightDecay: Float
  /// Axes shorter than this are not factored.
  public let smallestFactoredSize: Int
  /// The parameters and what is remembered of them.
  public let parameters: OptimizedParameters<State>

  /// Added to squares.
  private static let epsilon: Float = 1e-30

  /// An optimizer of all parameters of a model.
  public init(
    _ model: some Module, learningRate: Float, beta1: Float = 0.9,
    momentumPrecision: MomentumPrecision = .bfloat16, beta2Cap: Float = 0.999, decayExponent: Float = 0.8,
    weightDecay: Float = 0, smallestFactoredSize: Int = 32,
    schedule: Schedule = .constant,
    groups: [ParameterGroup] = []
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.momentumPrecision = momentumPrecision
    self.beta2Cap = beta2Cap
    self.decayExponent = decayExponent
    self.weightDecay = weightDecay
    self.smallestFactoredSize = smallestFactoredSize
    self.schedule = schedule
    parameters = OptimizedParameters(of: model, groups: groups)
  }

  /// The state of a parameter before its first update: zeros.
  public func makeState(for parameter: OptimizedParameter) -> State {
    let precision = beta1 == 0 ? nil : momentumPrecision
    let whole = parameter.parameter.shape
    guard let order = factoredOrder(of: parameter.factoredView) else {
      return State(rows: .zeros(whole), columns: nil, momentum: Momentum(precision, shape: whole))
    }
    let shape = Shape(order.map { parameter.factoredView[$0] })
    var (rows, columns) = (shape, shape)
    rows.remove(at: shape.count - 1)
    columns.remove(at: shape.count - 2)
    return State(
      rows: .zeros(rows), columns: .zeros(columns), momentum: Momentum(precision, shape: shape))
  }

  /// The axes with the second largest and the largest last; nil if the second largest is too small to factor.
  private func factoredOrder(of shape: Shape) -> [Int]? {
    guard shape.count >= 2 else { return nil }
    let bySize = shape.indices.sorted { (shape[$0], $0) < (shape[$1], $1) }
    let largest = Array(bySize.suffix(2))
    guard shape[largest[0]] >= smallestFactoredSize else { return nil }
    // Which of the two is called row does not matter: keep them in place where they are last.
    return shape.indices.filter { !largest.contains($0) } + largest.sorted()
  }

  /// Updates one parameter as big_vision's `scale_by_adafactor` does.
  public func update(_ value: inout Tensor, gradient: Tensor, state: inout State, _ update: ParameterUpdate) {
    let rates = Rates(
      beta1: decimal(beta1),
      beta2: min(decimal(beta2Cap), 1 - pow(Double(update.step + 1), -decimal(decayExponent))),
      step: update.learningRate,
      decay: decimal(weightDecay) * update.weightDecayMultiplier * update.schedule)
    guard let order = factoredOrder(of: update.factoredView) else {
      return updateEachNumber(&value, gradient, &state, rates)
    }
    if order == Array(order.indices) { return updateMatrices(&value, gradient, &state, rates) }
    let shape = value.shape
    var moved = value.reshape(update.factoredView).permute(order).contiguous()
    updateMatrices(&moved, gradient.reshape(update.factoredView).permute(order), &state, rates)
    let back = order.indices.map { axis in order.firstIndex(of: axis) ?? axis }
    value = moved.permute(back).reshape(shape).contiguous()
  }

  private struct Rates {
    let beta1, beta2, step, decay: Double
  }

  private func updateEachNumber(
    _ value: inout Tensor, _ gradient: Tensor, _ state: inout State, _ rates: Rates
  ) {
    gradient.withUnsafeScalars { g in
      value.withUnsafeMutableScalars { p in
        state.rows.withUnsafeMutableScalars { v in
          state.momentum.withPointers { m in
            guard let g = g.baseAddress, let p = p.baseAddress, let v = v.baseAddress else { return }
            ThreadPool.parallelRanges(count: gradient.count, grain: updateGrain) { range in
              let first = range.lowerBound
              Kernels.table.optimizer.adaFactor(
                p + first, g + first, v + first, (m + first).short, (m + first).full, range.count,
                AdaFactor.epsilon, rates.beta1, rates.beta2, rates.step, rates.decay)
            }
          }
        }
      }
    }
  }

  /// Updates the matrices that the last two axes of the state's shape hold, one after another.
  private func updateMatrices(
    _ value: inout Tensor, _ gradient: Tensor, _ state: inout State, _ rates: Rates
  ) {
    let shape = state.momentum.shape
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    gradient.withUnsafeScalars { g in
      value.withUnsafeMutableScalars { p in
        state.rows.withUnsafeMutableScalars { rowMeans in
          state.columns?.withUnsafeMutableScalars { columnMeans in
            state.momentum.withPointers { m in
              for matrix in 0..<gradient.count / (rows * columns) {
                let start = matrix * rows * columns
                Matrix(
                  rows: rows, columns: columns, p: p.baseAddress! + start, g: g.baseAddress! + start,
                  momentum: m + start, rowMeans: rowMeans.baseAddress! + matrix * rows,
                  columnMeans: columnMeans.baseAddress! + matrix * columns
                ).update(rates)
              }
            }
          }
        }
      }
    }
  }

  /// One matrix of a parameter, and what is remembered of it.
  private struct Matrix {
    let rows, columns: Int
    let p: UnsafeMutablePointer<Float>
    let g: UnsafePointer<Float>
    let momentum: Momentum.Pointers
    let rowMeans, columnMeans: UnsafeMutablePointer<Float>

    /// Rows that one thread takes at a time.
    private var block: Int { max(1, updateGrain / columns) }

    func update(_ rates: Rates) {
      averageSquares(keeping: rates.beta2)
      let mean = (0..<rows).reduce(0.0) { $0 + Double(rowMeans[$1]) } / Double(rows)
      let columnFactors = Tensor(uninitialized: [columns]) { factors in
        for i in 0..<columns { factors[i] = Float(1 / Double(columnMeans[i]).squareRoot()) }
      }
      columnFactors.withUnsafeScalars { columnFactors in
        let columnFactors = columnFactors.baseAddress!
        ThreadPool.parallelRanges(count: rows, grain: block) { range in
          for row in range {
            let start = row * columns
            Kernels.table.optimizer.adaFactorRow(
              p + start, g + start, Float((mean / Double(rowMeans[row])).squareRoot()), columnFactors,
              (momentum + start).short, (momentum + start).full, columns, rates.beta1, rates.step, rates.decay
            )
          }
        }
      }
    }

    private func averageSquares(keeping beta2: Double) {
      let blocks = (rows + block - 1) / block
      var rowsNow = Tensor.zeros([rows])
      // One sum for each block, added in order: the same for any number of threads.
      var sums = Tensor.zeros([blocks, columns])
      rowsNow.withUnsafeMutableScalars { rowsNow in
        sums.withUnsafeMutableScalars { sums in
          let (rowsNow, sums) = (rowsNow.baseAddress!, sums.baseAddress!)
          ThreadPool.parallelFor(count: blocks) { index in
            let first = index * block
            Kernels.table.optimizer.squareMeans(
              g + first * columns, AdaFactor.epsilon, rowsNow + first, sums + index * columns,
              min(block, rows - first), columns)
          }
        }
      }
      func blend(_ old: UnsafeMutablePointer<Float>, _ new: Tensor) {
        new.withUnsafeScalars { new in
          for i in new.indices { old[i] = Float(beta2 * Double(old[i]) + (1 - beta2) * Double(new[i])) }
        }
      }
      blend(rowMeans, rowsNow)
      blend(columnMeans, sums.sum(axes: [0]) / Float(rows))
    }
  }
}
