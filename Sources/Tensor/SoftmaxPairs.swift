import Foundation
import Kernels

/// The softmax loss of a matrix of logits, which its gradients replace.
///
/// In every row and column the powers of pairs that belong together are summed apart from those of the others, in double
/// precision: a loss near 0 and the gradients of its pairs are made of the others' powers alone, and so as exact as
/// those.
struct SoftmaxPairs {
  let logits: UnsafeMutablePointer<Float>
  let images, texts: Int
  let positives: Positives

  /// Columns in one task of a pass over all rows.
  private static let width = 512
  /// Rows whose powers are summed in single precision.
  private static let height = 128

  /// All rows, or all columns.
  private struct Lines {
    /// The largest logit of each line.
    var largest: [Float]
    /// Pairs that belong together.
    var members: [Int]
    /// What they add to the sum of e^(logit - largest).
    var own: [Double]
    /// What the others add to it.
    var others: [Double]

    init(count: Int) {
      largest = Array(repeating: -.infinity, count: count)
      members = Array(repeating: 0, count: count)
      own = Array(repeating: 0, count: count)
      others = Array(repeating: 0, count: count)
    }

    func power(_ logit: Float, _ line: Int) -> Double { exp(Double(logit) - Double(largest[line])) }

    /// What a pair adds to the loss of its line, less ``logSum(_:)``.
    func distance(_ logit: Float, _ line: Int) -> Double {
      (Double(largest[line]) - Double(logit)) / Double(members[line])
    }

    /// log Σ e^(logit - largest): with one pair that is the largest, `own` is 1.
    func logSum(_ line: Int) -> Double { log1p((own[line] - 1) + others[line]) }

    /// The probability of a pair less its target, 1 / `members`: the first two terms cancel if it is the only one.
    func slope(_ logit: Float, _ line: Int) -> Double {
      let count = Double(members[line])
      return (count * power(logit, line) - own[line] - others[line]) / (count * (own[line] + others[line]))
    }

    /// `weight` over the sum, 0 for a line without pairs, which has no loss.
    func factors(_ weight: Double) -> [Float] {
      members.indices.map { members[$0] == 0 ? 0 : Float(weight / (own[$0] + others[$0])) }
    }
  }

  /// The loss; the logits are used up.
  func loss(replacingLogitsByGradients: Bool) -> Float {
    let pairs = takePairs()
    var (rows, columns) = (Lines(count: images), Lines(count: texts))
    forEachPair { row, column, index in
      rows.members[row] += 1
      columns.members[column] += 1
      rows.largest[row] = larger(rows.largest[row], pairs[index])
      columns.largest[column] = larger(columns.largest[column], pairs[index])
    }
    sumRows(&rows)
    sumColumns(&columns)
    var (rowLoss, columnLoss) = (0.0, 0.0)
    forEachPair { row, column, index in
      rows.own[row] += rows.power(pairs[index], row)
      columns.own[column] += columns.power(pairs[index], column)
      rowLoss += rows.distance(pairs[index], row)
      columnLoss += columns.distance(pairs[index], column)
    }
    for row in 0..<images where rows.members[row] > 0 { rowLoss += rows.logSum(row) }
    for column in 0..<texts where columns.members[column] > 0 { columnLoss += columns.logSum(column) }
    if replacingLogitsByGradients { replaceByGradients(pairs, rows, columns) }
    return Float((rowLoss / Double(images) + columnLoss / Double(texts)) / 2)
  }

  /// A NaN is the largest.
  private func larger(_ a: Float, _ b: Float) -> Float { b > a || b.isNaN ? b : a }

  /// Logits of the pairs that belong together. In their places stands -infinity, whose power is 0.
  private func takePairs() -> [Float] {
    [Float](unsafeUninitializedCapacity: positives.texts.count) { buffer, count in
      forEachPair { row, column, index in
        buffer.initializeElement(at: index, to: logits[row * texts + column])
        logits[row * texts + column] = -.infinity
      }
      count = positives.texts.count
    }
  }

  private func forEachPair(_ body: (_ row: Int, _ column: Int, _ index: Int) -> Void) {
    for row in 0..<images {
      for index in positives.range(of: row) { body(row, Int(positives.texts[index]), index) }
    }
  }

