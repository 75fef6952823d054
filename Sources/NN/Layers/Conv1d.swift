/// One-dimensional convolution of `[batch, channels, length]`.
public final class Conv1d: Layer, Hookable {
  /// `[outputs, inputs / groups, kernel]`.
  public let weight: Parameter
  /// `[outputs]`.
  public let bias: Parameter?
  /// Distance between windows.
  public let stride: Int
  /// Zeros on both sides.
  public let padding: Int
  /// Distance between the elements of a window.
  public let dilation: Int
  /// Parts of the channels that do not see each other.
  public let groups: Int
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// A layer of LeCun normal weights and zero biases.
  ///
  /// - Parameters:
  ///   - inputs: Channels of the sequence.
  ///   - outputs: Channels of the result.
  ///   - kernel: Length of a window.
  ///   - groups: Must divide `inputs` and `outputs`.
  public init(
    inputs: Int, outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1, bias: Bool = true, random: inout Random
  ) {
    checkGroups(groups, inputs: inputs, outputs: outputs, of: "Conv1d")
    weight = Parameter(random.lecunNormal([outputs, inputs / groups, kernel]))
    self.bias = bias ? Parameter(.zeros([outputs])) : nil
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }

  /// Maps `[batch, inputs, length]` to `[batch, outputs, length']`.
  public func callAsFunction(_ x: Variable) -> Variable {
    withForwardHooks([x]) {
      conv1d(
        x, weight: weight.variable, bias: bias?.variable, stride: stride, padding: padding,
        dilation: dilation,
        groups: groups)
    }
  }
}
