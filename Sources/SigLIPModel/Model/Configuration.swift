import NN

/// Sizes of a vision transformer.
public struct VisionConfiguration: Sendable, Hashable, Codable {
  /// Height and width of the images, in pixels; of the image whose patches the positions count if ``isNaFlex``.
  public var imageSize: Int
  /// Height and width of a patch; pixels that do not fill a patch are dropped.
  public var patchSize: Int
  /// Width of a token.
  public var width: Int
  /// Number of blocks.
  public var depth: Int
  /// Attention heads in a block.
  public var heads: Int
  /// Width inside the MLPs.
  public var hiddenWidth: Int
  /// Between the MLPs' layers: tanh GELU in big_vision, exact GELU in open_clip's version 1 models.
  public var activation: Activation = .gelu
  /// Whether images have any height and width, as in SigLIP 2's NaFlex models: see ``NaFlexVisionTransformer``.
  public var isNaFlex = false

  /// A configuration of the given sizes.
  public init(
    imageSize: Int, patchSize: Int, width: Int, depth: Int, heads: Int, hiddenWidth: Int,
    activation: Activation = .gelu, isNaFlex: Bool = false
  ) {
    self.imageSize = imageSize
    self.patchSize = patchSize
    self.width = width
    self.depth = depth
    self.heads = heads
    self.hiddenWidth = hiddenWidth
    self.activation = activation
    self.isNaFlex = isNaFlex
  }

  /// Decodes a configuration.
  ///
  /// - Throws: `DecodingError`, also for sizes that no image tower can have.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      imageSize: try values.decode(Int.self, forKey: .imageSize),
      patchSize: try values.decode(Int.self, forKey: .patchSize),
      width: try values.decode(Int.self, forKey: .width),
      depth: try values.decode(Int.self, forKey: .depth), heads: try values.decode(Int.self, forKey: .heads),
      hiddenWidth: try values.decode(Int.self, forKey: .hiddenWidth),
      activation: try values.decode(Activation.self, forKey: .activation),
      isNaFlex: try values.decode(Bool.self, forKey: .isNaFlex))
    try decoder.check(problem)
  }

  /// Patches along each side.
  public var gridSize: Int {
    if patchSize < 1 {
      programmerError("VisionConfiguration: a patch size of \(patchSize), expected at least 1")
    }
    return imageSize / patchSize
  }
}

/// How a text tower makes one embedding of its tokens.
public enum TextPooling: String, Sendable, CaseIterable, Codable {
  /// The last position, as SigLIP.
  case last
  /// The mean of all positions, padding included.
  case mean
}

/// Sizes of a text transformer.
public struct TextConfiguration: Sendable, Hashable, Codable {
  /// Rows of the token table.
  public var vocabularySize: Int
  /// Tokens in every text, padding included.
  public var contextLength: Int
  /// Width of a token.
  public var width: Int
  /// Number of blocks.
  public var depth: Int
  /// Attention heads in a block.
  public var heads: Int
  /// Width inside the MLPs.
  public var hiddenWidth: Int
  /// Width of the embedding; nil leaves out the last projection.
  public var outputWidth: Int?
  /// Between the MLPs' layers.
  public var activation: Activation = .gelu
  /// Probability of dropping elements of what attention and MLPs add.
  public var dropout: Float = 0
  /// Which positions make the embedding.
  public var pooling = TextPooling.last

  /// A configuration of the given sizes.
  public init(
    vocabularySize: Int, contextLength: Int, width: Int, depth: Int, heads: Int, hiddenWidth: Int,
    outputWidth: Int?,
    activation: Activation = .gelu, dropout: Float = 0, pooling: TextPooling = .last
  ) {
    self.vocabularySize = vocabularySize
    self.contextLength = contextLength
    self.width = width
    self.depth = depth
    self.heads = heads
    self.hiddenWidth = hiddenWidth
    self.outputWidth = outputWidth
    self.activation = activation
    self.dropout = dropout
    self.pooling = pooling
  }
  /// Decodes a configuration.
  ///
  /// - Throws: `DecodingError`, also for sizes that no text tower can have.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      vocabularySize: try values.decode(Int.self, forKey: .vocabularySize),
      contextLength: try values.decode(Int.self, forKey: .contextLength),
      width: try values.decode(Int.self, forKey: .width), depth: try values.decode(Int.self, forKey: .depth),
      heads: try values.decode(Int.self, forKey: .heads),
      hiddenWidth: try values.decode(Int.self, forKey: .hiddenWidth),
      outputWidth: try values.decodeIfPresent(Int.self, forKey: .outputWidth),
      activation: try values.decode(Activation.self, forKey: .activation),
      dropout: try values.decode(Float.self, forKey: .dropout),
      pooling: try values.decode(TextPooling.self, forKey: .pooling))
    try decoder.check(problem)
  }
}

extension Decoder {
  /// Refuses what was decoded.
  fileprivate func check(_ problem: String?) throws {
    guard let problem else { return }
    throw DecodingError.dataCorrupted(.init(codingPath: codingPath, debugDescription: problem))
  }
}
