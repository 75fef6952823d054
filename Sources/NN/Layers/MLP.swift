/// Two linear layers with an activation function between them.
public final class MLP: Layer, Hookable {
  /// From the width to the hidden size.
  @Submodule public private(set) var fc1: Linear
  /// From the hidden size to the output.
  @Submodule public private(set) var fc2: Linear
  /// The function between them.
  public let activation: Activation
  /// After the activation, if anything is to be dropped.
  public let dropout: Dropout?
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// Layers with Xavier uniform weights and biases from N(0, 1e-6), as big_vision's transformers have them.
  ///
  /// - Parameters:
  ///   - width: Size of the last axis of inputs, and of outputs unless `outputs` is given.
  ///   - hidden: Size between the layers; four times the width if not given.
  public init(
    width: Int, hidden: Int? = nil, outputs: Int? = nil, activation: Activation = .gelu, dropout: Float = 0,
    random: inout Random
  ) {
    let hidden = hidden ?? 4 * width
    let outputs = outputs ?? width
    fc1 = Linear(
      weight: random.xavierUniform([hidden, width]), bias: random.normal([hidden], standardDeviation: 1e-6))
    fc2 = Linear(
      weight: random.xavierUniform([outputs, hidden]), bias: random.normal([outputs], standardDeviation: 1e-6)
    )
    self.activation = activation
    self.dropout = dropout > 0 ? Dropout(probability: dropout, random: &random) : nil
  }

  /// Maps `[..., width]` to `[..., outputs]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    withForwardHooks([x]) {
      let (fc1, fc2) = (fc1, fc2)
      guard dropout == nil, fc1.mayBeFused, fc2.mayBeFused else {
        let hidden = fc1(x, activation: activation)
        return fc2(dropout.map { $0(hidden) } ?? hidden)
      }
      return feedForward(
        x, weight1: fc1.weight.variable, bias1: fc1.bias?.variable, activation: activation,
        weight2: fc2.weight.variable, bias2: fc2.bias?.variable)
    }
  }
}
