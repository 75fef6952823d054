import Foundation
import Kernels

/// SigLIP's loss (Zhai et al. 2023): -(1/n) Σᵢⱼ log sigmoid(zᵢⱼ (t xᵢ·yⱼ + b)), z = 1 for pairs that belong together
/// and -1 for all others, t = exp(`logScale`).
///
/// Logits are computed for some rows at a time, and the gradients with them: memory grows with the number of texts,
/// not with the number of pairs, and no logit is computed twice.
///
/// - Parameters:
///   - x: Image embeddings `[n, d]`, usually of length 1.
///   - y: Text embeddings `[m, d]`.
///   - logScale: t', one number.
///   - bias: b, one number.
///   - positives: Which pairs belong together.
/// - Returns: The loss, without axes: divided by n, not by the number of pairs.
public func sigmoidPairwiseLoss(
  images x: Variable, texts y: Variable, logScale: Variable, bias: Variable,
  positives: PairLabels = .diagonal
) -> Variable {
  sigmoidPairwiseLoss(
    images: x, texts: y, logScale: logScale, bias: bias, positives: positives,
    rowsAtATime: Swift.max(128, 1 << 20 / Swift.max(y.shape.first ?? 1, 1)))
}

/// As above, with a given number of rows of logits in memory.
package func sigmoidPairwiseLoss(
  images x: Variable, texts y: Variable, logScale: Variable, bias: Variable, positives: PairLabels,
  rowsAtATime: Int
) -> Variable {
  checkPairs(x, y, logScale, of: "sigmoidPairwiseLoss")
  if bias.count != 1 {
    programmerError("sigmoidPairwiseLoss: a bias of shape \(bias.shape) is not one number")
  }
  let positives = positives.positives(images: x.shape[0], texts: y.shape[0], of: "sigmoidPairwiseLoss")
  let inputs = [x, y, logScale, bias]
  let isRecorded = Recording.isEnabled && inputs.contains(where: \.requiresGradient)
  let loss = SigmoidLoss(
    x: x.value, y: y.value, scale: exp(logScale.item()), bias: bias.item(), positives: positives)
  let found = loss.compute(
    gradients: isRecorded, ofImages: isRecorded && x.requiresGradient,
    ofTexts: isRecorded && y.requiresGradient, rowsAtATime: rowsAtATime)
  return record(
    "sigmoidPairwiseLoss", inputs, value: Tensor(found.loss),
    fused: { context in
      let factor = context.gradient.item()
      return [
        context.needs(0) ? found.x.map { $0 * factor } : nil,
        context.needs(1) ? found.y.map { $0 * factor } : nil,
        .full(context.shape(ofInput: 2), found.logScale * factor),
        .full(context.shape(ofInput: 3), found.bias * factor),
      ]
    },
    composition: {
      composedSigmoidLoss(images: $0[0], texts: $0[1], logScale: $0[2], bias: $0[3], positives: positives)
    })
}

func checkPairs(_ x: Variable, _ y: Variable, _ logScale: Variable, of operation: StaticString) {
  guard x.rank == 2, y.rank == 2, x.shape[1] == y.shape[1], x.shape[0] > 0, y.shape[0] > 0 else {
    programmerError(
      "\(operation): images of shape \(x.shape) and texts of shape \(y.shape) are not [n, d] and [m, d]")
  }
  if logScale.count != 1 {
    programmerError("\(operation): a scale of shape \(logScale.shape) is not one number")
  }
}

func composedSigmoidLoss(
  images x: Variable, texts y: Variable, logScale: Variable, bias: Variable, positives: Positives
) -> Variable {
  let logits = matmul(x, y.transpose()) * logScale.reshape([]).exp() + bias.reshape([])
  let negatedSigns = 1 - positives.matrix(texts: y.shape[0]) * 2
  return (logits * Variable(negatedSigns)).softplus().sum() / Float(x.shape[0])
}

/// The loss and its gradients in one pass over the rows.
private struct SigmoidLoss {
  let x, y: Tensor
  let scale, bias: Float
  let positives: Positives

  struct Result {
    var loss: Float
    var x: Tensor?
    var y: Tensor?
    var logScale: Float
    var bias: Float
  }

  /// Sums over one row, in double precision because a row of negatives adds many small numbers.
  private struct RowSums {
    var loss = 0.0
    var logScale = 0.0
    var bias = 0.0
  }

