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

/// Sizes of a text tower.
public struct TextConfiguration: Sendable, Hashable {
  /// Kinds of text towers.
  public enum Architecture: String, Sendable, CaseIterable, Codable, CaseNames {
    /// ``TextTransformer``.
    case transformer
    /// The mean of a text's tokens: ``BagOfWords``, which has no blocks, heads or MLPs.
    case bagOfWords
  }

  /// What kind of tower it is.
  public var architecture = Architecture.transformer
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
  /// What fills up the texts of a ``BagOfWords`` whose pooling is ``TextPooling/mean``, and counts for nothing there; nil for
  /// all others.
  public var paddingToken: Int?

  /// A transformer of the given sizes.
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

  /// A ``BagOfWords``, which has no blocks.
  ///
  /// - Parameters:
  ///   - paddingToken: What fills up texts, where that is an id of its own: 0 or 1 in SigLIP's vocabularies. nil where a text
  ///     ends at the first of its largest ids, as in CLIP's, of which 0 is a word.
  public static func bagOfWords(
    vocabularySize: Int, contextLength: Int, width: Int, outputWidth: Int?, paddingToken: Int? = nil,
    projectionHasBias: Bool = false, normEpsilon: Float = 1e-5
  ) -> TextConfiguration {
    var result = TextConfiguration(
      vocabularySize: vocabularySize, contextLength: contextLength, width: width, depth: 0, heads: 1,
      hiddenWidth: width, outputWidth: outputWidth, pooling: paddingToken == nil ? .endToken : .mean,
      projectionHasBias: projectionHasBias, normEpsilon: normEpsilon)
    (result.architecture, result.paddingToken) = (.bagOfWords, paddingToken)
    return result
  }

  /// Numbers that training learns.
  var parameterCount: Int {
    if architecture == .bagOfWords { return (vocabularySize + 2) * width + projectionParameters }
    let tokens = vocabularySize * (tokenBottleneck ?? width) + (tokenBottleneck ?? 0) * width
    return tokens + contextLength * width
      + encoderParameters(width, depth, hiddenWidth) + projectionParameters
  }

  private var projectionParameters: Int {
    guard let outputWidth else { return 0 }
    return linearParameters(width, outputWidth) - (projectionHasBias ? 0 : outputWidth)
  }

  /// Multiply-adds of matrix products for one text.
  var multiplyAdds: Int {
    if architecture == .bagOfWords { return contextLength * width + width * (outputWidth ?? 0) }
    return contextLength * (tokenBottleneck ?? 0) * width
      + blockMultiplyAdds(tokens: contextLength, width: width, hidden: hiddenWidth) * depth
      + width * (outputWidth ?? 0)
  }
}

extension TextConfiguration: Codable {
  private enum CodingKeys: CodingKey, CaseIterable {
    case vocabularySize, contextLength, width, depth, heads, hiddenWidth, outputWidth, activation, dropout
    case pooling, tokenBottleneck, isCausal, projectionHasBias, normEpsilon, architecture, paddingToken
  }

  /// Decodes a configuration; a bag of words needs no word on what only transformers have.
  ///
  /// - Throws: `DecodingError`, also for names that are not known and for sizes that no text tower can have.
  public init(from decoder: any Decoder) throws {
    try decoder.refuseUnknownKeys(CodingKeys.self)
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let architecture = try values.decodeIfPresent(Architecture.self, forKey: .architecture) ?? .transformer
    let width = try values.decode(Int.self, forKey: .width)
    func size(_ key: CodingKeys, ofBag size: Int) throws -> Int {
      try architecture == .bagOfWords
        ? values.decodeIfPresent(Int.self, forKey: key) ?? size : values.decode(Int.self, forKey: key)
    }
    self.init(
      vocabularySize: try values.decode(Int.self, forKey: .vocabularySize),
      contextLength: try values.decode(Int.self, forKey: .contextLength),
      width: width, depth: try size(.depth, ofBag: 0), heads: try size(.heads, ofBag: 1),
      hiddenWidth: try size(.hiddenWidth, ofBag: width),
      outputWidth: try values.decodeIfPresent(Int.self, forKey: .outputWidth),
      activation: try values.decodeIfPresent(Activation.self, forKey: .activation) ?? .gelu,
      dropout: try values.decodeIfPresent(Float.self, forKey: .dropout) ?? 0,
      pooling: try values.decodeIfPresent(TextPooling.self, forKey: .pooling) ?? .last,
      tokenBottleneck: try values.decodeIfPresent(Int.self, forKey: .tokenBottleneck),
      isCausal: try values.decodeIfPresent(Bool.self, forKey: .isCausal) ?? false,
      projectionHasBias: try values.decodeIfPresent(Bool.self, forKey: .projectionHasBias) ?? true,
      normEpsilon: try values.decodeIfPresent(Float.self, forKey: .normEpsilon) ?? 1e-6)
    self.architecture = architecture
    paddingToken = try values.decodeIfPresent(Int.self, forKey: .paddingToken)
    try decoder.refuse(problem)
  }
}
