import Foundation
import Kernels

/// A loss of all pairs of n images and m texts, and its gradients.
package struct PairwiseLoss {
  /// The loss.
  package let value: Tensor
  /// Gradients of the embeddings, `[n, d]` and `[m, d]`; nil where not wanted.
  package let images, texts: Tensor?
  /// Gradients of the logarithm of the scale and, for the sigmoid loss, of the bias.
  package let logScale, bias: Float

  /// What gradients are wanted of.
  package typealias Wanted = (images: Bool, texts: Bool, logScale: Bool)
}

/// Mean of the cross-entropies of rows and columns of t X Yᵀ, t = exp(`logScale`) (Radford et al. 2021). The logits are one
/// matrix of n x m numbers, turned into their gradients in place.
package func softmaxPairwiseLoss(
  images: Tensor, texts: Tensor, logScale: Tensor, labels: PairLabels, wanted: PairwiseLoss.Wanted
) -> PairwiseLoss {
  checkPairs(images, texts, logScale, of: "softmaxPairwiseLoss")
  let (n, m) = (images.shape[0], texts.shape[0])
  let positives = labels.checked(images: n, texts: m, of: "softmaxPairwiseLoss").positives(
    images: n, texts: m)
  let scale = exp(logScale.item())
  var logits = images.matmul(texts.transpose(), bias: nil, scale: scale)
  let value = logits.withUnsafeMutableScalars {
    SoftmaxPairs(logits: $0.baseAddress!, images: n, texts: m, positives: positives).loss(
      replacingLogitsByGradients: wanted.images || wanted.texts || wanted.logScale)
  }
  // From here the logits are their own gradients.
  let ofImages =
    wanted.images || wanted.logScale ? logits.matmul(texts, bias: nil, scale: scale) : nil
  let ofTexts = wanted.texts ? logits.transpose().matmul(images, bias: nil, scale: scale) : nil
  return PairwiseLoss(
    value: Tensor(value), images: ofImages, texts: ofTexts,
    // Σ g t x·y, row by row.
    logScale: ofImages.map { ($0 * images).sum().item() } ?? 0, bias: 0)
}

/// -(1/n) Σᵢⱼ log sigmoid(zᵢⱼ (t xᵢ·yⱼ + b)), z = 1 for pairs that belong together and -1 for all others, t =
/// exp(`logScale`) (Zhai et al. 2023), in one pass over the images.
///
/// - Parameter rowsAtATime: Rows of logits in memory; if not given, enough for the products to be fast, an eighth of all at
///   most, 16 MiB as long as those are 128 rows.
package func sigmoidPairwiseLoss(
  images: Tensor, texts: Tensor, logScale: Tensor, bias: Tensor, labels: PairLabels,
  wanted: PairwiseLoss.Wanted, rowsAtATime: Int? = nil
) -> PairwiseLoss {
  checkPairs(images, texts, logScale, of: "sigmoidPairwiseLoss")
  if bias.count != 1 {
    programmerError("sigmoidPairwiseLoss: a bias of shape \(bias.shape) is not one number")
  }
  let (n, m) = (images.shape[0], texts.shape[0])
  return SigmoidPairs(
    images: images, texts: texts, scale: exp(logScale.item()), bias: bias.item(),
    labels: labels.checked(images: n, texts: m, of: "sigmoidPairwiseLoss")
  ).loss(wanted, rowsAtATime: rowsAtATime ?? Swift.max(128, Swift.min((n + 7) / 8, 1 << 22 / m)))
}

private func checkPairs(_ x: Tensor, _ y: Tensor, _ logScale: Tensor, of operation: StaticString) {
  guard x.rank == 2, y.rank == 2, x.shape[1] == y.shape[1], x.shape[0] > 0, y.shape[0] > 0 else {
    programmerError(
      "\(operation): images of shape \(x.shape) and texts of shape \(y.shape) are not [n, d] and [m, d]")
  }
  if logScale.count != 1 {
    programmerError("\(operation): a scale of shape \(logScale.shape) is not one number")
  }
}

/// The sigmoid loss and its gradients in one pass over the rows.
private struct SigmoidPairs {
  let images, texts: Tensor
  let scale, bias: Float
  let labels: PairLabels

  func loss(_ wanted: PairwiseLoss.Wanted, rowsAtATime: Int) -> PairwiseLoss {
    let (n, m, d) = (images.shape[0], texts.shape[0], images.shape[1])
    let rows = Swift.min(rowsAtATime, n)
    // For each row: the sums of the losses, of the gradients of the logits, and of those times the dot products.
    var sums = [Double](repeating: 0, count: 3 * n)
    let ofImages = wanted.images ? Tensor(uninitialized: images.shape) : nil
    let ofTexts = wanted.texts ? Tensor(uninitialized: texts.shape) : nil
    let (x, y) = (images.rowsView, texts.rowsView)
    withScratch(count: rows * m) { pairs in
      let band = MatrixView(pairs, rowStride: m, columnStride: 1)
      for first in stride(from: 0, to: n, by: rows) {
        let count = Swift.min(rows, n - first)
        var xRows = x
        xRows.pointer += first * x.rowStride
        gemm(m: count, n: m, k: d, a: xRows, b: y.transposed, c: pairs, cRowStride: m, cColumnStride: 1)
        replaceByGradients(pairs, rows: first..<first + count, adding: &sums)
        if let ofImages {
          gemm(
            m: count, n: d, k: m, alpha: scale, a: band, b: y, c: ofImages.pointer + first * d,
            cRowStride: d, cColumnStride: 1)
        }
        if let ofTexts {
          gemm(
            m: m, n: d, k: count, alpha: scale, a: band.transposed, b: xRows, beta: first == 0 ? 0 : 1,
            c: ofTexts.pointer, cRowStride: d, cColumnStride: 1)
        }
      }
    }
    withExtendedLifetime(self) {}
    var total = (loss: 0.0, logit: 0.0, product: 0.0)
    for row in 0..<n {
      total.loss += sums[3 * row]
      total.logit += sums[3 * row + 1]
      total.product += sums[3 * row + 2]
    }
    return PairwiseLoss(
      value: Tensor(Float(total.loss / Double(n))), images: ofImages, texts: ofTexts,
      logScale: Float(total.product * Double(scale)), bias: Float(total.logit))
  }

  /// Turns a band of dot products into the gradients of its logits. Rows add up one by one, so that the sums do not
  /// depend on how rows are shared among threads.
  private func replaceByGradients(
    _ pairs: UnsafeMutablePointer<Float>, rows: Range<Int>, adding sums: inout [Double]
  ) {
    let (n, m) = (images.shape[0], texts.shape[0])
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

extension Tensor {
  /// A matrix where it lies.
  fileprivate var rowsView: MatrixView {
    MatrixView(readPointer, rowStride: strides[0], columnStride: strides[1])
  }
}
