/// Two-dimensional convolution, by the field's convention a cross-correlation.
///
/// - Parameters:
///   - x: `[N, C, H, W]`.
///   - weight: `[O, C / groups, kh, kw]`.
///   - bias: `[O]`.
///   - stride: Distance between windows, down and across.
///   - padding: Zeros around the image.
///   - dilation: Distance between the elements of a window.
///   - groups: Parts of the channels that do not see each other; C for a depthwise convolution.
/// - Returns: `[N, O, H', W']`.
public func conv2d(
  _ x: Variable, weight: Variable, bias: Variable? = nil, stride: (Int, Int) = (1, 1),
  padding: Padding2D = .zero, dilation: (Int, Int) = (1, 1), groups: Int = 1
) -> Variable {
  let convolution = Convolution(stride: stride, padding: padding, dilation: dilation, groups: groups)
  return convolution.apply(x, weight, bias: bias)
}

/// ``conv2d(_:weight:bias:stride:padding:dilation:groups:)`` with the same numbers down and across.
public func conv2d(
  _ x: Variable, weight: Variable, bias: Variable? = nil, stride: Int, padding: Int = 0, dilation: Int = 1,
  groups: Int = 1
) -> Variable {
  conv2d(
    x, weight: weight, bias: bias, stride: (stride, stride), padding: Padding2D(padding),
    dilation: (dilation, dilation), groups: groups)
}

/// One-dimensional convolution.
///
/// - Parameters:
///   - x: `[N, C, L]`.
///   - weight: `[O, C / groups, k]`.
///   - bias: `[O]`.
///   - stride: Distance between windows.
///   - padding: Zeros on both sides; for others see ``Variable/pad(_:value:)``.
///   - dilation: Distance between the elements of a window.
///   - groups: Parts of the channels that do not see each other.
/// - Returns: `[N, O, L']`.
public func conv1d(
  _ x: Variable, weight: Variable, bias: Variable? = nil, stride: Int = 1, padding: Int = 0,
  dilation: Int = 1,
  groups: Int = 1
) -> Variable {
  if x.rank != 3 || weight.rank != 3 {
    programmerError("conv1d: sequences \(x.shape) and weights \(weight.shape) need three axes each")
  }
  return conv2d(
    x.unsqueeze(2), weight: weight.unsqueeze(2), bias: bias, stride: (1, stride),
    padding: Padding2D(top: 0, bottom: 0, left: padding, right: padding), dilation: (1, dilation),
    groups: groups
  ).squeeze(2)
}

/// Transposed convolution: the derivative of ``conv2d(_:weight:bias:stride:padding:dilation:groups:)`` with respect to its
/// images, as a layer that makes images larger (PyTorch's `conv_transpose2d`).
///
/// - Parameters:
///   - x: `[N, C, H, W]`.
///   - weight: `[C, O / groups, kh, kw]`.
///   - bias: `[O]`.
///   - stride: Distance between the windows that add up to the result, down and across.
///   - padding: Rows and columns cut off the result.
///   - outputPadding: Rows below and columns to the right added to the result; each below the stride or the dilation.
///   - dilation: Distance between the elements of a window.
///   - groups: Parts of the channels that do not see each other.
/// - Returns: `[N, O, (H - 1) stride - padding + dilation (kh - 1) + outputPadding + 1, ...]`.
public func convTransposed2d(
  _ x: Variable, weight: Variable, bias: Variable? = nil, stride: (Int, Int) = (1, 1),
  padding: Padding2D = .zero, outputPadding: (Int, Int) = (0, 0), dilation: (Int, Int) = (1, 1),
  groups: Int = 1
) -> Variable {
  guard x.rank == 4, weight.rank == 4, x.shape[1] == weight.shape[0], groups > 0,
    weight.shape[0] % groups == 0, outputPadding.0 >= 0, outputPadding.1 >= 0,
    outputPadding.0 < max(stride.0, dilation.0), outputPadding.1 < max(stride.1, dilation.1)
  else {
    programmerError(
      "convTransposed2d: images \(x.shape) and weights \(weight.shape) in \(groups) groups with stride \(stride), "
        + "dilation \(dilation) and output padding \(outputPadding)")
  }
  let channels = weight.shape[1] * groups
  // What is added is cut off less; beyond the last window there are zeros.
  var cut = padding
  cut.bottom = max(padding.bottom - outputPadding.0, 0)
  cut.right = max(padding.right - outputPadding.1, 0)
  let below = outputPadding.0 - (padding.bottom - cut.bottom)
  let right = outputPadding.1 - (padding.right - cut.right)
  let height = (x.shape[2] - 1) * stride.0 + dilation.0 * (weight.shape[2] - 1) + 1
  let width = (x.shape[3] - 1) * stride.1 + dilation.1 * (weight.shape[3] - 1) + 1
  let shape: Shape = [
    x.shape[0], channels, height - cut.top - cut.bottom, width - cut.left - cut.right,
  ]
  let convolution = Convolution(stride: stride, padding: cut, dilation: dilation, groups: groups)
  var result = convolution.inputGradient(x, weight, shape)
  if below > 0 || right > 0 { result = result.pad([(0, 0), (0, 0), (0, below), (0, right)]) }
  guard let bias else { return result }
  if bias.shape != [channels] {
    programmerError("convTransposed2d: a bias of shape \(bias.shape), expected [\(channels)]")
  }
  return result + bias.reshape([1, channels, 1, 1])
}

