// Convolutions of plain images that are computed on blocks of 16 channels (see `BlockedKernels`), a strip of rows at a
// time: depthwise ones, where planes would leave most of a vector empty, and 1 x 1 ones of small planes, where a matrix
// product would pack more than it multiplies. Strips share nothing, so no result depends on the number of threads.

private let width = BlockedKernels.width
private let unbounded: (lowest: Float, highest: Float) = (-.infinity, .infinity)

/// `conv2d` where each output channel sees one input channel.
func depthwiseConv2d(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
  bias: UnsafePointer<Float>?, out: UnsafeMutablePointer<Float>
) {
  let window = shape.window
  let kernels = Kernels.table
  let paddedWidth = window.inputWidth + window.paddingLeft + window.paddingRight
  let perRow = width * (window.strideHeight * paddedWidth + window.outputWidth)
  let stripRows = max(1, min(window.outputHeight, (96 << 10) / perRow))
  let strips = (window.outputHeight + stripRows - 1) / stripRows
  let blocks = (shape.inputChannels + width - 1) / width
  let multiplier = shape.outputGroupChannels
  // Where a strip's pixels lie once there are columns of zeros at the sides.
  let mostRows = min(
    window.inputHeight,
    (stripRows - 1) * window.strideHeight + (window.kernelHeight - 1) * window.dilationHeight + 1)
  withUnsafeTemporaryAllocation(of: Int.self, capacity: mostRows * window.inputWidth) { places in
    for row in 0..<mostRows {
      for column in 0..<window.inputWidth {
        places[row * window.inputWidth + column] = (row * paddedWidth + window.paddingLeft + column) * width
      }
    }
    let places = UnsafePointer(places.baseAddress!)
    // Several images in a task, which then brings its weights into a block once.
    let tasks = blocks * strips
    let taskImages = max(1, min(8, shape.batch * tasks / 64))
    let parts = (shape.batch + taskImages - 1) / taskImages
    ThreadPool.parallelFor(count: parts * tasks) { task in
      let (block, strip) = (task % tasks / strips, task % strips)
      let firstImage = task / tasks * taskImages
      let lanes = min(width, shape.inputChannels - block * width)
      let rows = strip * stripRows..<min((strip + 1) * stripRows, window.outputHeight)
      let inside = window.inputRows(rows)
      let paddedSize = inside.count * paddedWidth * width
      let positions = rows.count * window.outputWidth

      let padded = ThreadState.current.columns.floats(
        paddedSize + (window.kernelArea + 1 + positions) * width)
      let weights = padded + paddedSize
      let biases = weights + window.kernelArea * width
      let sums = biases + width
      kernels.elementwise.fill(0, padded, paddedSize)
      kernels.elementwise.fill(0, biases, width)
      let endImage = min(firstImage + taskImages, shape.batch)
      for image in firstImage..<endImage {
        let plane = image * shape.inputChannels + block * width
        kernels.blocked.blockPlanes(
          x + plane * window.inputArea + inside.lowerBound * window.inputWidth, window.inputArea, lanes,
          inside.count * window.inputWidth, places, padded)
        for member in 0..<multiplier {
          if image == firstImage || multiplier > 1 {
            let channel = block * width * multiplier + member
            kernels.elementwise.copyMatrix(
              weight + channel * window.kernelArea, multiplier * window.kernelArea, 1, weights, 1, width,
              lanes, window.kernelArea)
            if let bias { kernels.elementwise.copy(bias + channel, multiplier, biases, 1, lanes) }
          }
          let target =
            out + (plane * multiplier + member) * window.outputArea + rows.lowerBound * window.outputWidth
          let convolution = BlockConvolution(
            window: window, x: padded, rowStride: paddedWidth * width, height: inside.count,
            top: rows.lowerBound * window.strideHeight - window.paddingTop - inside.lowerBound,
            weight: weights, bias: biases, bounds: unbounded, out: sums, rows: rows.count,
            columns: window.outputWidth)
          withUnsafePointer(to: convolution) { kernels.blocked.convolveBlock($0) }
          kernels.blocked.unblockPlanes(sums, positions, target, multiplier * window.outputArea, lanes)
        }
      }
    }
  }
}

