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
    let value = planes.takeAlong(axis: 2, places).reshape(indices.shape)
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

// MARK: - Samples

package enum PoolingSamples {
  private typealias Case = (
    shape: Shape, window: (Int, Int), stride: (Int, Int)?, padding: Padding2D, name: String
  )

  private static var cases: [Case] {
    [
      ([2, 3, 4, 6], (2, 3), nil, .zero, "tiles"), ([1, 2, 5, 5], (3, 3), (2, 2), .zero, "overlapping"),
      ([2, 1, 5, 6], (3, 2), (2, 3), Padding2D(top: 1, bottom: 0, left: 0, right: 1), "uneven padding"),
      ([1, 1, 1, 1], (1, 1), nil, .zero, "one number"),
      ([1, 17, 3, 3], (2, 2), (1, 1), .zero, "17 channels"),
    ]
  }

  package static var average: OperationSamples {
    OperationSamples(
      "averagePool2d",
      [true, false].flatMap { countsPadding in
        cases.map { it in
          OperationSample(
            [.init(it.shape)], "\(it.name)\(countsPadding ? ", padding counts" : "")",
            forward: {
              $0[0].averagePool2d(
                window: it.window, stride: it.stride, padding: it.padding, countsPadding: countsPadding)
            },
            reference: {
              reference($0[0], it) { inside, size in
                inside.reduce(0, +) / Double(countsPadding ? size : inside.count)
              }
            })
        }
      })
  }

  package static var maximum: OperationSamples {
    OperationSamples(
      "maxPool2d",
      cases.map { it in
        OperationSample(
          [.init(it.shape)], it.name, hasKinks: true,
          forward: { $0[0].maxPool2d(window: it.window, stride: it.stride, padding: it.padding) },
          reference: { reference($0[0], it) { inside, _ in inside.max() ?? -.infinity } })
      })
  }

  package static var globalAverage: OperationSamples {
    OperationSamples(
      "globalAveragePool2d",
      [[2, 3, 4, 5], [1, 1, 1, 1]].map { (shape: Shape) in
        OperationSample(
          [.init(shape)], forward: { $0[0].globalAveragePool2d() },
          reference: { $0[0].fold(axes: [2, 3]) { $0.reduce(0, +) / Double($0.count) } })
      })
  }

  /// Folds the elements inside the image of every window, given them and the window's size.
  private static func reference(
    _ x: ReferenceArray, _ it: Case, _ fold: ([Double], Int) -> Double
  ) -> ReferenceArray {
    let stride = it.stride ?? it.window
    let rows = (x.shape[2] + it.padding.top + it.padding.bottom - it.window.0) / stride.0 + 1
    let columns = (x.shape[3] + it.padding.left + it.padding.right - it.window.1) / stride.1 + 1
    return ReferenceArray(shape: [x.shape[0], x.shape[1], rows, columns]) { position in
      var inside: [Double] = []
      for place in ReferenceArray.positions(of: [it.window.0, it.window.1]) {
        let row = position[2] * stride.0 + place[0] - it.padding.top
        let column = position[3] * stride.1 + place[1] - it.padding.left
        guard (0..<x.shape[2]).contains(row), (0..<x.shape[3]).contains(column) else { continue }
        inside.append(x[[position[0], position[1], row, column]])
      }
      return fold(inside, it.window.0 * it.window.1)
    }
  }
}
