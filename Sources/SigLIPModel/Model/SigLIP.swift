import Foundation
import NN

/// Two towers and the temperature and bias that turn their similarity into logits (Zhai et al. 2023).
public final class SigLIP: Module {
  /// The image tower.
  public let image: any ImageTower
  /// The text tower.
  public let text: TextTransformer
  /// t′ = log t, `[1]`.
  public let logitScale: Parameter
  /// b, `[1]`.
  public let logitBias: Parameter

  /// A model of two towers.
  ///
  /// - Parameters:
  ///   - logitScale: t′; the paper starts at log 10.
  ///   - logitBias: b; the paper starts at -10, for batches of 32,768. -log(batch - 1) makes the first steps of smaller
  ///     batches start from the same odds.
  public convenience init(
    image: any ImageTower, text: TextTransformer, logitScale: Float = Float(log(10.0)), logitBias: Float = -10
  ) {
    self.init(
      image: image, text: text, logitScale: Parameter(Tensor([logitScale])),
      logitBias: Parameter(Tensor([logitBias])))
  }

  /// A model of the given sizes, initialised as big_vision does.
  public convenience init(_ configuration: SigLIPConfiguration, random: inout Random) {
    let tower = configuration.vision.tower(random: &random)
    let image = configuration.imageProjection.map {
      ProjectedTower(
        tower, FeatureProjection($0, inputs: configuration.vision.width, random: &random))
    }
    self.init(image: image ?? tower, text: TextTransformer(configuration.text, random: &random))
    configuration.check()
  }

  /// The same text tower, temperature and bias beside another image tower: what was trained beside features that a locked
  /// tower had computed beforehand becomes the model of images. Parameters are shared.
  ///
  ///     let whole = trained.replacingImageTower(ProjectedTower(tower, projection))
  public func replacingImageTower(_ image: any ImageTower) -> SigLIP {
    SigLIP(image: image, text: text, logitScale: logitScale, logitBias: logitBias)
  }

  private init(image: any ImageTower, text: TextTransformer, logitScale: Parameter, logitBias: Parameter) {
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

  /// Image embeddings of length 1, `[batch, width]`. Each is the same, to the last bit, alone and in any batch, on any
  /// number of threads, with packed weights (`packWeights()`) or without; only levels of instructions round differently.
  public func embed(images: Variable) -> Variable { image(images).normalized() }

  /// Embeddings of length 1 of images of any size and shape, `[batch, width]`; the model must be a NaFlex one. Each is the
  /// same, to the last bit, in any batch, however long its sequence is padded.
  public func embed(patches: PatchSequences) -> Variable { image(patches).normalized() }

  /// Text embeddings of length 1, `[batch, width]`; the same in any batch, as those of images.
  public func embed(texts: IndexTensor) -> Variable { text(texts).normalized() }

  /// SigLIP's loss (``sigmoidPairwiseLoss(images:texts:logScale:bias:positives:)``) of pixels, or what else the image
  /// tower takes, and token ids `[texts, context]`.
  ///
  /// Texts go first, so that the backward sweep begins with the images: theirs are the most numbers kept, which then make
  /// room for gradients. B/16 with AdamW and 4 pairs takes 4% less memory so.
  public func loss(images: Variable, texts: IndexTensor, positives: PairLabels = .diagonal) -> Variable {
    let texts = embed(texts: texts)
    return PairLoss.sigmoid()(self, images: embed(images: images), texts: texts, positives: positives)
  }

  /// The same of images of any size and shape; the model must be a NaFlex one.
  public func loss(patches: PatchSequences, texts: IndexTensor, positives: PairLabels = .diagonal) -> Variable
  {
    let texts = embed(texts: texts)
    return PairLoss.sigmoid()(self, images: embed(patches: patches), texts: texts, positives: positives)
  }

  /// Logits t x·y + b of every image with every text, `[images, texts]`; their sigmoid is the probability of a match.
  public func logits(images: Variable, texts: Variable) -> Variable {
    matmul(images, texts.transpose()) * logitScale.variable.exp() + logitBias.variable
  }
}
