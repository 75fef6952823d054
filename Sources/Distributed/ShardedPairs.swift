import Optim

/// The embeddings that a rank has of a batch that several ranks share, and what belongs together in all of it.
public struct ShardedPairs: Sendable {
  /// Embeddings of the images of this rank's shards, `[images, width]` each; a shard may have none.
  public let images: [Tensor]
  /// The same of texts.
  public let texts: [Tensor]
  /// Images and texts of every shard of the batch.
  public let counts: [(images: Int, texts: Int)]
  /// A number for every image and text of the batch, equal for those that belong together.
  public let classes: (images: [Int32], texts: [Int32])

  /// Embeddings of a batch; traps unless numbers fit.
  public init(
    images: [Tensor], texts: [Tensor], counts: [(images: Int, texts: Int)],
    classes: (images: [Int32], texts: [Int32])
  ) {
    (self.images, self.texts, self.counts, self.classes) = (images, texts, counts, classes)
    let (imageCount, textCount) = (counts.reduce(0) { $0 + $1.images }, counts.reduce(0) { $0 + $1.texts })
    if images.count != texts.count || (classes.images.count, classes.texts.count) != (imageCount, textCount) {
      programmerError(
        "ShardedPairs: classes of \(classes.images.count) images and \(classes.texts.count) texts for \(imageCount) and "
          + "\(textCount)")
    }
  }
}

/// A loss of a batch that several ranks share, and its gradients, equal on all ranks where they are of the whole batch.
public struct ShardedPairLoss: Sendable {
  /// The loss of the batch.
  public let value: Float
  /// Gradients of the embeddings of this rank's shards.
  public let images, texts: [Tensor]
  /// Gradients of the logarithm of the temperature and of the bias.
  public let logScale, bias: Float
}

/// How texts come to the images of other ranks, as open_clip's `SigLipLoss` names it. The loss and its gradients have the
/// same bits.
public enum PairDistribution: String, Sendable, CaseIterable, Codable {
  /// Every rank gets all of them at once: the least waiting, and memory for all texts of the batch.
  case gather
  /// They go around from rank to rank: memory for the texts of two ranks.
  case shift
  /// The same in both directions at once: half as many turns, and memory for the texts of four ranks.
  case bidirectional
  /// One rank after another tells all: memory for the texts of one rank.
  case reduce
}
