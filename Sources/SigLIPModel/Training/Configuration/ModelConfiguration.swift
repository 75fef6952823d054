import NN

/// What is trained: a checkpoint, or towers of given sizes, or one of each.
///
///     "model": {"checkpoint": "siglip-base-patch16-224"}
///     "model": {"preset": "B/16-224", "tokenizer": "spiece.model"}
///     "model": {
///       "image": {"efficientNetLite0": "efficientnet-lite0.safetensors", "imageSize": 160}, "embeddingWidth": 256,
///       "text": {"contextLength": 16, "width": 192, "depth": 1, "heads": 4}, "tokenizer": "tokenizer.model"
///     }
public struct ModelConfiguration: Sendable, Hashable, Codable {
  /// A SigLIP checkpoint to go on from: towers, temperature and bias, tokenizer and preprocessing.
  public var checkpoint: String?
  /// The sizes of a published model, whose weights begin at random: see ``SigLIPConfiguration/init(named:)``.
  public var preset: String?
  /// The image tower, where it is not that of ``checkpoint`` or ``preset``.
  public var image: ImageTowerSource?
  /// The text tower, where it is not that of ``checkpoint`` or ``preset``.
  public var text: TextTowerSource?
  /// The tokenizer's file or folder; that of ``checkpoint`` if not given.
  public var tokenizer: String?
  /// Width of the embeddings: given, images are projected to it from their tower's features.
  public var embeddingWidth: Int?
  /// Height and width of images, where they are not the checkpoint's: its learned positions are resized.
  public var imageSize: Int?

  /// Nothing.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable {
    case checkpoint, preset, image, text, tokenizer, embeddingWidth, imageSize
  }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.readOptional(.checkpoint, into: &checkpoint)
    try fields.readOptional(.preset, into: &preset)
    try fields.readOptional(.image, into: &image)
    try fields.readOptional(.text, into: &text)
    try fields.readOptional(.tokenizer, into: &tokenizer)
    try fields.readOptional(.embeddingWidth, into: &embeddingWidth, .range(ConfigurationBounds.width))
    try fields.readOptional(.imageSize, into: &imageSize, .range(ConfigurationBounds.imageSize))
    if checkpoint != nil && preset != nil {
      throw fields.problem(.preset, "there is a checkpoint too, expected one of both")
    }
    if checkpoint == nil && preset == nil && (image == nil || text == nil) {
      throw fields.problem(
        image == nil ? .image : .text, "is missing: expected a checkpoint, a preset, or both towers")
    }
    if checkpoint == nil && tokenizer == nil {
      throw fields.problem(.tokenizer, "is missing: there is no checkpoint to take one from")
    }
  }
}

/// Where an image tower comes from: one of three, or sizes.
public struct ImageTowerSource: Sendable, Hashable, Codable {
  /// A SigLIP checkpoint, whose image tower is taken with its preprocessing.
  public var checkpoint: String?
  /// Weights of a pretrained EfficientNet-Lite0.
  public var efficientNetLite0: String?
  /// The sizes of a published model's image tower.
  public var preset: String?
  /// Height and width of the images.
  public var imageSize: Int?
  /// Height and width of a patch.
  public var patchSize: Int?
  /// Width of a token.
  public var width: Int?
  /// Number of blocks.
  public var depth: Int?
  /// Attention heads in a block; one for each 64 of the width if not given.
  public var heads: Int?
  /// Width inside the MLPs; four times the width if not given.
  public var hiddenWidth: Int?
  /// How tokens become an embedding; by a head if not given.
  public var pooling: ImagePooling?
  /// Whether of a checkpoint or an EfficientNet only sizes and preprocessing are taken, so that the tower begins from scratch.
  public var randomWeights = false

  /// Nothing.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable {
    case checkpoint, efficientNetLite0, preset, imageSize, patchSize, width, depth, heads, hiddenWidth
    case pooling, randomWeights
  }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.readOptional(.checkpoint, into: &checkpoint)
    try fields.readOptional(.efficientNetLite0, into: &efficientNetLite0)
    try fields.readOptional(.preset, into: &preset)
    try fields.readOptional(.imageSize, into: &imageSize, .range(ConfigurationBounds.imageSize))
    try fields.readOptional(.patchSize, into: &patchSize, .range(ConfigurationBounds.imageSize))
    try fields.readOptional(.width, into: &width, .range(ConfigurationBounds.width))
    try fields.readOptional(.depth, into: &depth, .range(ConfigurationBounds.depth))
    try fields.readOptional(.heads, into: &heads, .range(1...ConfigurationBounds.width.upperBound))
    try fields.readOptional(.hiddenWidth, into: &hiddenWidth, .range(ConfigurationBounds.hiddenWidth))
    try fields.readOptional(.pooling, into: &pooling)
    try fields.read(.randomWeights, into: &randomWeights)
    let origins: [CodingKeys] = [.checkpoint, .efficientNetLite0, .preset].filter(fields.has)
    if origins.count > 1 {
      throw fields.problem(origins[1], "there is \(origins[0].stringValue) too, expected one of both")
    }
    let sizes: [CodingKeys] = [.patchSize, .width, .depth, .heads, .hiddenWidth, .pooling]
    if let origin = origins.first {
      if let size = sizes.first(where: fields.has) {
        throw fields.problem(size, "is that of \(origin.stringValue)")
      }
    } else {
      for size in [CodingKeys.imageSize, .patchSize, .width, .depth] where !fields.has(size) {
        throw fields.problem(size, "is missing")
      }
      if let problem = vision.problem { throw fields.problem(.width, "there is no tower with \(problem)") }
    }
  }

  /// The sizes that are given.
  var vision: VisionConfiguration {
    let width = width ?? 1
    return VisionConfiguration(
      imageSize: imageSize ?? 0, patchSize: patchSize ?? 0, width: width, depth: depth ?? 0,
      heads: heads ?? max(width / 64, 1), hiddenWidth: hiddenWidth ?? 4 * width,
      pooling: pooling ?? .attention)
  }
}

