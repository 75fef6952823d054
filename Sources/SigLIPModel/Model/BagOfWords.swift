import NN

/// A text tower that knows nothing of order, one of the baselines of CLIP (Radford et al. 2021, section 2.3: CBOW): the mean
/// of the embeddings of a text's tokens, a normalisation, a projection.
///
/// Padding is never among them. Where ``TextPooling/endToken`` is the pooling, a text ends at the first position of its largest
/// id, as for a ``TextTransformer``, and that token is the last that counts; with ``TextPooling/mean`` all count but
/// ``TextConfiguration/paddingToken``, wherever that stands. A text without any token has a mean of 0.
public final class BagOfWords: TextTower, Hookable {
  /// The sizes it was made with.
  public let configuration: TextConfiguration
  /// `[vocabulary, width]`.
  public let tokenEmbedding: Embedding
  /// Of the mean.
  public let norm: LayerNorm
  /// To the width of the embedding, or none.
  public let projection: Linear?
  /// nil: it has no blocks.
  public var transformer: TransformerEncoder? { nil }
  /// See `Module.addForwardHook(at:_:)`; token ids are no variables, and not among the inputs.
  public var forwardHooks = ForwardHooks()

  /// Initialised as a ``TextTransformer``.
  public init(_ configuration: TextConfiguration, random: inout Random) {
    configuration.check()
    if configuration.architecture != .bagOfWords {
      programmerError("BagOfWords: sizes of a \(configuration.architecture)")
    }
    self.configuration = configuration
    tokenEmbedding = Embedding(
      count: configuration.vocabularySize, width: configuration.width, random: &random)
    norm = LayerNorm(width: configuration.width, epsilon: configuration.normEpsilon)
    projection = configuration.projection(random: &random)
  }

  /// Token ids `[batch, context]` to embeddings `[batch, outputWidth]`, not normalised.
  public func callAsFunction(_ tokens: IndexTensor) -> Variable {
    configuration.check(tokens)
    return withForwardHooks([]) {
      let mean = matmul(Variable(shares(of: tokens)), tokenEmbedding(tokens)).squeeze(1)
      let normalized = norm(mean)
      return projection?(normalized) ?? normalized
    }
  }

  /// How much each token adds to the mean, `[batch, 1, context]`.
  private func shares(of tokens: IndexTensor) -> Tensor {
    let length = tokens.shape[1]
    let shares = tokens.rows.flatMap { row in
      let end = configuration.pooling == .endToken ? row.startIndex + row.placeOfLargest : row.endIndex - 1
      let counts = row.indices.map { $0 <= end && Int(row[$0]) != configuration.paddingToken }
      let share = 1 / Float(max(1, counts.count { $0 }))
      return counts.map { $0 ? share : 0 }
    }
    return Tensor(shares, shape: [tokens.shape[0], 1, length])
  }
}
