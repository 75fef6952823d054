import NN

/// The text tower of SigLIP and of CLIP: tokens, learned positions, pre-norm blocks, one position or the mean of all, a
/// projection.
///
/// Padding is not masked: texts must be padded to the full context, as in training. A causal tower (CLIP's) sees none of it
/// where the text ends.
public final class TextTransformer: TextTower, Hookable {
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
  /// ``encoder``.
  public var transformer: TransformerEncoder? { encoder }
  /// To the width of the embedding, or none.
  public let projection: Linear?
  /// See `Module.addForwardHook(at:_:)`; token ids are no variables, and not among the inputs.
  public var forwardHooks = ForwardHooks()

  /// Initialised as big_vision does (reference: `text_transformer.py`). A bottleneck's matrix starts so that tokens have the
  /// variance that they have without one.
  public init(_ configuration: TextConfiguration, random: inout Random) {
    configuration.check()
    if configuration.architecture != .transformer {
      programmerError("TextTransformer: sizes of a \(configuration.architecture)")
    }
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
      activation: configuration.activation, epsilon: configuration.normEpsilon,
      dropout: configuration.dropout, random: &random)
    projection = configuration.projection(random: &random)
  }

  /// Token ids `[batch, context]` to embeddings `[batch, outputWidth]`, not normalised.
  public func callAsFunction(_ tokens: IndexTensor) -> Variable {
    configuration.check(tokens)
    return withForwardHooks([]) {
      let rows = tokenEmbedding(tokens)
      let mask = configuration.isCausal ? Tensor.causalMask(queries: configuration.contextLength) : nil
      let x = encoder((tokenProjection?(rows) ?? rows) + positionEmbedding.variable, mask: mask)
      let pooled =
        switch configuration.pooling {
        case .last: x.select(-1, axis: 1)
        case .mean: x.mean(axes: [1])
        case .endToken: x.flatten(from: 0, to: 1).take(endPositions(of: tokens))
        }
      return projection?(pooled) ?? pooled
    }
  }

  /// Where each text ends, counted over all of them.
  private func endPositions(of tokens: IndexTensor) -> IndexTensor {
    IndexTensor(tokens.rows.map { $0.startIndex + $0.placeOfLargest })
  }
}