/// ``convTransposed2d(_:weight:bias:stride:padding:outputPadding:dilation:groups:)`` with the same numbers down and across.
public func convTransposed2d(
  _ x: Variable, weight: Variable, bias: Variable? = nil, stride: Int, padding: Int = 0,
  outputPadding: Int = 0,
  dilation: Int = 1, groups: Int = 1
) -> Variable {
  convTransposed2d(
    x, weight: weight, bias: bias, stride: (stride, stride), padding: Padding2D(padding),
    outputPadding: (outputPadding, outputPadding), dilation: (dilation, dilation), groups: groups)
}

/// A convolution is linear in its input and in its weight, and so are both derivatives: each of the three operations
/// has the other two as derivatives, to any order. They go by the name of the operation that the user wrote.
private struct Convolution {
  let stride: (Int, Int)
  let padding: Padding2D
  let dilation: (Int, Int)
  let groups: Int

  func apply(_ x: Variable, _ weight: Variable, bias: Variable? = nil) -> Variable {
    let value = conv2d(
      x.value, weight: weight.value, bias: bias?.value, stride: stride, padding: padding, dilation: dilation,
      groups: groups)
    let (inputShape, weightShape) = (x.shape, weight.shape)
    let inputs = [x, weight] + (bias.map { [$0] } ?? [])
    return record("conv2d", inputs, value: value, saving: Variable.savedFactors(x, weight)) { context in
      let gradient = context.gradient
      let gradients = [
        context.needs(0) ? inputGradient(gradient, context.input(1), inputShape) : nil,
        context.needs(1) ? weightGradient(gradient, context.input(0), weightShape) : nil,
      ]
      return bias == nil ? gradients : gradients + [context.needs(2) ? gradient.sum(axes: [0, 2, 3]) : nil]
    }
  }

  func inputGradient(_ gradient: Variable, _ weight: Variable, _ shape: Shape) -> Variable {
    let value = conv2dInputGradient(
      gradient.value, weight: weight.value, inputShape: shape, stride: stride, padding: padding,
      dilation: dilation, groups: groups)
    let weightShape = weight.shape
    return record(
      "conv2d", [gradient, weight], value: value, saving: Variable.savedFactors(gradient, weight)
    ) {
      [
        $0.needs(0) ? apply($0.gradient, $0.input(1)) : nil,
        $0.needs(1) ? weightGradient($0.input(0), $0.gradient, weightShape) : nil,
      ]
    }
  }

  private func weightGradient(_ gradient: Variable, _ x: Variable, _ shape: Shape) -> Variable {
    let value = conv2dWeightGradient(
      gradient.value, input: x.value, weightShape: shape, stride: stride, padding: padding,
      dilation: dilation,
      groups: groups)
    let inputShape = x.shape
    return record(
      "conv2d", [gradient, x], value: value, saving: Variable.savedFactors(gradient, x)
    ) {
      [
        $0.needs(0) ? apply($0.input(1), $0.gradient) : nil,
        $0.needs(1) ? inputGradient($0.input(0), $0.gradient, inputShape) : nil,
      ]
    }
  }
}
