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

  /// A dot product whose pair adds nothing to the sigmoid loss: finite, and so is what it is multiplied by 0.
  static let absent = -Float.greatestFiniteMagnitude / 2
}

/// What the sum of the sigmoid loss is divided by.
public enum PairwiseDivisor: Sendable {
  /// The number of images, as in the paper.
  case images
  /// The number of texts, for texts that are compared with more images than their own.
  case texts

  /// The number.
  package func callAsFunction(images: Int, texts: Int) -> Int { self == .images ? images : texts }
}

/// Mean of the cross-entropies of rows and columns of t X Yᵀ, t = exp(`logScale`) (Radford et al. 2021), without a matrix
/// of all logits: where they are more than a tile holds, they are computed twice.
///
/// - Parameter tile: Rows and columns of logits in memory; if not given, ``PairTiles``'s.
package func softmaxPairwiseLoss(
  images: Tensor, texts: Tensor, logScale: Tensor, labels: PairLabels, wanted: PairwiseLoss.Wanted,
  tile: (rows: Int, columns: Int)? = nil, logitPrecision: MatmulPrecision = .float32
) -> PairwiseLoss {
  checkPairs(images, texts, logScale, of: "softmaxPairwiseLoss")
  let (n, m) = (images.shape[0], texts.shape[0])
  let labels = labels.checked(images: n, texts: m, of: "softmaxPairwiseLoss")
  var pairs = SoftmaxPairs(
    PairTiles(
      images: images, texts: texts, tile: tile ?? PairTiles.whole(images: n, texts: m),
      precision: logitPrecision),
    scale: exp(logScale.item()), labels: labels)
  return pairs.loss(wanted)
}

/// A part of all pairs that the softmax loss is made of: some images with some texts.
package struct SoftmaxBlock {
  private let images, texts: Tensor
  private let scale: Float
  private let labels: PairLabels
  private let precision: MatmulPrecision

  /// Embeddings `[n, d]` and `[m, d]` of a part, with a class for each.
  package init(
    images: Tensor, texts: Tensor, logScale: Tensor, classes: (images: [Int32], texts: [Int32]),
    logitPrecision: MatmulPrecision
  ) {
    precision = logitPrecision
    checkPairs(images, texts, logScale, of: "softmaxPairwiseLoss")
    (self.images, self.texts, scale) = (images, texts, exp(logScale.item()))
    labels = .classes(images: IndexTensor(classes.images), texts: IndexTensor(classes.texts))
  }

  private var pairs: SoftmaxPairs {
    let (n, m) = (images.shape[0], texts.shape[0])
    return SoftmaxPairs(
      PairTiles(
        images: images, texts: texts, tile: PairTiles.whole(images: n, texts: m), precision: precision),
      scale: scale, labels: labels)
  }

  /// What the part adds to the sums of its images' rows and its texts' columns.
  package func sums() -> (rows: LogSums, columns: LogSums) {
    var pairs = pairs
    return pairs.sums()
  }

  /// What the part gives to the gradients of its embeddings.
  ///
  /// - Parameters:
  ///   - rows: The sums of the rows over all texts.
  ///   - columns: The sums of the columns over all images.
  ///   - counts: Images and texts that there are in all.
  package func gradients(
    rows: LogSums, columns: LogSums, counts: (images: Int, texts: Int)
  ) -> (images: Tensor, texts: Tensor) {
    var pairs = pairs
    return pairs.gradients(
      rows: rows, columns: columns, weights: .init(images: counts.images, texts: counts.texts))
  }
}

/// -(1/n) Σᵢⱼ log sigmoid(zᵢⱼ (t xᵢ·yⱼ + b)), z = 1 for pairs that belong together and -1 for all others, t =
/// exp(`logScale`) (Zhai et al. 2023), in one pass over tiles of the pairs.
///
/// - Parameters:
///   - negatives: Which of the others are taken.
///   - divisor: What n is.
///   - tile: Rows and columns of logits in memory; if not given, ``PairTiles``'s.
package func sigmoidPairwiseLoss(
  images: Tensor, texts: Tensor, logScale: Tensor, bias: Tensor, labels: PairLabels,
  negatives: NegativeSelection = .all, divisor: PairwiseDivisor = .images, wanted: PairwiseLoss.Wanted,
  tile: (rows: Int, columns: Int)? = nil, logitPrecision: MatmulPrecision = .float32
) -> PairwiseLoss {
  sigmoidPairwiseLoss(
    images: images, texts: texts, logScale: logScale, bias: bias, labels: labels, negatives: negatives,
    divisor: divisor(images: images.shape[0], texts: texts.shape[0]), wanted: wanted, tile: tile,
    logitPrecision: logitPrecision)
}

/// The same of some of a batch's images and texts, with the divisor of the whole.
package func sigmoidPairwiseLoss(
  images: Tensor, texts: Tensor, logScale: Tensor, bias: Tensor, labels: PairLabels,
  negatives: NegativeSelection = .all, divisor: Int, wanted: PairwiseLoss.Wanted,
  tile: (rows: Int, columns: Int)? = nil, logitPrecision: MatmulPrecision = .float32
) -> PairwiseLoss {
  checkPairs(images, texts, logScale, of: "sigmoidPairwiseLoss")
  if bias.count != 1 {
    programmerError("sigmoidPairwiseLoss: a bias of shape \(bias.shape) is not one number")
  }
  negatives.check(of: "sigmoidPairwiseLoss")
  let (n, m) = (images.shape[0], texts.shape[0])
  let labels = labels.checked(images: n, texts: m, of: "sigmoidPairwiseLoss")
  var tile = tile ?? PairTiles.banded(images: n, texts: m)
  // What is selected depends on a whole row.
  if !negatives.isAll { tile = (rows: Swift.max(1, PairTiles.count / m), columns: m) }
  return SigmoidPairs(
    PairTiles(images: images, texts: texts, tile: tile, precision: logitPrecision),
    scale: exp(logScale.item()),
    bias: bias.item(), labels: labels, negatives: negatives, divisor: divisor
  ).loss(wanted)
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
