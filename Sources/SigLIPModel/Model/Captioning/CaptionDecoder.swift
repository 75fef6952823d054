import NN

/// Writes texts about images, one token after another: tokens and learned positions, blocks that look at what was written so
/// far and at the image's tokens, and logits of the next token.
///
/// It is what CapPa's decoder is (Tschannen et al. 2023; reference: `cappa.py`), and CLIP's captioning baseline.
public final class CaptionDecoder: Module, Hookable {
  /// The sizes it was made with.
  public let configuration: CaptionConfiguration
  /// From the width of an image's tokens to that of its own, where these differ; without a bias.
  public let memoryProjection: Linear?
  /// `[vocabulary, width]`.
  public let tokenEmbedding: Embedding
  /// `[context, width]`.
  public let positionEmbedding: Parameter
  /// The blocks and the last normalisation.
  public let decoder: TransformerDecoder
  /// To logits, where these are not made by the token table.
  public let output: Linear?
  /// See `Module.addForwardHook(at:_:)`; token ids and what is kept of tokens before them are not among the inputs.
  public var forwardHooks = ForwardHooks()

  /// What is kept of the image and of the tokens so far, for those that follow (a KV cache).
  public typealias Cache = TransformerDecoder.Cache

  /// Initialised as a ``TextTransformer``; a layer of its own for logits begins with zeros, as CapPa's, so that all tokens are
  /// equally likely.
  public init(_ configuration: CaptionConfiguration, random: inout Random) {
    if let problem = configuration.problem { programmerError("CaptionConfiguration: \(problem)") }
    self.configuration = configuration
    let (width, vocabulary) = (configuration.width, configuration.vocabularySize)
    memoryProjection =
      configuration.memoryWidth == width
      ? nil : Linear(weight: random.lecunNormal([width, configuration.memoryWidth]))
    tokenEmbedding = Embedding(count: vocabulary, width: width, random: &random)
    positionEmbedding = Parameter(
      random.normal([configuration.contextLength, width], standardDeviation: 1 / Float(width).squareRoot()))
    decoder = TransformerDecoder(
      width: width, depth: configuration.depth, heads: configuration.heads, hidden: configuration.hiddenWidth,
      activation: configuration.activation, attentionBias: configuration.attentionHasBias,
      epsilon: configuration.normEpsilon, dropout: configuration.dropout, random: &random)
    output =
      switch configuration.output {
      case .linear(let bias):
        Linear(weight: .zeros([vocabulary, width]), bias: bias ? .zeros([vocabulary]) : nil)
      case .tokenTable: nil
      }
  }

  /// Logits of the token behind each of some, `[texts, tokens, vocabulary]`, of which it sees itself and those before it.
  ///
  /// - Parameters:
  ///   - tokens: `[texts, tokens]`, the first of each a start.
  ///   - memory: An image's tokens for each text, `[texts, image tokens, memoryWidth]`: see ``ImageTower/tokens(_:)``.
  public func callAsFunction(_ tokens: IndexTensor, memory: Variable) -> Variable {
    withForwardHooks([memory]) { logits(decoder(embed(tokens, after: 0), memory: projected(memory))) }
  }

  /// What there is before the first token of a text about each image.
  public func cache(of memory: Variable) -> Cache { decoder.cache(of: projected(memory)) }

  /// The same of tokens that follow those of a cache, to the last bit, and adds them to it.
  public func callAsFunction(_ tokens: IndexTensor, after cache: inout Cache) -> Variable {
    withForwardHooks([]) { logits(decoder(embed(tokens, after: cache.count), after: &cache)) }
  }

  /// Mean cross-entropy of every token behind a start, up to the end of its text, given those before it (teacher forcing).
  ///
  /// - Parameters:
  ///   - texts: Rows of ``CaptionConfiguration/rows(of:)``, `[texts, tokens]`.
  ///   - memory: An image's tokens for each text.
  public func loss(_ texts: IndexTensor, memory: Variable) -> Variable {
    if texts.rank != 2 || texts.shape[1] < 2 {
      programmerError("CaptionDecoder: texts of shape \(texts.shape), expected [texts, 2 or more tokens]")
    }
    let labels = texts.rows.map { row in
      let words = row.dropFirst().prefix { Int($0) != configuration.endToken }
      return Array(row.dropFirst().prefix(words.count + 1))
    }
    // What no text of the batch reaches need not be computed.
    let length = labels.map(\.count).max() ?? 0
    return crossEntropy(
      logits: self(texts[0..., ..<length], memory: memory),
      labels: IndexTensor(
        labels.flatMap { $0 + Array(repeating: -1, count: length - $0.count) },
        shape: [texts.shape[0], length]),
      ignoredLabel: -1)
  }

  private func projected(_ memory: Variable) -> Variable {
    if memory.rank != 3 || memory.shape[2] != configuration.memoryWidth {
      programmerError(
        "CaptionDecoder: a memory of shape \(memory.shape), expected [texts, tokens, \(configuration.memoryWidth)]"
      )
    }
    return memoryProjection?(memory) ?? memory
  }

  private func embed(_ tokens: IndexTensor, after count: Int) -> Variable {
    if tokens.rank != 2 || count + tokens.shape[1] > configuration.contextLength {
      programmerError(
        "CaptionDecoder: tokens of shape \(tokens.shape) after \(count) others, expected [texts, tokens], "
          + "with \(configuration.contextLength) tokens at most")
    }
    return tokenEmbedding(tokens) + positionEmbedding.variable[count..<count + tokens.shape[1]]
  }

  private func logits(_ x: Variable) -> Variable {
    output?(x) ?? linear(x, weight: tokenEmbedding.table.variable, bias: nil)
  }
}