/// Where a text tower comes from: a checkpoint, a preset or sizes.
public struct TextTowerSource: Sendable, Hashable, Codable {
  /// A SigLIP checkpoint, whose text tower is taken with its tokenizer.
  public var checkpoint: String?
  /// The sizes of a published model's text tower; the vocabulary is that of the tokenizer.
  public var preset: String?
  /// The kind of tower; a transformer if not given. A bag of words has a width and a context alone, and pools by `mean` or
  /// `endToken`.
  public var architecture: TextConfiguration.Architecture?
  /// Tokens in every text, padding included.
  public var contextLength: Int?
  /// Width of a token.
  public var width: Int?
  /// Number of blocks.
  public var depth: Int?
  /// Attention heads in a block; one for each 64 of the width if not given.
  public var heads: Int?
  /// Width inside the MLPs; four times the width if not given.
  public var hiddenWidth: Int?
  /// Which positions make the embedding; the last one if not given, of a bag of words the mean.
  public var pooling: TextPooling?
  /// Whether a position sees itself and those before it alone; all if not given.
  public var isCausal: Bool?
  /// Width of the table of tokens, which are projected to ``width``, as in mSigLIP; the same width if not given.
  public var bottleneck: Int?
  /// Probability of dropping elements of what attention and MLPs add while training; none if not given.
  public var dropout: Float?

  /// Nothing.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable {
    case checkpoint, preset, architecture, contextLength, width, depth, heads, hiddenWidth, pooling, isCausal,
      bottleneck, dropout
  }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.readOptional(.checkpoint, into: &checkpoint)
    try fields.readOptional(.preset, into: &preset)
    try fields.readOptional(.architecture, into: &architecture)
    try fields.readOptional(.contextLength, into: &contextLength, .range(ConfigurationBounds.positions))
    try fields.readOptional(.width, into: &width, .range(ConfigurationBounds.width))
    try fields.readOptional(.depth, into: &depth, .range(ConfigurationBounds.depth))
    try fields.readOptional(.heads, into: &heads, .range(1...ConfigurationBounds.width.upperBound))
    try fields.readOptional(.hiddenWidth, into: &hiddenWidth, .range(ConfigurationBounds.hiddenWidth))
    try fields.readOptional(.pooling, into: &pooling)
    try fields.readOptional(.isCausal, into: &isCausal)
    try fields.readOptional(.bottleneck, into: &bottleneck, .range(ConfigurationBounds.width))
    try fields.readOptional(.dropout, into: &dropout, .belowOne)
    let origins: [CodingKeys] = [.checkpoint, .preset].filter(fields.has)
    if origins.count > 1 { throw fields.problem(.preset, "there is checkpoint too, expected one of both") }
    let ofBlocks: [CodingKeys] = [.depth, .heads, .hiddenWidth, .isCausal, .bottleneck]
    let sizes: [CodingKeys] = [.architecture, .contextLength, .width, .pooling] + ofBlocks
    if let origin = origins.first {
      if let size = sizes.first(where: fields.has) {
        throw fields.problem(size, "is that of \(origin.stringValue)")
      }
    } else {
      let isBag = architecture == .bagOfWords
      for size in [CodingKeys.contextLength, .width] + (isBag ? [] : [.depth]) where !fields.has(size) {
        throw fields.problem(size, "is missing")
      }
      if isBag, let size = (ofBlocks + [.dropout]).first(where: fields.has) {
        throw fields.problem(size, "is that of blocks, which a bag of words has not")
      }
      if isBag, pooling == .last {
        throw fields.problem(.pooling, "is last, expected mean or endToken: a bag of words knows no order")
      }
    }
  }

  /// The sizes that are given, but for the vocabulary and the width of embeddings.
  var sizes: TextConfiguration {
    let width = width ?? 1
    if architecture == .bagOfWords {
      // Which token is padding the tokenizer says.
      return .bagOfWords(
        vocabularySize: 1, contextLength: contextLength ?? 1, width: width, outputWidth: nil,
        paddingToken: pooling == .endToken ? nil : 0)
    }
    return TextConfiguration(
      vocabularySize: 1, contextLength: contextLength ?? 1, width: width, depth: depth ?? 1,
      heads: heads ?? max(width / 64, 1), hiddenWidth: hiddenWidth ?? 4 * width, outputWidth: nil,
      pooling: pooling ?? .last, tokenBottleneck: bottleneck, isCausal: isCausal ?? false)
  }
}
