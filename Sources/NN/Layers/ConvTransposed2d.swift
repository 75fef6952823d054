/// Transposed convolution of `[batch, channels, height, width]`, which makes images larger where the stride is above 1.
public final class ConvTransposed2d: Layer, Hookable {
  /// `[inputs, outputs / groups, height, width]`.
  public let weight: Parameter
  /// `[outputs]`.
  public let bias: Parameter?
  /// Distance between the windows that add up to the result, down and across.
  public let stride: (Int, Int)
  /// Rows and columns cut off the result.
  public let padding: Padding2D
  /// Rows below and columns to the right added to the result.
  public let outputPadding: (Int, Int)
  /// Distance between the elements of a window, down and across.
  public let dilation: (Int, Int)
  /// Parts of the channels that do not see each other.
  public let groups: Int
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// A layer of normal weights and zero biases, whose outputs have about the variance of its inputs if windows do not overlap.
  ///
  /// - Parameters:
  ///   - inputs: Channels of the image.
  ///   - outputs: Channels of the result.
  ///   - kernel: Height and width of a window.
  ///   - groups: Must divide `inputs` and `outputs`.
  public init(
    inputs: Int, outputs: Int, kernel: (Int, Int), stride: (Int, Int) = (1, 1), padding: Padding2D = .zero,
    outputPadding: (Int, Int) = (0, 0), dilation: (Int, Int) = (1, 1), groups: Int = 1, bias: Bool = true,
    random: inout Random
  ) {
    checkGroups(groups, inputs: inputs, outputs: outputs, of: "ConvTransposed2d")
    let deviation = (Float(groups) / Float(inputs)).squareRoot()
    weight = Parameter(
      random.normal([inputs, outputs / groups, kernel.0, kernel.1], standardDeviation: deviation))
    self.bias = bias ? Parameter(.zeros([outputs])) : nil
    self.stride = stride
    self.padding = padding
    self.outputPadding = outputPadding
    self.dilation = dilation
    self.groups = groups
  }

  /// The same with square windows.
  public convenience init(
    inputs: Int, outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
    dilation: Int = 1, groups: Int = 1, bias: Bool = true, random: inout Random
  ) {
    self.init(
      inputs: inputs, outputs: outputs, kernel: (kernel, kernel), stride: (stride, stride),
      padding: Padding2D(padding), outputPadding: (outputPadding, outputPadding),
      dilation: (dilation, dilation),
      groups: groups, bias: bias, random: &random)
  }

  /// Maps `[batch, inputs, height, width]` to `[batch, outputs, height', width']`.
  public func callAsFunction(_ x: Variable) -> Variable {
    withForwardHooks([x]) {
      convTransposed2d(
        x, weight: weight.variable, bias: bias?.variable, stride: stride, padding: padding,
        outputPadding: outputPadding, dilation: dilation, groups: groups)
    }
  }
}
