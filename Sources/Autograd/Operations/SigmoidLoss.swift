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
    rowsAtATime: rowsAtATime(images: x.shape.first ?? 1, texts: y.shape.first ?? 1))
}

/// Rows of logits in memory: enough for the products to be fast, an eighth of all at most, 16 MiB as long as those are
/// 128 rows.
private func rowsAtATime(images: Int, texts: Int) -> Int {
  Swift.max(128, Swift.min((images + 7) / 8, 1 << 22 / Swift.max(texts, 1)))
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
  let labels = positives.checked(images: x.shape[0], texts: y.shape[0], of: "sigmoidPairwiseLoss")
  let inputs = [x, y, logScale, bias]
  let isRecorded = Recording.isEnabled && inputs.contains(where: \.requiresGradient)
  let loss = SigmoidLoss(
    x: x.value, y: y.value, scale: exp(logScale.item()), bias: bias.item(), labels: labels)
  let found = loss.compute(
    ofImages: isRecorded && x.requiresGradient,
    ofTexts: isRecorded && y.requiresGradient, rowsAtATime: rowsAtATime)
  return record(
    "sigmoidPairwiseLoss", inputs, value: Tensor(found.loss),
    fused: { context in
      let factor = context.gradient.item()
      return [
        context.needs(0) ? found.x?.scaled(by: factor) : nil,
        context.needs(1) ? found.y?.scaled(by: factor) : nil,
        .full(context.shape(ofInput: 2), found.logScale * factor),
        .full(context.shape(ofInput: 3), found.bias * factor),
      ]
    },
    composition: {
      composedSigmoidLoss(images: $0[0], texts: $0[1], logScale: $0[2], bias: $0[3], labels: labels)
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
  images x: Variable, texts y: Variable, logScale: Variable, bias: Variable, labels: PairLabels
) -> Variable {
  let positives = labels.positives(images: x.shape[0], texts: y.shape[0])
  let logits = matmul(x, y.transpose()) * logScale.reshape([]).exp() + bias.reshape([])
  let negatedSigns = 1 - positives.matrix(texts: y.shape[0]) * 2
  return (logits * Variable(negatedSigns)).softplus().sum() / Float(x.shape[0])
}

/// The loss and its gradients in one pass over the rows.
private struct SigmoidLoss {
  let x, y: Tensor
  let scale, bias: Float
  let labels: PairLabels

  struct Result {
    var loss: Float
    var x: Tensor?
    var y: Tensor?
    var logScale: Float
    var bias: Float
  }

  func compute(ofImages: Bool, ofTexts: Bool, rowsAtATime: Int) -> Result {
    let (n, m, d) = (x.shape[0], y.shape[0], x.shape[1])
    let rows = Swift.min(rowsAtATime, n)
    // For each row: the sums of the losses, of the gradients of the logits, and of those times the dot products.
    var sums = [Double](repeating: 0, count: 3 * n)
    let made = Tensor.make([ofImages ? x.shape : nil, ofTexts ? y.shape : nil]) { xGradient, yGradient, _ in
      x.withUnsafeStrided { x in
        y.withUnsafeStrided { y in
          withScratch(count: rows * m) { pairs in
            let yRows = MatrixView(y, rowStride: self.y.strides[0], columnStride: self.y.strides[1])
            let band = MatrixView(pairs, rowStride: m, columnStride: 1)
            for first in stride(from: 0, to: n, by: rows) {
              let count = Swift.min(rows, n - first)
              let xRows = MatrixView(
                x + first * self.x.strides[0], rowStride: self.x.strides[0], columnStride: self.x.strides[1])
              gemm(
                m: count, n: m, k: d, a: xRows, b: yRows.transposed, c: pairs, cRowStride: m, cColumnStride: 1
              )
              replaceByGradients(pairs, rows: first..<first + count, adding: &sums)
              if let xGradient {
                gemm(
                  m: count, n: d, k: m, alpha: scale, a: band, b: yRows, c: xGradient + first * d,
                  cRowStride: d, cColumnStride: 1)
              }
              if let yGradient {
                gemm(
                  m: m, n: d, k: count, alpha: scale, a: band.transposed, b: xRows,
                  beta: first == 0 ? 0 : 1, c: yGradient, cRowStride: d, cColumnStride: 1)
              }
            }
          }
        }
      }
    }
    var total = (loss: 0.0, logit: 0.0, product: 0.0)
    for row in 0..<n {
      total.loss += sums[3 * row]
      total.logit += sums[3 * row + 1]
      total.product += sums[3 * row + 2]
    }
    return Result(
      loss: Float(total.loss / Double(n)), x: made[0], y: made[1],
      logScale: Float(total.product * Double(scale)), bias: Float(total.logit))
  }

  /// Turns a band of dot products into the gradients of its logits. Rows add up one by one, so that the sums do not
  /// depend on how rows are shared among threads.
  private func replaceByGradients(
    _ pairs: UnsafeMutablePointer<Float>, rows: Range<Int>, adding sums: inout [Double]
  ) {
    let (n, m) = (x.shape[0], y.shape[0])
    let kernel = Kernels.table.loss.sigmoidPairs
    let factor = 1 / Float(n)
    labels.withClasses { imageClasses, textClasses in
      sums.withUnsafeMutableBufferPointer { sums in
        let sums = sums.baseAddress!
        ThreadPool.parallelRanges(count: rows.count, grain: 16_384 / m + 1) { range in
          for row in range {
            let image = rows.lowerBound + row
            kernel(
              pairs + row * m, m, scale, bias, imageClasses == nil ? image : .min,
              imageClasses.map { $0 + image }, textClasses, factor, sums + 3 * image, 1, m)
          }
        }
      }
    }
  }
}
