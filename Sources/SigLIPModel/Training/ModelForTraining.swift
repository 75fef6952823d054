import Foundation
import NN
import Optim

/// A model as a configuration asks for it, with all that stands between files, texts and its towers.
struct ModelForTraining {
  /// The whole model.
  let model: SigLIP
  let configuration: SigLIPConfiguration
  let preprocessing: ImagePreprocessing
  let encoder: TextEncoder
  /// Where tokenizer files are that go with the model.
  let tokenizerPath: String
  /// What has to learn the mean and the deviation of a pretrained tower's features, where a new projection begins behind it.
  let newNormalization: FeatureNormalization?

  /// Reads or makes the towers.
  ///
  /// - Throws: ``ConfigurationError``, ``FileError``, ``StateError``.
  init(_ configuration: TrainingConfiguration, candidates: Int) throws {
    let source = configuration.model
    var random = Random(seed: configuration.seed)
    let base = try source.checkpoint.map { try SigLIPCheckpoint(path: $0) }
    let preset = try source.preset.map { try SigLIPConfiguration(named: $0) }
    var image = try ImageSide(source, base: base, preset: preset)
    // Behind random weights a pretrained projection knows nothing either.
    if source.image?.randomWeights == true { (image.tower, image.pretrainedProjection) = (nil, nil) }
    var text = try TextSide(source, base: base, preset: preset)
    tokenizerPath = source.tokenizer ?? source.text?.checkpoint ?? base?.folder ?? ""
    encoder = try TextEncoder(path: tokenizerPath, contextLength: text.configuration.contextLength)
    try text.read(encoder, path: tokenizerPath)
    if text.configuration.pooling == .endToken, let problem = encoder.problemOfEndToken {
      throw ConfigurationError("model.tokenizer", "\(tokenizerPath) \(problem)")
    }

    let width: Int
    if text.pretrained != nil {
      width = text.configuration.outputWidth ?? text.configuration.width
    } else {
      width = source.embeddingWidth ?? image.projection?.width ?? image.vision.width
    }
    if let wanted = source.embeddingWidth, wanted != width {
      throw ConfigurationError(
        "model.embeddingWidth", "is \(wanted), but the text tower gives \(width) numbers")
    }
    if source.embeddingWidth != nil || width != (image.projection?.width ?? image.vision.width) {
      image.projection = ImageProjection(
        width: width, normalizesFeatures: configuration.cachesFeatures || image.tower != nil, hasBias: false)
      image.pretrainedProjection = nil
    }
    let sizes = SigLIPConfiguration(
      vision: image.vision, imageProjection: image.projection,
      text: text.sizes(embeddingWidth: width, dropout: source.text?.dropout),
      family: base?.configuration.family ?? preset?.family,
      objective: configuration.loss.kind ?? base?.configuration.objective ?? preset?.objective ?? .sigmoid)
    if let problem = sizes.problem { throw ConfigurationError("model", problem) }
    try configuration.towers.image.check(sizes.vision)
    if sizes.vision.architecture == .resNet { try configuration.checkBatchStatistics() }
    try sizes.checkMemory(path: "model")
    self.configuration = sizes
    preprocessing = image.preprocessing

    // Drawn whether they are used or not, so that one tower's origin does not change the other's numbers.
    var (imageRandom, textRandom, projectionRandom) = (random.split(), random.split(), random.split())
    let tower = image.tower ?? sizes.vision.tower(random: &imageRandom)
    let projection =
      image.pretrainedProjection
      ?? sizes.imageProjection.map {
        FeatureProjection($0, inputs: sizes.vision.width, random: &projectionRandom)
      }
    let textTower = sizes.text.tower(random: &textRandom)
    if let pretrained = text.pretrained { try textTower.load(pretrained.stateDictionary()) }
    model = SigLIP(
      image: projection.map { ProjectedTower(tower, $0) } ?? tower, text: textTower,
      logitScale: configuration.loss.temperature.map { log($0) } ?? base?.model.logitScale.value.item()
        ?? sizes.objective.logitScale,
      logitBias: sizes.objective == .softmax
        ? nil
        : configuration.loss.bias ?? base?.model.logitBias?.value.item()
          ?? -log(Float(max(candidates, 2) - 1)))
    model.apply(configuration.towers, random: &random)
    newNormalization = image.pretrainedProjection == nil ? projection?.normalization : nil
  }
}

/// The image tower that is asked for.
private struct ImageSide {
  var vision: VisionConfiguration
  var projection: ImageProjection?
  /// Weights that are there already.
  var tower: (any ImageTower)?
  var pretrainedProjection: FeatureProjection?
  var preprocessing: ImagePreprocessing

