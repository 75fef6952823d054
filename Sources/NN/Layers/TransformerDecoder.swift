/// One block of a decoder with normalisation before each part (pre-LN): x + attention(norm1(x)), in which a token sees itself
/// and those before it, then x + crossAttention(norm2(x)) to a memory, then x + mlp(norm3(x)) (Vaswani et al. 2017).
public final class TransformerDecoderBlock: Module, Hookable {
  /// Before the self-attention.
  public let norm1: LayerNorm
  /// Of tokens to those up to them.
  public let attention: MultiHeadAttention
  /// Before the cross-attention; the memory is taken as it is.
  public let norm2: LayerNorm
  /// Of tokens to the memory.
  public let crossAttention: MultiHeadAttention
  /// Before the MLP.
  public let norm3: LayerNorm
  /// Applied to each token.
  public let mlp: MLP
  /// On what all parts add, if anything is to be dropped.
  public let dropout: Dropout?
  /// See ``Module/addForwardHook(at:_:)``; the memory is not among the inputs.
  public var forwardHooks = ForwardHooks()

  /// What is kept of tokens that a block has seen, for those that follow.
  public struct Cache {
    /// Of the tokens; nil before the first.
    public internal(set) var tokens: KeysAndValues?
    /// Of the memory.
    public internal(set) var memory: KeysAndValues
  }

  /// A block of tokens of size `width`, and a memory of the same width.
  ///
  /// - Parameters:
  ///   - hidden: Hidden size of the MLP; four times the width if not given.
  ///   - attentionBias: Whether the linear layers of both attentions have biases.
  ///   - epsilon: Of the layer norms.
  ///   - dropout: Probability, inside the MLP and on what the parts add.
  public init(
    width: Int, heads: Int, hidden: Int? = nil, activation: Activation = .gelu, attentionBias: Bool = true,
    epsilon: Float = 1e-6, dropout: Float = 0, random: inout Random
  ) {
    norm1 = LayerNorm(width: width, epsilon: epsilon)
    attention = MultiHeadAttention(width: width, heads: heads, bias: attentionBias, random: &random)
    norm2 = LayerNorm(width: width, epsilon: epsilon)
    crossAttention = MultiHeadAttention(width: width, heads: heads, bias: attentionBias, random: &random)
    norm3 = LayerNorm(width: width, epsilon: epsilon)
    mlp = MLP(width: width, hidden: hidden, activation: activation, dropout: dropout, random: &random)
    self.dropout = dropout > 0 ? Dropout(probability: dropout, random: &random) : nil
  }

  /// Maps tokens `[batch, tokens, width]` to the same shape, with a memory `[batch, others, width]`.
  public func callAsFunction(_ x: Variable, memory: Variable) -> Variable {
    var cache = cache(of: memory)
    return self(x, after: &cache)
  }

  /// What there is before the first token.
  public func cache(of memory: Variable) -> Cache {
    Cache(tokens: nil, memory: crossAttention.keysAndValues(of: memory))
  }

  /// Maps tokens that follow those of a cache, `[batch, tokens, width]`, to the same shape, and adds them to it: the same, to
  /// the last bit, as the last of all tokens in one call.
  public func callAsFunction(_ x: Variable, after cache: inout Cache) -> Variable {
    func dropped(_ y: Variable) -> Variable { dropout.map { $0(y) } ?? y }
    return withForwardHooks([x]) {
      let normalized = norm1(x)
      let new = attention.keysAndValues(of: normalized)
      let seen = cache.tokens?.appending(new) ?? new
      cache.tokens = seen
      // A single token sees all there is.
      let mask = new.count == 1 ? nil : Tensor.causalMask(queries: new.count, keys: seen.count)
      let x = x + dropped(attention(queries: normalized, memory: seen, mask: mask))
      let attended = x + dropped(crossAttention(queries: norm2(x), memory: cache.memory))
      return attended + dropped(mlp(norm3(attended)))
    }
  }
}

/// A stack of decoder blocks and a final layer norm.
public final class TransformerDecoder: Module, Hookable {
  /// From the input to the output.
  public let blocks: [TransformerDecoderBlock]
  /// After the last block.
  public let norm: LayerNorm
  /// Whether blocks are computed again in the backward sweep rather than kept (``checkpoint(_:_:)``): memory for time.
  public var rematerializesBlocks: Bool
  /// See ``Module/addForwardHook(at:_:)``; the memory is not among the inputs.
  public var forwardHooks = ForwardHooks()

  /// What is kept of tokens that the decoder has seen, for those that follow.
  public struct Cache {
    /// Of each block.
    public internal(set) var blocks: [TransformerDecoderBlock.Cache]
    /// Tokens so far.
    public internal(set) var count = 0

    /// That of some of the sequences, in this order: without those that have ended, or with one many times.
    public func sequences(_ indices: IndexTensor) -> Cache {
      Cache(
        blocks: blocks.map {
          .init(tokens: $0.tokens?.sequences(indices), memory: $0.memory.sequences(indices))
        }, count: count)
    }
  }

  /// A stack of `depth` blocks; see ``TransformerDecoderBlock`` for the other sizes.
  public init(
    width: Int, depth: Int, heads: Int, hidden: Int? = nil, activation: Activation = .gelu,
    attentionBias: Bool = true, epsilon: Float = 1e-6, dropout: Float = 0,
    rematerializesBlocks: Bool = false, random: inout Random
  ) {
    if depth < 0 { programmerError("TransformerDecoder: a depth of \(depth)") }
    var blocks: [TransformerDecoderBlock] = []
    for _ in 0..<depth {
      blocks.append(
        TransformerDecoderBlock(
          width: width, heads: heads, hidden: hidden, activation: activation, attentionBias: attentionBias,
          epsilon: epsilon, dropout: dropout, random: &random))
    }
    self.blocks = blocks
    norm = LayerNorm(width: width, epsilon: epsilon)
    self.rematerializesBlocks = rematerializesBlocks
  }

  /// Maps tokens `[batch, tokens, width]` to the same shape, with a memory `[batch, others, width]`.
  public func callAsFunction(_ x: Variable, memory: Variable) -> Variable {
    withForwardHooks([x]) {
      var x = x
      for block in blocks {
        x =
          rematerializesBlocks
          ? checkpoint([x, memory]) { block($0[0], memory: $0[1]) } : block(x, memory: memory)
      }
      return norm(x)
    }
  }

  /// What there is before the first token.
  public func cache(of memory: Variable) -> Cache { Cache(blocks: blocks.map { $0.cache(of: memory) }) }

  /// Maps tokens that follow those of a cache, `[batch, tokens, width]`, to the same shape, and adds them to it: the same, to
  /// the last bit, as the last of all tokens in one call. No block is computed twice, whatever ``rematerializesBlocks``.
  public func callAsFunction(_ x: Variable, after cache: inout Cache) -> Variable {
    withForwardHooks([x]) {
      var x = x
      for index in blocks.indices { x = blocks[index](x, after: &cache.blocks[index]) }
      cache.count += x.shape[1]
      return norm(x)
    }
  }
}