extension WindowShape {
  /// The rows of the image that some rows of positions meet.
  func inputRows(_ rows: Range<Int>) -> Range<Int> {
    let top = rows.lowerBound * strideHeight - paddingTop
    let bottom = (rows.upperBound - 1) * strideHeight - paddingTop + (kernelHeight - 1) * dilationHeight
    let first = min(max(top, 0), inputHeight)
    return first..<max(first, min(bottom + 1, inputHeight))
  }
}

extension ConvolutionShape {
  /// Whether to compute on blocks: a 1 x 1 convolution with small planes. The number of images has no say, because the
  /// order of sums is another one.
  var isBlockedPointwise: Bool {
    isPointwise && groups == 1 && window.inputArea <= 256 && inputChannels >= 64 && outputChannels >= 16
  }
}

/// `conv2d` with a window of one. The weights are brought into blocks once for all images.
func blockedPointwiseConv2d(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
  bias: UnsafePointer<Float>?, out: UnsafeMutablePointer<Float>
) {
  let kernels = Kernels.table
  let (inputs, outputs, area) = (shape.inputChannels, shape.outputChannels, shape.window.inputArea)
  let depthBlocks = (inputs + width - 1) / width
  let blocks = (outputs + width - 1) / width
  let depth = depthBlocks * width
  let weights = ThreadState.current.partials.floats(blocks * width * (depth + 1))
  let biases = weights + blocks * width * depth
  kernels.elementwise.fill(0, biases, blocks * width)
  if let bias { kernels.elementwise.copy(bias, 1, biases, 1, outputs) }
  ThreadPool.parallelFor(count: blocks) { block in
    let target = weights + block * width * depth
    let lanes = min(width, outputs - block * width)
    if lanes < width || depth > inputs { kernels.elementwise.fill(0, target, width * depth) }
    kernels.elementwise.copyMatrix(
      weight + block * width * inputs, inputs, 1, target, 1, width, lanes, inputs)
  }
  // Fewer images than threads: each takes some pairs of blocks, which a kernel multiplies at a time.
  let pairs = (blocks + 1) / 2
  let parts = shape.batch < ThreadPool.threadCount ? min(pairs, ThreadPool.threadCount) : 1
  ThreadPool.parallelFor(count: shape.batch * parts) { task in
    let (image, part) = (task / parts, task % parts)
    let own = 2 * (part * pairs / parts)..<min(2 * ((part + 1) * pairs / parts), blocks)
    let blocked = ThreadState.current.columns.floats((depth + own.count * width) * area)
    let products = blocked + depth * area
    for block in 0..<depthBlocks {
      let lanes = min(width, inputs - block * width)
      let target = blocked + block * width * area
      // Lanes without a channel meet weights of zero, but must be numbers.
      if lanes < width { kernels.elementwise.fill(0, target, width * area) }
      kernels.elementwise.copyMatrix(
        x + (image * inputs + block * width) * area, area, 1, target, 1, width, lanes, area)
    }
    let work = PixelProducts(
      x: blocked, xBlockStride: width * area, xRowStride: 0, depthBlocks: depthBlocks,
      weight: weights + own.lowerBound * width * depth, bias: biases + own.lowerBound * width,
      bounds: unbounded,
      out: products, outBlockStride: width * area, outRowStride: 0, blocks: own.count, rows: 1, pixels: area)
    withUnsafePointer(to: work) { kernels.blocked.multiplyPixels($0) }
    for block in own {
      kernels.blocked.unblockPlanes(
        products + (block - own.lowerBound) * width * area, area,
        out + (image * outputs + block * width) * area, area, min(width, outputs - block * width))
    }
  }
}
