import NN

/// CoCa's loss (Yu et al. 2022), as open_clip's `CoCaLoss`: CLIP's of a batch's embeddings, and the cross-entropy of the captions'
/// tokens, each times a weight.
public struct CoCaLoss: Sendable, Hashable {
  /// Of CLIP's loss; 0 leaves it out.
  public var contrastiveWeight: Float
  /// Of the captions' cross-entropy.
  public var captionWeight: Float
  /// The label of tokens that do not count; 0 in open_clip.
  public var ignoredLabel: Int

  /// A loss of the given weights; these are those that open_clip trains with.
  public init(contrastiveWeight: Float = 1, captionWeight: Float = 2, ignoredLabel: Int = 0) {
    (self.contrastiveWeight, self.captionWeight) = (contrastiveWeight, captionWeight)
    self.ignoredLabel = ignoredLabel
  }

  /// Both terms, weighted; the loss is their sum.
  ///
  /// - Parameters:
  ///   - images: Embeddings `[batch, width]` of length 1.
  ///   - texts: Embeddings of the texts that belong to them, in the same order.
  ///   - logScale: t', one number.
  ///   - logits: Of the captions' tokens, `[batch, tokens, vocabulary]`.
  ///   - labels: The tokens, `[batch, tokens]`: of each the logits are those behind the token before it.
  public func callAsFunction(
    images: Variable, texts: Variable, logScale: Variable, logits: Variable, labels: IndexTensor
  ) -> (contrastive: Variable, caption: Variable) {
    let contrastive =
      contrastiveWeight == 0
      ? Variable(Tensor(0)) : softmaxPairwiseLoss(images: images, texts: texts, logScale: logScale)
    return (
      contrastive * contrastiveWeight,
      crossEntropy(logits: logits, labels: labels, ignoredLabel: ignoredLabel) * captionWeight
    )
  }
}
