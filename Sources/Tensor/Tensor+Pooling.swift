import Kernels

/// Pooling of images `[batch, channels, height, width]`; the stride is the window unless given.
extension Tensor {
  /// Mean of each window; `countsPadding` says whether padding counts as zeros or not at all.
  public func averagePool2d(
    window: (Int, Int), stride: (Int, Int)? = nil, padding: Padding2D = .zero, countsPadding: Bool = true
  ) -> Tensor {
    let pooling = Pooling(shape, window, stride, padding, of: "averagePool2d")
    let x = contiguous()
    let result = Tensor(uninitialized: pooling.output)
    averagePool(
      planes: pooling.planes, pooling.window, countsPadding: countsPadding, x: x.readPointer,
      out: result.pointer)
    withExtendedLifetime(x.storage) {}
    return result
  }

  /// Largest element of each window.
  public func maxPool2d(
    window: (Int, Int), stride: (Int, Int)? = nil, padding: Padding2D = .zero
  ) -> Tensor {
    maxPool2dWithIndices(window: window, stride: stride, padding: padding).output
  }

  /// Largest element of each window and its position in its plane, `row * width + column`.
  package func maxPool2dWithIndices(
    window: (Int, Int), stride: (Int, Int)? = nil, padding: Padding2D = .zero
  ) -> (output: Tensor, indices: IndexTensor) {
    let pooling = Pooling(shape, window, stride, padding, of: "maxPool2d")
    let x = contiguous()
    let result = Tensor(uninitialized: pooling.output)
    let indices = [Int32](unsafeUninitializedCapacity: result.count) { buffer, count in
      count = result.count
      guard let start = buffer.baseAddress else { return }
      maxPool(
        planes: pooling.planes, pooling.window, x: x.readPointer, out: result.pointer, indices: start)
    }
    withExtendedLifetime(x.storage) {}
    return (result, IndexTensor(indices, shape: pooling.output))
  }
}

/// Gradient of the input of ``Tensor/averagePool2d(window:stride:padding:countsPadding:)``.
package func averagePool2dInputGradient(
  _ gradient: Tensor, inputShape: Shape, window: (Int, Int), stride: (Int, Int)? = nil,
  padding: Padding2D = .zero, countsPadding: Bool = true
) -> Tensor {
  let pooling = Pooling(inputShape, window, stride, padding, of: "averagePool2dInputGradient")
  requireShape(gradient, pooling.output, of: "averagePool2dInputGradient", "a gradient")
  let g = gradient.contiguous()
  let result = Tensor(uninitialized: inputShape)
  averagePoolDerivative(
    planes: pooling.planes, pooling.window, countsPadding: countsPadding, g: g.readPointer,
    out: result.pointer)
  withExtendedLifetime(g.storage) {}
  return result
}

/// Gradient of the input of ``Tensor/maxPool2dWithIndices(window:stride:padding:)``, from the positions it gave.
package func maxPool2dInputGradient(
  _ gradient: Tensor, indices: IndexTensor, inputShape: Shape, window: (Int, Int),
  stride: (Int, Int)? = nil, padding: Padding2D = .zero
) -> Tensor {
  let pooling = Pooling(inputShape, window, stride, padding, of: "maxPool2dInputGradient")
  requireShape(gradient, pooling.output, of: "maxPool2dInputGradient", "a gradient")
  requireShape(gradient, indices.shape, of: "maxPool2dInputGradient", "a gradient")
  let g = gradient.contiguous()
  let result = Tensor(uninitialized: inputShape)
  indices.values.withUnsafeBufferPointer {
    guard let positions = $0.baseAddress else { return }
    maxPoolDerivative(
      planes: pooling.planes, pooling.window, g: g.readPointer, indices: positions, out: result.pointer)
  }
  withExtendedLifetime(g.storage) {}
  return result
}

/// The checked sizes of a pooling.
private struct Pooling {
  let window: WindowShape
  let planes: Int
  let output: Shape

  init(
    _ x: Shape, _ taps: (Int, Int), _ stride: (Int, Int)?, _ padding: Padding2D, of operation: StaticString
  ) {
    if x.count != 4 { programmerError("\(operation): images \(x) need four axes") }
    window = WindowShape(x, taps, stride: stride ?? taps, padding: padding, of: operation)
    // A window must see at least one element.
    if x[2] == 0 || x[3] == 0 || max(padding.top, padding.bottom) >= taps.0
      || max(padding.left, padding.right) >= taps.1
    {
      programmerError("\(operation): \(padding) is not narrower than a window of \(taps) over \(x)")
    }
    planes = x[0] * x[1]
    output = [x[0], x[1], window.outputHeight, window.outputWidth]
  }
}

extension Tensor {
  /// What window `index` of `count` windows over a length covers, so that all of it is covered evenly.
  package static func adaptiveWindow(_ index: Int, of count: Int, over length: Int) -> Range<Int> {
    index * length / count..<((index + 1) * length + count - 1) / count
  }

  /// Positions of the largest elements, `row * width + column` in their plane, in windows of which `size` cover a plane:
  /// `[batch, channels, windows]`. The first of equal ones, or of NaNs.
  package func adaptiveMaxima(_ size: (height: Int, width: Int)) -> IndexTensor {
    let (height, width) = (shape[2], shape[3])
    let (planes, windows) = (shape[0] * shape[1], size.height * size.width)
    let rows = (0..<size.height).map { Tensor.adaptiveWindow($0, of: size.height, over: height) }
    let columns = (0..<size.width).map { Tensor.adaptiveWindow($0, of: size.width, over: width) }
    let values = [Int32](unsafeUninitializedCapacity: planes * windows) { buffer, count in
      count = planes * windows
      guard let out = buffer.baseAddress else { return }
      withUnsafeScalars { x in
        ThreadPool.parallelFor(count: planes) { plane in
          let x = x.baseAddress! + plane * height * width
          for (i, rows) in rows.enumerated() {
            for (j, columns) in columns.enumerated() {
              var best = rows.lowerBound * width + columns.lowerBound
              for row in rows {
                for position in row * width + columns.lowerBound..<row * width + columns.upperBound
                where x[position] > x[best] || x[position].isNaN && !x[best].isNaN {
                  best = position
                }
              }
              out[plane * windows + i * size.width + j] = Int32(best)
            }
          }
        }
      }
    }
    return IndexTensor(values, shape: [shape[0], shape[1], windows])
  }
}
