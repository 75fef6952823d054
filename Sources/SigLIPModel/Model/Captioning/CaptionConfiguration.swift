import NN

/// Sizes of a decoder that writes texts about images.
public struct CaptionConfiguration: Sendable, Hashable {
  /// How the decoder's tokens become logits.
  public enum Output: Sendable, Hashable {
    /// By a linear layer of its own, with a bias in CapPa (Tschannen et al. 2023), without one in open_clip's CoCa.
    case linear(bias: Bool)
    /// By the token table, as in Vaswani et al. 2017.
    case tokenTable
  }

  /// Rows of the token table, and logits of a token.
  public var vocabularySize: Int
  /// Tokens of a text behind its start, its end among them.
  public var contextLength: Int
  /// Width of a token.
  public var width: Int
  /// Number of blocks.
  public var depth: Int
  /// Attention heads in a block.
  public var heads: Int
  /// Width inside the MLPs.
  public var hiddenWidth: Int
  /// Width of an image's tokens (``VisionConfiguration/tokenWidth``); a matrix without a bias brings another one to
  /// ``width``.
  public var memoryWidth: Int
  /// What every text begins with; it is never written. 0 in CapPa.
  public var startToken: Int
  /// What ends a text; what stands behind it counts for nothing.
  public var endToken: Int
  /// What makes logits.
  public var output = Output.linear(bias: true)
  /// Whether the layers of both attentions have biases: in CoCa, not in CapPa.
  public var attentionHasBias = false
  /// Between the MLPs' layers.
  public var activation = Activation.gelu
  /// Probability of dropping elements of what attentions and MLPs add.
  public var dropout: Float = 0
  /// Added to the variance by layer norms.
  public var normEpsilon: Float = 1e-6

  /// A configuration of the given sizes; what else there is to choose is as in CapPa.
  public init(
    vocabularySize: Int, contextLength: Int, width: Int, depth: Int, heads: Int, hiddenWidth: Int,
    memoryWidth: Int, startToken: Int, endToken: Int
  ) {
    (self.vocabularySize, self.contextLength) = (vocabularySize, contextLength)
    (self.width, self.depth, self.heads, self.hiddenWidth) = (width, depth, heads, hiddenWidth)
    (self.memoryWidth, self.startToken, self.endToken) = (memoryWidth, startToken, endToken)
  }

  /// Texts as rows `[texts, contextLength + 1]`: the start, the tokens of a text, its end as often as there is room. A text that
  /// is too long is cut and has no end.
  public func rows(of texts: [[Int]]) -> IndexTensor {
    let rows = texts.map { text in
      let tokens = [startToken] + text.prefix(contextLength)
      return tokens + Array(repeating: endToken, count: contextLength + 1 - tokens.count)
    }
    return IndexTensor(rows.flatMap(\.self), shape: [texts.count, contextLength + 1])
  }

  /// Why no decoder can have these sizes, in words; nil if one can. They are bounded as those of ``TextConfiguration``.
  public var problem: String? {
    ConfigurationBounds.problem(width: width, depth: depth, heads: heads, hiddenWidth: hiddenWidth)
      ?? ConfigurationBounds.problem(normEpsilon: normEpsilon)
      ?? ConfigurationBounds.problem([
        ("a vocabulary", vocabularySize, ConfigurationBounds.vocabularySize),
        ("a context length", contextLength, ConfigurationBounds.positions),
        ("a memory of a width", memoryWidth, ConfigurationBounds.width),
        ("a start", startToken, 0...max(0, vocabularySize - 1)),
        ("an end", endToken, 0...max(0, vocabularySize - 1)),
      ])
      ?? (startToken == endToken ? "texts that begin with what ends them, \(endToken)" : nil)
      ?? (0..<1 ~= dropout ? nil : "a dropout of \(dropout), expected 0 to less than 1")
  }
}
