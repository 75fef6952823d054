extension Variable {
  /// Means of windows of `[N, C, H, W]`.
  ///
  /// - Parameters:
  ///   - window: Height and width of a window.
  ///   - stride: Distance between windows; the window's size if not given.
  ///   - padding: Zeros around the image.
  ///   - countsPadding: Whether padding counts as elements of the mean.
  public func averagePool2d(
    window: (Int, Int), stride: (Int, Int)? = nil, padding: Padding2D = .zero, countsPadding: Bool = true
  ) -> Variable {
    AveragePooling(window: window, stride: stride, padding: padding, countsPadding: countsPadding).apply(self)
  }

  /// Largest elements of windows of `[N, C, H, W]`; the first of equal ones receives the gradient.
  ///
  /// - Parameters:
  ///   - window: Height and width of a window.
  ///   - stride: Distance between windows; the window's size if not given.
  ///   - padding: Elements around the image that never are the largest.
  public func maxPool2d(
    window: (Int, Int), stride: (Int, Int)? = nil, padding: Padding2D = .zero
  ) -> Variable {
    MaxPooling.apply(self, window: window, stride: stride, padding: padding)
  }

  /// Means over height and width of `[N, C, H, W]`: `[N, C]`.
  public func globalAveragePool2d() -> Variable {
    if rank != 4 { programmerError("globalAveragePool2d: shape \(shape) is not [N, C, H, W]") }
    return mean(axes: [2, 3])
  }
}

/// Once the largest elements are found, taking them is linear: gathering and scattering are each other's derivatives.
private struct MaxPooling {
  let window: (Int, Int)
  let stride: (Int, Int)?
  let padding: Padding2D
  /// Positions of the largest elements in their planes.
  let indices: IndexTensor
  let inputShape: Shape

  static func apply(
    _ x: Variable, window: (Int, Int), stride: (Int, Int)?, padding: Padding2D
  ) -> Variable {
    let (value, indices) = x.value.maxPool2dWithIndices(window: window, stride: stride, padding: padding)
    let pooling = MaxPooling(
      window: window, stride: stride, padding: padding, indices: indices, inputShape: x.shape)
    return record("maxPool2d", [x], value: value) { [pooling.scatter($0.gradient)] }
  }

  private func scatter(_ gradient: Variable) -> Variable {
    let value = maxPool2dInputGradient(
      gradient.value, indices: indices, inputShape: inputShape, window: window, stride: stride,
      padding: padding)
    return record("maxPool2d", [gradient], value: value) { [gather($0.gradient)] }
  }

  private func gather(_ x: Variable) -> Variable {
    let (count, channels) = (inputShape[0], inputShape[1])
    let planes = x.value.reshape([count, channels, inputShape[2] * inputShape[3]])
    let places = indices.reshape([count, channels, indices.shape[2] * indices.shape[3]])
    let value = planes.takeAlong(places, axis: 2).reshape(indices.shape)
    return record("maxPool2d", [x], value: value) { [scatter($0.gradient)] }
  }
}

/// Average pooling is linear: it and its transpose are each other's derivatives.
private struct AveragePooling {
  let window: (Int, Int)
  let stride: (Int, Int)?
  let padding: Padding2D
  let countsPadding: Bool

  func apply(_ x: Variable) -> Variable {
    let shape = x.shape
    let value = x.value.averagePool2d(
      window: window, stride: stride, padding: padding, countsPadding: countsPadding)
    return record("averagePool2d", [x], value: value) { [inputGradient($0.gradient, shape)] }
  }

  private func inputGradient(_ gradient: Variable, _ shape: Shape) -> Variable {
    let value = averagePool2dInputGradient(
      gradient.value, inputShape: shape, window: window, stride: stride, padding: padding,
      countsPadding: countsPadding)
    return record("averagePool2d", [gradient], value: value) { [apply($0.gradient)] }
  }
}
