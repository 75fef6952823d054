import NN

/// What a model learns from the pairs of a batch and from a teacher's opinion of them, as open_clip's `DistillClipLoss`: CLIP's
/// loss, and the cross-entropy of the teacher's probabilities over rows and columns of its logits (Hinton et al. 2015), the mean
/// of both.
///
/// All logits of the batch are in memory, those of the teacher too.
///
/// - Parameters:
///   - x: Image embeddings `[batch, width]` of length 1.
///   - y: Embeddings of the texts that belong to them, in the same order.
///   - logScale: t', one number.
///   - teacherImages: The teacher's embeddings of the same images, of any width; no gradient passes to it.
///   - teacherTexts: Its embeddings of the same texts.
///   - teacherLogScale: Its t', one number.
/// - Returns: Both terms; the loss is their sum.
public func distillationPairwiseLoss(
  images x: Variable, texts y: Variable, logScale: Variable,
  teacherImages: Tensor, teacherTexts: Tensor, teacherLogScale: Tensor
) -> (contrastive: Variable, distillation: Variable) {
  let batch = x.shape[0]
  for shape in [y.shape, teacherImages.shape, teacherTexts.shape] where shape.first != batch {
    programmerError(
      "distillationPairwiseLoss: embeddings of shapes \(x.shape), \(y.shape), \(teacherImages.shape) and "
        + "\(teacherTexts.shape), expected as many of each")
  }
  let logits = matmul(x, y.transpose()) * logScale.reshape([]).exp()
  let opinion = teacherImages.matmul(teacherTexts.transpose()) * teacherLogScale.reshape([]).exp()
  func half(_ logits: Variable, _ opinion: Tensor) -> Variable {
    crossEntropy(logits: logits, targets: opinion.softmax(axis: -1)) * 0.5
  }
  return (
    softmaxPairwiseLoss(images: x, texts: y, logScale: logScale),
    half(logits, opinion) + half(logits.transpose(), opinion.transpose())
  )
}