  init(_ source: ModelConfiguration, base: SigLIPCheckpoint?, preset: SigLIPConfiguration?) throws {
    let own = source.image
    if let path = own?.checkpoint {
      try self.init(SigLIPCheckpoint(path: path), imageSize: own?.imageSize ?? source.imageSize)
    } else if let path = own?.efficientNetLite0 {
      let size = own?.imageSize ?? source.imageSize ?? 224
      self.init(
        vision: .efficientNetLite0(imageSize: size),
        tower: try EfficientNetLite0(path: path, hasClassifier: false),
        preprocessing: .efficientNetLite(imageSize: size))
    } else if let base, own == nil {
      try self.init(base, imageSize: source.imageSize)
    } else {
      let published = try own.map { try $0.preset.map { try SigLIPConfiguration(named: $0) } } ?? preset
      var vision = published?.vision ?? own!.vision
      if let size = own?.imageSize ?? source.imageSize { vision.imageSize = size }
      let preprocessing: ImagePreprocessing =
        vision.isNaFlex
        ? .naFlex(patchSize: vision.patchSize)
        : published?.family == .clip
          ? .clip(imageSize: vision.imageSize) : .huggingFaceV1(imageSize: vision.imageSize)
      self.init(vision: vision, preprocessing: preprocessing)
      if published?.family == .clip { projection = published?.imageProjection }
    }
  }

  private init(
    vision: VisionConfiguration, tower: (any ImageTower)? = nil, preprocessing: ImagePreprocessing
  ) {
    (self.vision, self.tower, self.preprocessing) = (vision, tower, preprocessing)
  }

  private init(_ checkpoint: SigLIPCheckpoint, imageSize: Int?) throws {
    var checkpoint = checkpoint
    if let imageSize, imageSize != checkpoint.configuration.vision.imageSize {
      guard checkpoint.configuration.vision.architecture == .transformer else {
        throw ConfigurationError(
          "model.imageSize", "\(checkpoint.path) takes \(checkpoint.configuration.vision.architecture) images"
        )
      }
      checkpoint = checkpoint.resized(imageSize: imageSize)
    }
    preprocessing = try checkpoint.imagePreprocessing()
    vision = checkpoint.configuration.vision
    projection = checkpoint.configuration.imageProjection
    let projected = checkpoint.model.image as? ProjectedTower
    tower = projected?.tower ?? checkpoint.model.image
    pretrainedProjection = projected?.features
  }
}

/// The text tower that is asked for.
private struct TextSide {
  private(set) var configuration: TextConfiguration
  /// Weights that are there already.
  let pretrained: (any TextTower)?

  init(_ source: ModelConfiguration, base: SigLIPCheckpoint?, preset: SigLIPConfiguration?) throws {
    let checkpoint =
      try source.text?.checkpoint.map { try SigLIPCheckpoint(path: $0) } ?? (source.text == nil ? base : nil)
    pretrained = checkpoint?.model.text
    if let checkpoint {
      configuration = checkpoint.configuration.text
    } else if let name = source.text?.preset {
      configuration = try SigLIPConfiguration(named: name).text
    } else if let own = source.text {
      configuration = own.sizes
    } else {
      configuration = preset!.text
    }
  }

  /// Takes over the vocabulary of a tokenizer, and what fills up texts.
  ///
  /// - Throws: ``ConfigurationError`` when weights that are there know fewer tokens.
  mutating func read(_ encoder: TextEncoder, path: String) throws {
    let count = encoder.tokenizer.vocabularySize
    if pretrained == nil {
      configuration.vocabularySize = count
      if configuration.paddingToken != nil { configuration.paddingToken = Int(encoder.padID) }
    } else if count > configuration.vocabularySize {
      throw ConfigurationError(
        "model.tokenizer",
        "\(path) has \(count) tokens, but the text tower knows \(configuration.vocabularySize)")
    }
  }

  /// The sizes, for embeddings of a width.
  func sizes(embeddingWidth: Int, dropout: Float?) -> TextConfiguration {
    var sizes = configuration
    if let dropout { sizes.dropout = dropout }
    if pretrained == nil { sizes.outputWidth = embeddingWidth }
    return sizes
  }
}

extension SigLIP {
  /// Sets what towers do while training.
  fileprivate func apply(_ towers: TowersConfiguration, random: inout Random) {
    image.transformer?.rematerializesBlocks = towers.image.rematerializes
    let share = towers.image.patchDropout
    if share > 0 { image.patchDropout = PatchDropout(probability: share, random: &random) }
    text.transformer?.rematerializesBlocks = towers.text.rematerializes
  }
}

extension TrainingConfiguration {
  /// Whether a locked image tower sees each image once and for all.
  var cachesFeatures: Bool {
    towers.image.training == .locked && augmentations.isEmpty && towers.image.patchDropout == 0
  }
}

extension TrainingConfiguration {
  /// Refuses what a network that normalises by whole batches, and collects their statistics, cannot do.
  fileprivate func checkBatchStatistics() throws {
    if cachesFeatures { return }
    if towers.image.training == .locked {
      throw ConfigurationError(
        "augmentations",
        "a locked residual network that sees other images in each pass would collect their statistics")
    }
    if microbatchSize != nil {
      throw ConfigurationError(
        "microbatchSize",
        "a residual network normalises by whole batches, of which parts have other statistics")
    }
  }
}

extension TowerConfiguration {
  /// Refuses what an image tower of some architecture does not have.
  fileprivate func check(_ vision: VisionConfiguration) throws {
    if patchDropout > 0 && vision.architecture != .transformer {
      throw ConfigurationError(
        "towers.image.patchDropout", "only a tower for images of one size has patches to leave out")
    }
    if rematerializes && vision.architecture == .efficientNetLite0 {
      throw ConfigurationError("towers.image.rematerializes", "the tower has no blocks to compute again")
    }
  }
}
