import Kernels

/// Rows and columns of zeros around a plane, which may differ from side to side.
public struct Padding2D: Sendable, Hashable {
  /// Rows above.
  public var top: Int
  /// Rows below.
  public var bottom: Int
  /// Columns to the left.
  public var left: Int
  /// Columns to the right.
  public var right: Int

  /// No padding.
  public static let zero = Padding2D(0)

  /// Padding of each side.
  public init(top: Int, bottom: Int, left: Int, right: Int) {
    self.top = top
    self.bottom = bottom
    self.left = left
    self.right = right
  }

  /// The same padding on all sides.
  public init(_ width: Int) { self.init(top: width, bottom: width, left: width, right: width) }
}

/// Two-dimensional convolution (cross-correlation, as everywhere in the field).
///
/// - Parameters:
///   - x: Images, `[batch, channels, height, width]`.
///   - weight: `[outputs, channels / groups, height, width]`.
///   - bias: `[outputs]`.
///   - stride: Rows and columns from one position to the next.
///   - padding: Zeros around the images.
///   - dilation: Rows and columns from one tap to the next.
///   - groups: Parts into which channels fall; as many as channels make a depthwise convolution.
/// - Returns: `[batch, outputs, height, width]`.
public func conv2d(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: (Int, Int) = (1, 1), padding: Padding2D = .zero,
  dilation: (Int, Int) = (1, 1), groups: Int = 1
) -> Tensor {
  let sizes = ConvolutionSizes(x.shape, weight.shape, stride, padding, dilation, groups, of: "conv2d")
  if let bias { requireShape(bias, [weight.shape[0]], of: "conv2d", "a bias") }
  let (x, weight, bias) = (x.contiguous(), weight.contiguous(), bias?.contiguous())
  let result = Tensor(uninitialized: sizes.output)
  conv2d(
    sizes.kernel, x: x.readPointer, weight: weight.readPointer, bias: bias?.readPointer, out: result.pointer)
  withExtendedLifetime((x, weight, bias)) {}
  return result
}

/// Gradient of a convolution's images, of shape `inputShape`, given the gradient of its output.
package func conv2dInputGradient(
  _ gradient: Tensor, weight: Tensor, inputShape: Shape, stride: (Int, Int) = (1, 1),
  padding: Padding2D = .zero, dilation: (Int, Int) = (1, 1), groups: Int = 1
) -> Tensor {
  let sizes = ConvolutionSizes(
    inputShape, weight.shape, stride, padding, dilation, groups, of: "conv2dInputGradient")
  requireShape(gradient, sizes.output, of: "conv2dInputGradient", "a gradient")
  let (g, weight) = (gradient.contiguous(), weight.contiguous())
  let result = Tensor(uninitialized: inputShape)
  conv2dInputDerivative(sizes.kernel, g: g.readPointer, weight: weight.readPointer, out: result.pointer)
  withExtendedLifetime((g, weight)) {}
  return result
}

/// Gradient of a convolution's weights, of shape `weightShape`, given the gradient of its output.
package func conv2dWeightGradient(
  _ gradient: Tensor, input: Tensor, weightShape: Shape, stride: (Int, Int) = (1, 1),
  padding: Padding2D = .zero, dilation: (Int, Int) = (1, 1), groups: Int = 1
) -> Tensor {
  let sizes = ConvolutionSizes(
    input.shape, weightShape, stride, padding, dilation, groups, of: "conv2dWeightGradient")
  requireShape(gradient, sizes.output, of: "conv2dWeightGradient", "a gradient")
  let (g, x) = (gradient.contiguous(), input.contiguous())
  let result = Tensor(uninitialized: weightShape)
  conv2dWeightDerivative(sizes.kernel, x: x.readPointer, g: g.readPointer, out: result.pointer)
  withExtendedLifetime((g, x)) {}
  return result
}

/// The checked sizes of a convolution.
private struct ConvolutionSizes {
  let kernel: ConvolutionShape
  let output: Shape

  init(
    _ x: Shape, _ weight: Shape, _ stride: (Int, Int), _ padding: Padding2D, _ dilation: (Int, Int),
    _ groups: Int, of operation: StaticString
  ) {
    if x.count != 4 || weight.count != 4 {
      programmerError("\(operation): images \(x) and weights \(weight) need four axes each")
    }
    if groups < 1 || x[1] % groups != 0 || x[1] / groups != weight[1] || weight[0] % groups != 0 {
      programmerError("\(operation): images \(x) and weights \(weight) do not fit \(groups) groups")
    }
    let window = WindowShape(
      x, (weight[2], weight[3]), stride: stride, padding: padding, dilation: dilation, of: operation)
    kernel = ConvolutionShape(
      batch: x[0], inputChannels: x[1], outputChannels: weight[0], groups: groups, window: window)
    output = [x[0], weight[0], window.outputHeight, window.outputWidth]
  }
}

extension WindowShape {
  /// The window over images of shape `x`; traps when it does not fit.
  init(
    _ x: Shape, _ taps: (Int, Int), stride: (Int, Int), padding: Padding2D, dilation: (Int, Int) = (1, 1),
    of operation: StaticString
  ) {
    let paddings = [padding.top, padding.bottom, padding.left, padding.right]
    // Sizes are multiplied and added without checks from here on.
    let distances = 1..<1 << 28
    if ![taps.0, taps.1, stride.0, stride.1, dilation.0, dilation.1].allSatisfy(distances.contains)
      || !paddings.allSatisfy({ $0 == 0 || distances.contains($0) })
    {
      programmerError(
        "\(operation): a window of \(taps) with stride \(stride), dilation \(dilation) and padding \(paddings)"
      )
    }
    self.init(
      inputHeight: x[2], inputWidth: x[3], kernelHeight: taps.0, kernelWidth: taps.1, strideHeight: stride.0,
      strideWidth: stride.1, paddingTop: padding.top, paddingBottom: padding.bottom,
      paddingLeft: padding.left, paddingRight: padding.right, dilationHeight: dilation.0,
      dilationWidth: dilation.1)
    if outputHeight < 1 || outputWidth < 1 {
      programmerError(
        "\(operation): a window of \(taps) with dilation \(dilation) does not fit \(x) with padding \(paddings)"
      )
    }
  }
}
