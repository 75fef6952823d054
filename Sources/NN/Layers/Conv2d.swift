/// Two-dimensional convolution (cross-correlation, as everywhere in the field) of `[batch, channels, height, width]`.
public final class Conv2d: Layer, Hookable {
  /// `[outputs, inputs / groups, height, width]`.
  public let weight: Parameter
  /// `[outputs]`.
  public let bias: Parameter?
  /// Distance between windows, down and across.
  public let stride: (Int, Int)
  /// Zeros around the image.
  public let padding: Padding2D
  /// Distance between the elements of a window, down and across.
  public let dilation: (Int, Int)
  /// Parts of the channels that do not see each other.
  public let groups: Int
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// A layer of LeCun normal weights and zero biases, as Flax's `Conv`.
  ///
  /// - Parameters:
  ///   - inputs: Channels of the image.
  ///   - outputs: Channels of the result.
  ///   - kernel: Height and width of a window.
  ///   - groups: Must divide `inputs` and `outputs`; equal to `inputs` for a depthwise convolution.
  public convenience init(
    inputs: Int, outputs: Int, kernel: (Int, Int), stride: (Int, Int) = (1, 1), padding: Padding2D = .zero,
    dilation: (Int, Int) = (1, 1), groups: Int = 1, bias: Bool = true, random: inout Random
  ) {
    checkGroups(groups, inputs: inputs, outputs: outputs, of: "Conv2d")
    self.init(
      weight: random.lecunNormal([outputs, inputs / groups, kernel.0, kernel.1]),
      bias: bias ? .zeros([outputs]) : nil, stride: stride, padding: padding, dilation: dilation,
      groups: groups)
  }

  /// The same with square windows: `Conv2d(inputs: 3, outputs: 64, kernel: 3, stride: 2, padding: 1, random: &random)`.
  public convenience init(
    inputs: Int, outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1, bias: Bool = true, random: inout Random
  ) {
    self.init(
      inputs: inputs, outputs: outputs, kernel: (kernel, kernel), stride: (stride, stride),
      padding: Padding2D(padding), dilation: (dilation, dilation), groups: groups, bias: bias, random: &random
    )
  }

  /// A layer of the given numbers: `weight` is `[outputs, inputs / groups, height, width]`, `bias` is `[outputs]`.
  public init(
    weight: Tensor, bias: Tensor? = nil, stride: (Int, Int) = (1, 1), padding: Padding2D = .zero,
    dilation: (Int, Int) = (1, 1), groups: Int = 1
  ) {
    if weight.rank != 4 || bias.map({ $0.shape != [weight.shape[0]] }) ?? false {
      programmerError(
        "Conv2d: a weight of shape \(weight.shape) and a bias of shape \(bias.map { "\($0.shape)" } ?? "none")"
      )
    }
    self.weight = Parameter(weight)
    self.bias = bias.map(Parameter.init)
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }

  /// Maps `[batch, inputs, height, width]` to `[batch, outputs, height', width']`.
  public func callAsFunction(_ x: Variable) -> Variable {
    withForwardHooks([x]) {
      conv2d(
        x, weight: weight.variable, bias: bias?.variable, stride: stride, padding: padding,
        dilation: dilation, groups: groups)
    }
  }
}

/// Traps unless the channels of a convolution divide into groups.
func checkGroups(_ groups: Int, inputs: Int, outputs: Int, of layer: StaticString) {
  if groups < 1 || inputs % groups != 0 || outputs % groups != 0 {
    programmerError("\(layer): \(inputs) inputs and \(outputs) outputs do not divide into \(groups) groups")
  }
}