  private func sumRows(_ rows: inout Lines) {
    let kernels = Kernels.table.reduction
    rows.largest.withUnsafeMutableBufferPointer { largest in
      rows.others.withUnsafeMutableBufferPointer { others in
        let (largest, others) = (largest.baseAddress!, others.baseAddress!)
        ThreadPool.parallelRanges(count: images, grain: 16_384 / texts + 1) { range in
          for row in range {
            let x = logits + row * texts
            largest[row] = larger(
              largest[row], kernels.reduce(ReductionOperation.maximum.rawValue, x, 1, texts))
            others[row] = kernels.sumOfExponentials(x, 1, texts, largest[row])
          }
        }
      }
    }
  }

  /// A few hundred columns at a time, so that every row is read in long runs.
  private func sumColumns(_ columns: inout Lines) {
    let (elementwise, accumulate) = (Kernels.table.elementwise, Kernels.table.reduction.accumulate)
    columns.largest.withUnsafeMutableBufferPointer { largest in
      columns.others.withUnsafeMutableBufferPointer { others in
        let (allLargest, allOthers) = (largest.baseAddress!, others.baseAddress!)
        ThreadPool.parallelRanges(count: texts, grain: SoftmaxPairs.width) { range in
          let width = range.count
          let (largest, others) = (allLargest + range.lowerBound, allOthers + range.lowerBound)
          withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * SoftmaxPairs.width) { buffer in
            let powers = buffer.baseAddress!
            let sums = powers + SoftmaxPairs.width
            for row in 0..<images {
              let x = logits + row * texts + range.lowerBound
              accumulate(ReductionOperation.maximum.rawValue, x, 1, largest, width)
            }
            for first in stride(from: 0, to: images, by: SoftmaxPairs.height) {
              elementwise.fill(0, sums, width)
              for row in first..<Swift.min(first + SoftmaxPairs.height, images) {
                let x = logits + row * texts + range.lowerBound
                elementwise.binary(BinaryOperation.subtract.rawValue, x, 1, largest, 1, powers, width)
                elementwise.unary(UnaryOperation.exp.rawValue, powers, 1, powers, width)
                accumulate(ReductionOperation.sum.rawValue, powers, 1, sums, width)
              }
              for column in 0..<width { others[column] += Double(sums[column]) }
            }
          }
        }
      }
    }
  }

  /// Half the probability along the row over n and half that along the column over m, less the targets.
  private func replaceByGradients(_ pairs: [Float], _ rows: Lines, _ columns: Lines) {
    let elementwise = Kernels.table.elementwise
    let (rowWeight, columnWeight) = (0.5 / Double(images), 0.5 / Double(texts))
    let (rowFactors, columnFactors) = (rows.factors(rowWeight), columns.factors(columnWeight))
    ThreadPool.parallelRanges(count: images, grain: 16_384 / texts + 1) { range in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: SoftmaxPairs.width) { buffer in
        let ofColumns = buffer.baseAddress!
        for row in range {
          var (largest, factor) = (rows.largest[row], rowFactors[row])
          for start in stride(from: 0, to: texts, by: SoftmaxPairs.width) {
            let width = Swift.min(SoftmaxPairs.width, texts - start)
            let x = logits + row * texts + start
            columns.largest.withUnsafeBufferPointer {
              elementwise.binary(
                BinaryOperation.subtract.rawValue, x, 1, $0.baseAddress! + start, 1, ofColumns, width)
            }
            elementwise.unary(UnaryOperation.exp.rawValue, ofColumns, 1, ofColumns, width)
            columnFactors.withUnsafeBufferPointer {
              elementwise.binary(
                BinaryOperation.multiply.rawValue, ofColumns, 1, $0.baseAddress! + start, 1, ofColumns, width)
            }
            elementwise.binary(BinaryOperation.subtract.rawValue, x, 1, &largest, 0, x, width)
            elementwise.unary(UnaryOperation.exp.rawValue, x, 1, x, width)
            elementwise.binary(BinaryOperation.multiply.rawValue, x, 1, &factor, 0, x, width)
            elementwise.binary(BinaryOperation.add.rawValue, x, 1, ofColumns, 1, x, width)
          }
          for index in positives.range(of: row) {
            let column = Int(positives.texts[index])
            logits[row * texts + column] = Float(
              rowWeight * rows.slope(pairs[index], row) + columnWeight * columns.slope(pairs[index], column))
          }
        }
      }
    }
  }
}
