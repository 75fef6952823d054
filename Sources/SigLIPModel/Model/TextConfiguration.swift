import NN

/// How a text tower makes one embedding of its tokens.
public enum TextPooling: String, Sendable, CaseIterable, Codable {
  /// The last position, as SigLIP.
  case last
  /// The mean of all positions, padding included.
  case mean
  /// The first position of the largest token id, which is the end of a text in CLIP's vocabulary.
  case endToken
}

/// Sizes of a text transformer.
public struct TextConfiguration: Sendable, Hashable {
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
  /// Width of the token table's rows, which a matrix then brings to ``width``: 96 in mSigLIP's study of large vocabularies
  /// (Zhai et al. 2023, section 4.4). nil for rows as wide as a token.
  public var tokenBottleneck: Int?
  /// Whether a position sees itself and those before it alone, as in CLIP.
  public var isCausal = false
  /// Whether the last projection has a bias: in SigLIP, not in CLIP.
  public var projectionHasBias = true
  /// Added to the variance by layer norms: 1e-6 in SigLIP, 1e-5 in CLIP.
  public var normEpsilon: Float = 1e-6

  /// A configuration of the given sizes.
  public init(
    vocabularySize: Int, contextLength: Int, width: Int, depth: Int, heads: Int, hiddenWidth: Int,
    outputWidth: Int?,
    activation: Activation = .gelu, dropout: Float = 0, pooling: TextPooling = .last,
    tokenBottleneck: Int? = nil, isCausal: Bool = false, projectionHasBias: Bool = true,
    normEpsilon: Float = 1e-6
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
    self.tokenBottleneck = tokenBottleneck
    self.isCausal = isCausal
    self.projectionHasBias = projectionHasBias
    self.normEpsilon = normEpsilon
  }

  /// Numbers that training learns.
  var parameterCount: Int {
    vocabularySize * (tokenBottleneck ?? width) + (tokenBottleneck ?? 0) * width + contextLength * width
      + encoderParameters(width, depth, hiddenWidth) + projectionParameters
  }

  private var projectionParameters: Int {
    guard let outputWidth else { return 0 }
    return linearParameters(width, outputWidth) - (projectionHasBias ? 0 : outputWidth)
  }

  /// Multiply-adds of matrix products for one text.
  var multiplyAdds: Int {
    contextLength * (tokenBottleneck ?? 0) * width
      + blockMultiplyAdds(tokens: contextLength, width: width, hidden: hiddenWidth) * depth
      + width * (outputWidth ?? 0)
  }
}

extension TextConfiguration: Codable {
  private enum CodingKeys: CodingKey, CaseIterable {
    case vocabularySize, contextLength, width, depth, heads, hiddenWidth, outputWidth, activation, dropout
    case pooling, tokenBottleneck, isCausal, projectionHasBias, normEpsilon
  }

  /// Decodes a configuration.
  ///
  /// - Throws: `DecodingError`, also for names that are not known and for sizes that no text tower can have.
  public init(from decoder: any Decoder) throws {
    try decoder.refuseUnknownKeys(CodingKeys.self)
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      vocabularySize: try values.decode(Int.self, forKey: .vocabularySize),
      contextLength: try values.decode(Int.self, forKey: .contextLength),
      width: try values.decode(Int.self, forKey: .width), depth: try values.decode(Int.self, forKey: .depth),
      heads: try values.decode(Int.self, forKey: .heads),
      hiddenWidth: try values.decode(Int.self, forKey: .hiddenWidth),
      outputWidth: try values.decodeIfPresent(Int.self, forKey: .outputWidth),
      activation: try values.decodeIfPresent(Activation.self, forKey: .activation) ?? .gelu,
      dropout: try values.decodeIfPresent(Float.self, forKey: .dropout) ?? 0,
      pooling: try values.decodeIfPresent(TextPooling.self, forKey: .pooling) ?? .last,
      tokenBottleneck: try values.decodeIfPresent(Int.self, forKey: .tokenBottleneck),
      isCausal: try values.decodeIfPresent(Bool.self, forKey: .isCausal) ?? false,
      projectionHasBias: try values.decodeIfPresent(Bool.self, forKey: .projectionHasBias) ?? true,
      normEpsilon: try values.decodeIfPresent(Float.self, forKey: .normEpsilon) ?? 1e-6)
    try decoder.refuse(problem)
  }
}
