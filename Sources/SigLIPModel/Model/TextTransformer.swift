import NN

/// SigLIP's text tower: tokens, learned positions, pre-norm blocks without a mask, one position or the mean
/// of all, a projection.
///
/// Padding is not masked: texts must be padded to the full context, as in training.
public final class TextTransformer: Module, Hookable {
  /// The sizes it was made with.
  public let configuration: TextConfiguration
  /// `[vocabulary, width]`, or narrower: see ``TextConfiguration/tokenBottleneck``.
  public let tokenEmbedding: Embedding
  /// From the token table's rows to the width of a token, where these differ; without a bias.
  public let tokenProjection: Linear?
  /// `[context, width]`.
  public let positionEmbedding: Parameter
  /// The blocks and the last normalisation.
  public let encoder: TransformerEncoder
  /// To the width of the embedding, or none.
  public let projection: Linear?
  /// See `Module.addForwardHook(at:_:)`; token ids are no variables, and not among the inputs.
  public var forwardHooks = ForwardHooks()

  /// Initialised as big_vision does (reference: `text_transformer.py`). A bottleneck's matrix starts so that tokens have the
  /// variance that they have without one.
  public init(_ configuration: TextConfiguration, random: inout Random) {
    configuration.check()
    self.configuration = configuration
    let width = configuration.width
    let deviation = 1 / Float(width).squareRoot()
    tokenEmbedding = Embedding(
      count: configuration.vocabularySize, width: configuration.tokenBottleneck ?? width, random: &random)
    tokenProjection = configuration.tokenBottleneck.map {
      Linear(weight: random.normal([width, $0], standardDeviation: deviation))
    }
    positionEmbedding = Parameter(
      random.normal([configuration.contextLength, width], standardDeviation: deviation))
    encoder = TransformerEncoder(
      width: width, depth: configuration.depth, heads: configuration.heads, hidden: configuration.hiddenWidth,
      activation: configuration.activation, dropout: configuration.dropout, random: &random)
    projection = configuration.outputWidth.map {
      Linear(weight: random.lecunNormal([$0, width]), bias: .zeros([$0]))
    }
  }

  /// Token ids `[batch, context]` to embeddings `[batch, outputWidth]`, not normalised.
  public func callAsFunction(_ tokens: IndexTensor) -> Variable {
    if tokens.shape.count != 2 || tokens.shape[1] != configuration.contextLength {
      programmerError(
        "text tower: tokens of shape \(tokens.shape); expected [batch, \(configuration.contextLength)]")
    }
    return withForwardHooks([]) {
      let rows = tokenEmbedding(tokens)
      let x = encoder((tokenProjection?(rows) ?? rows) + positionEmbedding.variable)
      let pooled = configuration.pooling == .last ? x.select(-1, axis: 1) : x.mean(axes: [1])
      return projection?(pooled) ?? pooled
    }
  }
}
