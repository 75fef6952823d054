/// Where a split plane (see `ConvolutionKernels`) keeps its numbers.
struct SplitPlane {
  let window: WindowShape
  /// Numbers from one padded row to the next: all remainders modulo the stride.
  let paddedRowSize: Int
  /// Numbers of one remainder in one padded row.
  let rowSize: Int
  /// Padded rows that windows meet.
  let rows: Int
  /// Numbers from what a tap meets at one row of positions to the next.
  var rowStep: Int { paddedRowSize * window.strideHeight }
  /// Numbers in the plane.
  var size: Int { rows * paddedRowSize }
  /// Numbers from one row of a padded gradient to the next.
  let gradientRowSize: Int

  init(_ window: WindowShape, slack: Int) {
    self.window = window
    rowSize =
      window.outputWidth + (window.kernelWidth - 1) * window.dilationWidth / window.strideWidth + slack
    paddedRowSize = rowSize * window.strideWidth
    rows =
      (window.outputHeight - 1) * window.strideHeight + (window.kernelHeight - 1) * window.dilationHeight + 1
    gradientRowSize = window.outputWidth + slack
  }

  /// Where each tap's numbers begin.
  func withOffsets(_ body: (UnsafePointer<Int>) -> Void) {
    withUnsafeTemporaryAllocation(of: Int.self, capacity: window.kernelArea) { offsets in
      for tap in 0..<window.kernelArea {
        let y = tap / window.kernelWidth * window.dilationHeight
        let x = tap % window.kernelWidth * window.dilationWidth
        offsets[tap] = y * paddedRowSize + x % window.strideWidth * rowSize + x / window.strideWidth
      }
      body(UnsafePointer(offsets.baseAddress!))
    }
  }

  /// Calls `body` for each run of the plane's numbers that lie evenly in both: `(index in the plane, index in the split
  /// plane, count)`, every `strideWidth`th number of the plane.
  func forEachRun(_ body: (Int, Int, Int) -> Void) {
    let stride = window.strideWidth
    for y in max(
      0, window.paddingTop)..<max(0, window.paddingTop, min(rows, window.paddingTop + window.inputHeight))
    {
      for remainder in 0..<stride {
        // The first column of the plane that has this remainder once padded.
        let first = (remainder + stride - window.paddingLeft % stride) % stride
        let column = (first + window.paddingLeft) / stride
        let count = min((window.inputWidth - first + stride - 1) / stride, rowSize - column)
        guard first < window.inputWidth, count > 0 else { continue }
        body(
          (y - window.paddingTop) * window.inputWidth + first,
          y * paddedRowSize + remainder * rowSize + column, count)
      }
    }
  }

  func split(_ x: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, _ kernels: ElementwiseKernels)
  {
    kernels.fill(0, out, size)
    forEachRun { kernels.copy(x + $0, window.strideWidth, out + $1, 1, $2) }
  }

  func join(
    _ split: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, _ kernels: ElementwiseKernels
  ) {
    kernels.fill(0, out, window.inputArea)
    forEachRun { kernels.copy(split + $1, 1, out + $0, window.strideWidth, $2) }
  }

  func padGradient(
    _ g: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, _ kernels: ElementwiseKernels
  ) {
    kernels.fill(0, out, window.outputHeight * gradientRowSize)
    for row in 0..<window.outputHeight {
      kernels.copy(g + row * window.outputWidth, 1, out + row * gradientRowSize, 1, window.outputWidth)
    }
  }
}

/// Gradient of `depthwiseConv2d` with respect to its input.
func depthwiseInputDerivative(
  _ shape: ConvolutionShape, g: UnsafePointer<Float>, weight: UnsafePointer<Float>,
  out: UnsafeMutablePointer<Float>
) {
  let window = shape.window
  let kernels = Kernels.table
  guard shape.outputChannels > 0, window.outputArea > 0 else {
    kernels.elementwise.fill(0, out, shape.batch * shape.inputChannels * window.inputArea)
    return
  }
  let plane = SplitPlane(window, slack: kernels.convolution.rowSlack)
  plane.withOffsets { offsets in
    ThreadPool.parallelFor(count: shape.batch * shape.inputChannels) { index in
      let split = ThreadState.current.columns.floats(plane.size + window.outputHeight * plane.gradientRowSize)
      let gradient = split + plane.size
      kernels.elementwise.fill(0, split, plane.size)
      for member in 0..<shape.outputGroupChannels {
        let channel = index % shape.inputChannels * shape.outputGroupChannels + member
        plane.padGradient(
          g + (index * shape.outputGroupChannels + member) * window.outputArea, into: gradient,
          kernels.elementwise)
        kernels.convolution.depthwiseInputDerivative(
          gradient, plane.gradientRowSize, window.outputHeight, window.outputWidth, window.kernelArea,
          offsets,
          weight + channel * window.kernelArea, plane.rowStep, split)
      }
      plane.join(split, into: out + index * window.inputArea, kernels.elementwise)
    }
  }
}

func depthwiseWeightDerivative(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, g: UnsafePointer<Float>,
  out: UnsafeMutablePointer<Float>
) {
  let window = shape.window
  let kernels = Kernels.table
  let plane = SplitPlane(window, slack: kernels.convolution.rowSlack)
  plane.withOffsets { offsets in
    ThreadPool.parallelFor(count: shape.inputChannels) { inputChannel in
      let split = ThreadState.current.columns.floats(plane.size + window.outputHeight * plane.gradientRowSize)
      let gradient = split + plane.size
      let weights = out + inputChannel * shape.outputGroupChannels * window.kernelArea
      kernels.elementwise.fill(0, weights, shape.outputGroupChannels * window.kernelArea)
      for image in 0..<shape.batch {
        let index = image * shape.inputChannels + inputChannel
        plane.split(x + index * window.inputArea, into: split, kernels.elementwise)
        for member in 0..<shape.outputGroupChannels {
          plane.padGradient(
            g + (index * shape.outputGroupChannels + member) * window.outputArea, into: gradient,
            kernels.elementwise)
          kernels.convolution.depthwiseWeightDerivative(
            split, plane.rowStep, window.kernelArea, offsets, gradient, plane.gradientRowSize,
            window.outputHeight,
            window.outputWidth, weights + member * window.kernelArea)
        }
      }
    }
  }
}
