import Foundation
import NN

/// What a model of image and text towers learns by.
public enum PairLoss: Sendable {
  /// SigLIP's, ``sigmoidPairwiseLoss(images:texts:logScale:bias:positives:negatives:divisor:)``.
  case sigmoid(negatives: NegativeSelection = .all, divisor: PairwiseDivisor = .images)
  /// CLIP's, ``softmaxPairwiseLoss(images:texts:logScale:positives:)``.
  case softmax

  /// The loss of embeddings `[images, width]` and `[texts, width]` of length 1 by a model's temperature and bias.
  ///
  /// - Parameter logitPrecision: Of the products of embeddings, and of those in their gradients.
  public func callAsFunction(
    _ model: SigLIP, images: Variable, texts: Variable, positives: PairLabels = .diagonal,
    logitPrecision: MatmulPrecision = .float32
  ) -> Variable {
    switch self {
    case .sigmoid(let negatives, let divisor):
      sigmoidPairwiseLoss(
        images: images, texts: texts, logScale: model.logitScale.variable, bias: model.bias.variable,
        positives: positives, negatives: negatives, divisor: divisor, logitPrecision: logitPrecision)
    case .softmax:
      softmaxPairwiseLoss(
        images: images, texts: texts, logScale: model.logitScale.variable, positives: positives,
        logitPrecision: logitPrecision)
    }
  }

  /// The largest temperature that training may come to: 100 for the softmax loss, as CLIP has it. None for the sigmoid
  /// loss, whose released models have more.
  public var largestTemperature: Float? {
    switch self {
    case .sigmoid: nil
    case .softmax: 100
    }
  }

  /// Takes a model's temperature back to the largest there may be, after a step.
  public func limitTemperature(of model: SigLIP) {
    guard let largestTemperature else { return }
    model.logitScale.value = model.logitScale.value.minimum(
      .full(model.logitScale.shape, log(largestTemperature)))
  }
}

extension SigLIP {
  /// What the sigmoid loss cannot do without.
  fileprivate var bias: Parameter {
    guard let logitBias else { programmerError("the sigmoid loss of a model that has no bias") }
    return logitBias
  }

  /// The loss of a batch of any size, exact, in the memory of a few images and a few texts: towers are computed in parts,
  /// and again in the backward sweep (``microbatched(_:size:_:)``), the loss once for all pairs.
  ///
  /// Value and gradients are those of the whole batch in one piece, dropout included. Beside weights, gradients and the
  /// optimizer's state, memory holds all embeddings with their gradients, and what one part of one tower needs.
  ///
  /// - Parameters:
  ///   - imageCount: Images in the batch.
  ///   - textCount: Texts in the batch.
  ///   - atATime: Images and texts in a part.
  ///   - positives: Which pairs belong together.
  ///   - loss: Of the embeddings.
  ///   - logitPrecision: See ``PairLoss``.
  ///   - embedImages: Embeddings of length 1 of some of the images; called twice for each range, with the same result.
  ///   - embedTexts: The same of texts.
  public func loss(
    images imageCount: Int, texts textCount: Int, atATime: (images: Int, texts: Int),
    positives: PairLabels = .diagonal, loss: PairLoss = .sigmoid(),
    logitPrecision: MatmulPrecision = .float32,
    embedImages: @escaping (Range<Int>) -> Variable, embedTexts: @escaping (Range<Int>) -> Variable
  ) -> Variable {
    let texts = microbatched(textCount, size: atATime.texts, embedTexts)
    let images = microbatched(imageCount, size: atATime.images, embedImages)
    return loss(self, images: images, texts: texts, positives: positives, logitPrecision: logitPrecision)
  }

  /// The same of pixels, or what else the image tower takes, and token ids `[texts, context]` that are all in memory.
  public func loss(
    images: Variable, texts: IndexTensor, atATime: (images: Int, texts: Int),
    positives: PairLabels = .diagonal, loss: PairLoss = .sigmoid(), logitPrecision: MatmulPrecision = .float32
  ) -> Variable {
    self.loss(
      images: images.shape[0], texts: texts.shape[0], atATime: atATime, positives: positives, loss: loss,
      logitPrecision: logitPrecision, embedImages: { self.embed(images: images.slice($0, axis: 0)) },
      embedTexts: { self.embed(texts: texts[$0]) })
  }

  /// The same of images of any size and shape, for a NaFlex model.
  public func loss(
    patches: PatchSequences, texts: IndexTensor, atATime: (images: Int, texts: Int),
    positives: PairLabels = .diagonal, loss: PairLoss = .sigmoid(), logitPrecision: MatmulPrecision = .float32
  ) -> Variable {
    self.loss(
      images: patches.grids.count, texts: texts.shape[0], atATime: atATime, positives: positives, loss: loss,
      logitPrecision: logitPrecision, embedImages: { self.embed(patches: patches[$0]) },
      embedTexts: { self.embed(texts: texts[$0]) })
  }
}
