/// Scaled dot-product attention in several heads, with a linear layer before each operand and after the result
/// (Vaswani et al. 2017).
public final class MultiHeadAttention: Module, Hookable {
  /// Of queries; its outputs are the heads one after another.
  @Submodule public private(set) var query: Linear
  /// Of keys.
  @Submodule public private(set) var key: Linear
  /// Of values.
  @Submodule public private(set) var value: Linear
  /// Of the attended values.
  @Submodule public private(set) var output: Linear
  /// Number of heads.
  public let heads: Int
  /// Of the probabilities with which queries see keys, if any are to be dropped.
  public let dropout: Dropout?
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// Xavier uniform weights and zero biases.
  ///
  /// - Parameters:
  ///   - width: Of the inputs, and of all heads together; `heads` must divide it.
  ///   - memoryWidth: Of what is attended to; the width if not given.
  ///   - outputs: Size of the last axis of outputs; the width if not given.
  ///   - dropout: How likely a query does not see a key while training, the other keys counting for more. All scores are
  ///     kept then.
  public init(
    width: Int, heads: Int, memoryWidth: Int? = nil, outputs: Int? = nil, bias: Bool = true,
    dropout: Float = 0, random: inout Random
  ) {
    let memoryWidth = memoryWidth ?? width
    if heads < 1 || width % heads != 0 {
      programmerError("MultiHeadAttention: a width of \(width) does not divide into \(heads) heads")
    }
    query = Linear(inputs: width, outputs: width, bias: bias, random: &random)
    key = Linear(inputs: memoryWidth, outputs: width, bias: bias, random: &random)
    value = Linear(inputs: memoryWidth, outputs: width, bias: bias, random: &random)
    output = Linear(inputs: width, outputs: outputs ?? width, bias: bias, random: &random)
    self.heads = heads
    self.dropout = dropout > 0 ? Dropout(probability: dropout, random: &random) : nil
  }

  /// Self-attention over `[batch, tokens, width]`.
  ///
  /// - Parameter mask: Added to the scores before the softmax (-infinity hides a key); broadcasts to
  ///   `[batch, heads, tokens, tokens]`.
  public func callAsFunction(_ x: Variable, mask: Tensor? = nil) -> Variable {
    self(queries: x, memory: x, mask: mask)
  }

  /// Cross-attention: tokens of `queries`, `[batch, tokens, width]`, attend to those of `memory`,
  /// `[batch, others, memoryWidth]`.
  ///
  /// - Parameter mask: Added to the scores; broadcasts to `[batch, heads, tokens, others]`.
  /// - Returns: `[batch, tokens, outputs]`.
  public func callAsFunction(queries: Variable, memory: Variable, mask: Tensor? = nil) -> Variable {
    for (x, width) in [(queries, query.inputs), (memory, key.inputs)]
    where x.rank != 3 || x.shape[2] != width || x.shape[0] != queries.shape[0] {
      programmerError(
        "MultiHeadAttention: queries of shape \(queries.shape) and memory of shape \(memory.shape), "
          + "expected [batch, tokens, \(width)]")
    }
    return withForwardHooks([queries, memory]) { attend(queries, keysAndValues(of: memory), mask: mask) }
  }

  /// Cross-attention to tokens whose keys and values are there already; the same, to the last bit, as to the tokens.
  ///
  /// - Parameter mask: Added to the scores; broadcasts to `[batch, heads, tokens, others]`.
  /// - Returns: `[batch, tokens, outputs]`.
  public func callAsFunction(queries: Variable, memory: KeysAndValues, mask: Tensor? = nil) -> Variable {
    if queries.rank != 3 || queries.shape[2] != query.inputs {
      programmerError(
        "MultiHeadAttention: queries of shape \(queries.shape), expected [batch, tokens, \(query.inputs)]")
    }
    return withForwardHooks([queries, memory.keys, memory.values]) { attend(queries, memory, mask: mask) }
  }

  /// Keys and values of tokens, `[batch, others, memoryWidth]`, for queries that come later.
  public func keysAndValues(of memory: Variable) -> KeysAndValues {
    KeysAndValues(keys: perHead(key(memory)), values: perHead(value(memory)))
  }

  private func attend(_ queries: Variable, _ memory: KeysAndValues, mask: Tensor?) -> Variable {
    let (q, k, v) = (perHead(query(queries)), memory.keys, memory.values)
    let attended =
      if let dropout, dropout.isTraining {
        scaledDotProductAttention(query: q, key: k, value: v, mask: mask) { dropout($0) }
      } else {
        scaledDotProductAttention(query: q, key: k, value: v, mask: mask)
      }
    return output(attended.reshape(queries.shape))
  }

  /// `[batch, tokens, width]` as `[batch, tokens, heads, width of a head]`.
  private func perHead(_ x: Variable) -> Variable {
    x.reshape([x.shape[0], x.shape[1], heads, x.shape[2] / heads])
  }
}

/// Keys and values of the tokens that a ``MultiHeadAttention`` attends to, kept for queries that come later (a KV cache).
/// Gradients pass through them.
public struct KeysAndValues {
  /// `[batch, tokens, heads, width of a head]`.
  public private(set) var keys: Variable
  /// Of the same shape.
  public private(set) var values: Variable

  /// Tokens.
  public var count: Int { keys.shape[1] }

  /// These, then others of as many sequences.
  public func appending(_ others: KeysAndValues) -> KeysAndValues {
    KeysAndValues(
      keys: .concatenate([keys, others.keys], axis: 1),
      values: .concatenate([values, others.values], axis: 1))
  }

  /// Those of some of the sequences, in this order.
  public func sequences(_ indices: IndexTensor) -> KeysAndValues {
    KeysAndValues(keys: keys.take(indices), values: values.take(indices))
  }
}
