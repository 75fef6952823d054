/// One block of a transformer with normalisation before each part (pre-LN):
/// x + attention(norm1(x)), then x + mlp(norm2(x)).
public final class TransformerBlock: Layer, Hookable {
  /// Before the attention.
  public let norm1: LayerNorm
  /// Self-attention.
  public let attention: MultiHeadAttention
  /// Before the MLP.
  public let norm2: LayerNorm
  /// Applied to each token.
  public let mlp: MLP
  /// On what both parts add, if anything is to be dropped.
  public let dropout: Dropout?
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// A block of tokens of size `width`.
  ///
  /// - Parameters:
  ///   - hidden: Hidden size of the MLP; four times the width if not given.
  ///   - epsilon: Of the layer norms.
  ///   - dropout: Probability, inside the MLP and on what both parts add.
  ///   - attentionDropout: Probability, of the attention's probabilities.
  public init(
    width: Int, heads: Int, hidden: Int? = nil, activation: Activation = .gelu, epsilon: Float = 1e-6,
    dropout: Float = 0, attentionDropout: Float = 0, random: inout Random
  ) {
    norm1 = LayerNorm(width: width, epsilon: epsilon)
    attention = MultiHeadAttention(width: width, heads: heads, dropout: attentionDropout, random: &random)
    norm2 = LayerNorm(width: width, epsilon: epsilon)
    mlp = MLP(width: width, hidden: hidden, activation: activation, dropout: dropout, random: &random)
    self.dropout = dropout > 0 ? Dropout(probability: dropout, random: &random) : nil
  }

  /// Maps `[batch, tokens, width]` to the same shape.
  public func callAsFunction(_ x: Variable) -> Variable { self(x, mask: nil) }

  /// Maps `[batch, tokens, width]` to the same shape; `mask` is added to the scores and broadcasts to
  /// `[batch, heads, tokens, tokens]`.
  public func callAsFunction(_ x: Variable, mask: Tensor?) -> Variable {
    func dropped(_ y: Variable) -> Variable { dropout.map { $0(y) } ?? y }
    return withForwardHooks([x]) {
      let attended = x + dropped(attention(norm1(x), mask: mask))
      return attended + dropped(mlp(norm2(attended)))
    }
  }

  /// Maps tokens that follow those whose keys and values are kept, `[batch, tokens, width]`, to the same shape, and adds theirs:
  /// the same, to the last bit, as the last of all tokens in one call, if their mask hides from each what follows it.
  ///
  /// - Parameters:
  ///   - kept: nil before the first tokens.
  ///   - mask: Added to the scores of these tokens with all; broadcasts to `[batch, heads, tokens, all tokens]`.
  public func callAsFunction(_ x: Variable, after kept: inout KeysAndValues?, mask: Tensor?) -> Variable {
    func dropped(_ y: Variable) -> Variable { dropout.map { $0(y) } ?? y }
    return withForwardHooks([x]) {
      let normalized = norm1(x)
      let new = attention.keysAndValues(of: normalized)
      let all = kept?.appending(new) ?? new
      kept = all
      let attended = x + dropped(attention(queries: normalized, memory: all, mask: mask))
      return attended + dropped(mlp(norm2(attended)))
    }
  }
}

/// A stack of transformer blocks and a final layer norm.
public final class TransformerEncoder: Layer, Hookable {
  /// From the input to the output.
  public let blocks: [TransformerBlock]
  /// After the last block.
  public let norm: LayerNorm
  /// Whether blocks are computed again in the backward sweep rather than kept (``checkpoint(_:_:)``): memory for time.
  public var rematerializesBlocks: Bool
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// A stack of `depth` blocks; see ``TransformerBlock`` for the other sizes.
  public init(
    width: Int, depth: Int, heads: Int, hidden: Int? = nil, activation: Activation = .gelu,
    epsilon: Float = 1e-6, dropout: Float = 0, attentionDropout: Float = 0,
    rematerializesBlocks: Bool = false, random: inout Random
  ) {
    if depth < 0 { programmerError("TransformerEncoder: a depth of \(depth)") }
    var blocks: [TransformerBlock] = []
    for _ in 0..<depth {
      blocks.append(
        TransformerBlock(
          width: width, heads: heads, hidden: hidden, activation: activation, epsilon: epsilon,
          dropout: dropout, attentionDropout: attentionDropout, random: &random))
    }
    self.blocks = blocks
    norm = LayerNorm(width: width, epsilon: epsilon)
    self.rematerializesBlocks = rematerializesBlocks
  }

  /// Maps `[batch, tokens, width]` to the same shape.
  public func callAsFunction(_ x: Variable) -> Variable { self(x, mask: nil) }

  /// Maps `[batch, tokens, width]` to the same shape; `mask` is added to every block's scores.
  public func callAsFunction(_ x: Variable, mask: Tensor?) -> Variable {
    withForwardHooks([x]) {
      var x = x
      for block in blocks {
        x = rematerializesBlocks ? checkpoint([x]) { block($0[0], mask: mask) } : block(x, mask: mask)
      }
      return norm(x)
    }
  }
}
