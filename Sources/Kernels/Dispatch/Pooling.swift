/// Mean over the window at each position of `planes` contiguous planes (batch times channels).
///
/// Padding counts as zeros if `countsPadding`, and not at all otherwise.
public func averagePool(
  planes: Int, _ window: WindowShape, countsPadding: Bool, x: UnsafePointer<Float>,
  out: UnsafeMutablePointer<Float>
) {
  let kernels = Kernels.table.pooling
  ThreadPool.parallelFor(count: planes) { plane in
    withUnsafePointer(to: window) {
      kernels.average(
        $0, countsPadding ? 1 : 0, x + plane * window.inputArea, out + plane * window.outputArea)
    }
  }
}

/// Gradient of `averagePool` with respect to its input.
public func averagePoolDerivative(
  planes: Int, _ window: WindowShape, countsPadding: Bool, g: UnsafePointer<Float>,
  out: UnsafeMutablePointer<Float>
) {
  let kernels = Kernels.table
  ThreadPool.parallelFor(count: planes) { plane in
    let target = out + plane * window.inputArea
    kernels.elementwise.fill(0, target, window.inputArea)
    withUnsafePointer(to: window) {
      kernels.pooling.averageDerivative($0, countsPadding ? 1 : 0, g + plane * window.outputArea, target)
    }
  }
}

/// Largest number in the window at each position, and where it is: `row * inputWidth + column` in its plane.
///
/// Padding never wins; a NaN does. A window that lies in the padding alone gives -infinity and the index -1.
public func maxPool(
  planes: Int, _ window: WindowShape, x: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>,
  indices: UnsafeMutablePointer<Int32>
) {
  let kernels = Kernels.table.pooling
  ThreadPool.parallelFor(count: planes) { plane in
    withUnsafePointer(to: window) {
      kernels.maximum(
        $0, x + plane * window.inputArea, out + plane * window.outputArea, indices + plane * window.outputArea
      )
    }
  }
}

/// Gradient of `maxPool` with respect to its input, from the indices that it recorded.
public func maxPoolDerivative(
  planes: Int, _ window: WindowShape, g: UnsafePointer<Float>, indices: UnsafePointer<Int32>,
  out: UnsafeMutablePointer<Float>
) {
  let kernels = Kernels.table
  ThreadPool.parallelFor(count: planes) { plane in
    let target = out + plane * window.inputArea
    kernels.elementwise.fill(0, target, window.inputArea)
    withUnsafePointer(to: window) {
      kernels.pooling.maximumDerivative(
        $0, g + plane * window.outputArea, indices + plane * window.outputArea, target)
    }
  }
}
