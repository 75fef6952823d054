import Foundation

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
    var momentum: AdaFactorMomentum

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

  /// An optimizer of all parameters of several models, whose paths begin with `0.`, `1.` and so on.
  public convenience init(
    _ models: [any Module], learningRate: Float, beta1: Float = 0.9,
    momentumPrecision: MomentumPrecision = .bfloat16, beta2Cap: Float = 0.999, decayExponent: Float = 0.8,
    weightDecay: Float = 0, smallestFactoredSize: Int = 32, schedule: Schedule = .constant,
    groups: [ParameterGroup] = []
  ) {
    self.init(
      SeveralModules(models), learningRate: learningRate, beta1: beta1, momentumPrecision: momentumPrecision,
      beta2Cap: beta2Cap, decayExponent: decayExponent, weightDecay: weightDecay,
      smallestFactoredSize: smallestFactoredSize, schedule: schedule, groups: groups)
  }

  /// The state of a parameter before its first update: zeros.
  public func makeState(for parameter: OptimizedParameter) -> State {
    let whole = parameter.parameter.shape
    guard let order = factoredOrder(of: parameter.factoredView) else {
      return State(rows: .zeros(whole), columns: nil, momentum: makeMomentum(whole))
    }
    let shape = Shape(order.map { parameter.factoredView[$0] })
    var (rows, columns) = (shape, shape)
    rows.remove(at: shape.count - 1)
    columns.remove(at: shape.count - 2)
    return State(
      rows: .zeros(rows), columns: .zeros(columns), momentum: makeMomentum(shape))
  }

  private func makeMomentum(_ shape: Shape) -> AdaFactorMomentum {
    if beta1 == 0 { return .none }
    return switch momentumPrecision {
    case .bfloat16: .bfloat16(shape)
    case .float32: .float32(shape)
    }
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
    let rates = AdaFactorRates(
      beta1: decimal(beta1),
      beta2: min(decimal(beta2Cap), 1 - pow(Double(update.step + 1), -decimal(decayExponent))),
      rate: update.learningRate,
      decay: decimal(weightDecay) * update.weightDecayMultiplier * update.schedule)
    guard let order = factoredOrder(of: update.factoredView) else {
      return value.updateByAdaFactor(
        gradient: gradient, squares: &state.rows, momentum: &state.momentum, rates)
    }
    if order == Array(order.indices) { return updateMatrices(&value, gradient, &state, rates) }
    let shape = value.shape
    var moved = value.reshape(update.factoredView).permute(order).contiguous()
    updateMatrices(&moved, gradient.reshape(update.factoredView).permute(order), &state, rates)
    let back = order.indices.map { axis in order.firstIndex(of: axis) ?? axis }
    value = moved.permute(back).reshape(shape).contiguous()
  }

  /// Updates the matrices that the last two axes of the state's shape hold.
  private func updateMatrices(
    _ value: inout Tensor, _ gradient: Tensor, _ state: inout State, _ rates: AdaFactorRates
  ) {
    value.updateByAdaFactor(
      gradient: gradient, rowMeans: &state.rows, columnMeans: &state.columns!, momentum: &state.momentum,
      rates)
  }
}
