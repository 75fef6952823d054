/// Scaled dot-product attention in several heads, with a linear layer before each operand and after the result
/// (Vaswani et al. 2017).
public final class MultiHeadAttention: Module {
  /// Of queries; its outputs are the heads one after another.
  public let query: Linear
  /// Of keys.
  public let key: Linear
  /// Of values.
  public let value: Linear
  /// Of the attended values.
  public let output: Linear
  /// Number of heads.
  public let heads: Int

  /// Xavier uniform weights and zero biases; `heads` must divide `width`.
  public init(width: Int, heads: Int, bias: Bool = true, random: inout Random) {
    if heads < 1 || width % heads != 0 {
      programmerError("MultiHeadAttention: a width of \(width) does not divide into \(heads) heads")
    }
    query = Linear(inputs: width, outputs: width, bias: bias, random: &random)
    key = Linear(inputs: width, outputs: width, bias: bias, random: &random)
    value = Linear(inputs: width, outputs: width, bias: bias, random: &random)
    output = Linear(inputs: width, outputs: width, bias: bias, random: &random)
    self.heads = heads
  }

  /// Self-attention over `[batch, tokens, width]`.
  ///
  /// - Parameter mask: Added to the scores before the softmax (-infinity hides a key); broadcasts to
  ///   `[batch, heads, tokens, tokens]`.
  public func callAsFunction(_ x: Variable, mask: Tensor? = nil) -> Variable {
    self(queries: x, memory: x, mask: mask)
  }

  /// Cross-attention: tokens of `queries`, `[batch, tokens, width]`, attend to those of `memory`,
  /// `[batch, others, width]`.
  ///
  /// - Parameter mask: Added to the scores; broadcasts to `[batch, heads, tokens, others]`.
  /// - Returns: `[batch, tokens, width]`.
  public func callAsFunction(queries: Variable, memory: Variable, mask: Tensor? = nil) -> Variable {
    let width = query.inputs
    for x in [queries, memory] where x.rank != 3 || x.shape[2] != width || x.shape[0] != queries.shape[0] {
      programmerError(
        "MultiHeadAttention: queries of shape \(queries.shape) and memory of shape \(memory.shape), "
          + "expected [batch, tokens, \(width)]")
    }
    let attended = scaledDotProductAttention(
      query: perHead(query(queries)), key: perHead(key(memory)), value: perHead(value(memory)), mask: mask)
    return output(attended.reshape(queries.shape))
  }

  /// `[batch, tokens, width]` as `[batch, tokens, heads, width of a head]`.
  private func perHead(_ x: Variable) -> Variable {
    x.reshape([x.shape[0], x.shape[1], heads, x.shape[2] / heads])
  }
}
