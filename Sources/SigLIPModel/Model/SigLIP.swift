import Foundation
import NN

/// An image tower and a text tower, and what turns their similarity into logits: a temperature and, in a model that learns by
/// the sigmoid loss (SigLIP, Zhai et al. 2023), a bias. Without a bias it is a model that learns by the softmax loss (CLIP,
/// Radford et al. 2021).
public final class SigLIP: Module {
  /// The image tower.
  public let image: any ImageTower
  /// The text tower.
  public let text: any TextTower
  /// t′ = log t, `[1]`.
  public let logitScale: Parameter
  /// b, `[1]`; nil for a model of the softmax loss, whose probabilities it would not change.
  public let logitBias: Parameter?

  /// A model of two towers.
  ///
  /// - Parameters:
  ///   - logitScale: t′; the paper starts at log 10.
  ///   - logitBias: b; the paper starts at -10, for batches of 32,768. -log(batch - 1) makes the first steps of smaller
  ///     batches start from the same odds. nil for the softmax loss.
  public convenience init(
    image: any ImageTower, text: any TextTower, logitScale: Float = Float(log(10.0)), logitBias: Float? = -10
  ) {
    self.init(
      image: image, text: text, logitScale: Parameter(Tensor([logitScale])),
      logitBias: logitBias.map { Parameter(Tensor([$0])) })
  }

  /// A model of the given sizes, initialised as big_vision does; t′ as CLIP's for the softmax loss, log(1 / 0.07).
  public convenience init(_ configuration: SigLIPConfiguration, random: inout Random) {
    let tower = configuration.vision.tower(random: &random)
    let image = configuration.imageProjection.map {
      ProjectedTower(
        tower, FeatureProjection($0, inputs: configuration.vision.width, random: &random))
    }
    let objective = configuration.objective
    self.init(
      image: image ?? tower, text: configuration.text.tower(random: &random),
      logitScale: objective.logitScale, logitBias: objective == .sigmoid ? -10 : nil)
    configuration.check()
  }

  /// The same text tower, temperature and bias beside another image tower: what was trained beside features that a locked
  /// tower had computed beforehand becomes the model of images. Parameters are shared.
  ///
  ///     let whole = trained.replacingImageTower(ProjectedTower(tower, projection))
  public func replacingImageTower(_ image: any ImageTower) -> SigLIP {
    SigLIP(image: image, text: text, logitScale: logitScale, logitBias: logitBias)
  }

  private init(image: any ImageTower, text: any TextTower, logitScale: Parameter, logitBias: Parameter?) {
    self.image = image
    self.text = text
    self.logitScale = logitScale
    self.logitBias = logitBias
  }

  /// A model whose weights are one zero repeated and take no memory: to be looked at, or filled by reading a state.
  public static func outline(_ configuration: SigLIPConfiguration) -> SigLIP {
    var random = Random.placeholders
    return SigLIP(configuration, random: &random)
  }

  /// What its probabilities are made by.
  public var objective: PairObjective { logitBias == nil ? .softmax : .sigmoid }

  /// Image embeddings of length 1, `[batch, width]`. Each is the same, to the last bit, alone and in any batch, on any
  /// number of threads, with packed weights (`packWeights()`) or without; only levels of instructions round differently.
  public func embed(images: Variable) -> Variable { image(images).normalized() }

  /// Embeddings of length 1 of images of any size and shape, `[batch, width]`; the model must be a NaFlex one. Each is the
  /// same, to the last bit, in any batch, however long its sequence is padded.
  public func embed(patches: PatchSequences) -> Variable { image(patches).normalized() }

  /// Text embeddings of length 1, `[batch, width]`; the same in any batch, as those of images.
  public func embed(texts: IndexTensor) -> Variable { text(texts).normalized() }

  /// The loss of its ``objective`` (``PairLoss``) of pixels, or what else the image tower takes, and token ids
  /// `[texts, context]`.
  ///
  /// Texts go first, so that the backward sweep begins with the images: theirs are the most numbers kept, which then make
  /// room for gradients. B/16 with AdamW and 4 pairs takes 4% less memory so.
  public func loss(images: Variable, texts: IndexTensor, positives: PairLabels = .diagonal) -> Variable {
    let texts = embed(texts: texts)
    return objective.loss(self, images: embed(images: images), texts: texts, positives: positives)
  }

  /// The same of images of any size and shape; the model must be a NaFlex one.
  public func loss(patches: PatchSequences, texts: IndexTensor, positives: PairLabels = .diagonal) -> Variable
  {
    let texts = embed(texts: texts)
    return objective.loss(self, images: embed(patches: patches), texts: texts, positives: positives)
  }

  /// Logits t x·y + b of every image with every text, `[images, texts]`, of embeddings of length 1.
  public func logits(images: Variable, texts: Variable) -> Variable {
    logits(similarities: matmul(images, texts.transpose()))
  }

  /// Logits t s + b of similarities, of any shape.
  public func logits(similarities: Variable) -> Variable {
    let scaled = similarities * logitScale.variable.exp()
    return logitBias.map { scaled + $0.variable } ?? scaled
  }

  /// What logits `[..., texts]` say by the model's ``objective``: by the sigmoid the probability of each pair that it belongs
  /// together, by the softmax the probability of each text among all.
  public func probabilities(logits: Variable) -> Variable {
    switch objective {
    case .sigmoid: logits.sigmoid()
    case .softmax: logits.softmax(axis: -1)
    }
  }
}
