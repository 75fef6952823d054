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

  private func inputGradient(_ gradient: Variable, _ weight: Variable, _ shape: Shape) -> Variable {
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