  func compute(gradients: Bool, ofImages: Bool, ofTexts: Bool, rowsAtATime: Int) -> Result {
    let (n, m, d) = (x.shape[0], y.shape[0], x.shape[1])
    let rows = Swift.min(rowsAtATime, n)
    var sums = [RowSums](repeating: RowSums(), count: n)
    let made = Tensor.make([ofImages ? x.shape : nil, ofTexts ? y.shape : nil]) { xGradient, yGradient, _ in
      x.withUnsafeStrided { x in
        y.withUnsafeStrided { y in
          withScratch(count: rows * m) { logits in
            for first in stride(from: 0, to: n, by: rows) {
              let count = Swift.min(rows, n - first)
              let xRows = MatrixView(
                x + first * self.x.strides[0], rowStride: self.x.strides[0], columnStride: self.x.strides[1])
              let yRows = MatrixView(y, rowStride: self.y.strides[0], columnStride: self.y.strides[1])
              gemm(
                m: count, n: m, k: d, a: xRows, b: yRows.transposed, c: logits, cRowStride: m,
                cColumnStride: 1)
              sums.withUnsafeMutableBufferPointer { sums in
                let sums = sums.baseAddress!
                ThreadPool.parallelRanges(count: count, grain: 32_768 / m + 1) { range in
                  for row in range {
                    sums[first + row] = pass(
                      row: first + row, logits + row * m, count: m, gradients: gradients)
                  }
                }
              }
              let factor = scale / Float(n)
              let pairs = MatrixView(logits, rowStride: m, columnStride: 1)
              if let xGradient {
                gemm(
                  m: count, n: d, k: m, alpha: factor, a: pairs, b: yRows, c: xGradient + first * d,
                  cRowStride: d, cColumnStride: 1)
              }
              if let yGradient {
                gemm(
                  m: m, n: d, k: count, alpha: factor, a: pairs.transposed, b: xRows,
                  beta: first == 0 ? 0 : 1, c: yGradient, cRowStride: d, cColumnStride: 1)
              }
            }
          }
        }
      }
    }
    let total = sums.reduce(into: RowSums()) {
      $0.loss += $1.loss
      $0.logScale += $1.logScale
      $0.bias += $1.bias
    }
    return Result(
      loss: Float(total.loss / Double(n)), x: made[0], y: made[1],
      logScale: Float(total.logScale / Double(n)),
      bias: Float(total.bias / Double(n)))
  }

  /// Adds up a row of dot products; with `gradients` it is replaced by n times the gradients of its logits.
  private func pass(
    row: Int, _ products: UnsafeMutablePointer<Float>, count: Int, gradients: Bool
  ) -> RowSums {
    let (elementwise, reduce) = (Kernels.table.elementwise, Kernels.table.reduction.reduce)
    let tile = 1024
    var sums = RowSums()
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * tile) { buffer in
      let logits = buffer.baseAddress!
      let other = logits + tile
      var positives = self.positives[row]
      for start in stride(from: 0, to: count, by: tile) {
        let products = products + start
        let width = Swift.min(tile, count - start)
        let belonging = positives.prefix { $0 < start + width }
        positives = positives.dropFirst(belonging.count)
        // -z (t x·y + b): the loss is its softplus, the gradient -z times its sigmoid.
        withUnsafePointer(to: scale) {
          elementwise.binary(BinaryOperation.multiply.rawValue, products, 1, $0, 0, logits, width)
        }
        withUnsafePointer(to: bias) {
          elementwise.binary(BinaryOperation.add.rawValue, logits, 1, $0, 0, logits, width)
        }
        for text in belonging { logits[text - start].negate() }
        elementwise.unary(UnaryOperation.softplus.rawValue, logits, 1, other, width)
        sums.loss += Double(reduce(ReductionOperation.sum.rawValue, other, 1, width))
        if !gradients { continue }
        elementwise.unary(UnaryOperation.sigmoid.rawValue, logits, 1, logits, width)
        for text in belonging { logits[text - start].negate() }
        sums.bias += Double(reduce(ReductionOperation.sum.rawValue, logits, 1, width))
        elementwise.binary(BinaryOperation.multiply.rawValue, products, 1, logits, 1, other, width)
        sums.logScale += Double(scale) * Double(reduce(ReductionOperation.sum.rawValue, other, 1, width))
        elementwise.copy(logits, 1, products, 1, width)
      }
    }
    return sums
  }
}

// MARK: - Samples

package enum SigmoidLossSamples {
  package static var all: OperationSamples {
    let cases: [(images: Int, texts: Int, PairLabels, String)] = [
      (3, 3, .diagonal, "diagonal"), (1, 1, .diagonal, "one pair"), (17, 17, .diagonal, "17 pairs"),
      (
        4, 6,
        .classes(
          images: IndexTensor([0, 1, 1, 2] as [Int]), texts: IndexTensor([0, 0, 1, 1, 3, 2] as [Int])),
        "classes"
      ),
    ]
    return OperationSamples(
      "sigmoidPairwiseLoss",
      cases.map { images, texts, labels, description in
        let positives = labels.positives(images: images, texts: texts, of: "sample")
        let signs = ReferenceArray(positives.matrix(texts: texts)).map { 2 * $0 - 1 }
        return OperationSample(
          [
            .init([images, 5], in: -1..<1), .init([texts, 5], in: -1..<1), .init([], in: 0..<1), .init([1]),
          ],
          description,
          forward: {
            sigmoidPairwiseLoss(
              images: $0[0], texts: $0[1], logScale: $0[2], bias: $0[3], positives: labels, rowsAtATime: 3)
          },
          composition: {
            composedSigmoidLoss(
              images: $0[0], texts: $0[1], logScale: $0[2], bias: $0[3], positives: positives)
          },
          reference: { inputs in
            let logits = inputs[0].pairProducts(with: inputs[1]).map {
              exp(inputs[2].values[0]) * $0 + inputs[3].values[0]
            }
            return logits.combine(signs) { log(1 + exp(-$0 * $1)) }.fold { $0.reduce(0, +) / Double(images) }
          })
      })
  }
}

extension ReferenceArray {
  /// A matrix with rows and columns exchanged.
  var transposed: ReferenceArray { ReferenceArray(shape: [shape[1], shape[0]]) { self[[$0[1], $0[0]]] } }

  /// Dot products of every row with every row of another matrix.
  func pairProducts(with other: ReferenceArray) -> ReferenceArray {
    ReferenceArray(shape: [shape[0], other.shape[0]]) { position in
      (0..<shape[1]).reduce(0) { $0 + self[[position[0], $1]] * other[[position[1], $1]] }
    }
  }
}
