// Dense convolutions whose rows and channels fill register tiles read windows where they lie (DirectConvolution.swift).
// Others, and grouped ones, unfold strips of each image (`ConvolutionShape.stripRows`) into a matrix and multiply it; each
// thread has room for one strip. Where windows overlap they are copied into panels (JoinedConvolution.swift). Depthwise and
// small 1 x 1 convolutions are computed on blocks of channels instead (BlockedConvolution.swift). No result depends on the
// number of threads, nor on the other images of a batch. What is not a product of matrices in memory is of single precision
// always: direct, joined and blocked convolutions.

/// Two-dimensional convolution: `out = x * weight + bias`, with one bias for each output channel.
public func conv2d(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
  bias: UnsafePointer<Float>?, out: UnsafeMutablePointer<Float>
) {
  guard shape.batch > 0, shape.outputChannels > 0, shape.window.outputArea > 0 else { return }
  if shape.isDepthwise {
    depthwiseConv2d(shape, x: x, weight: weight, bias: bias, out: out)
    return
  }
  if shape.isBlockedPointwise {
    blockedPointwiseConv2d(shape, x: x, weight: weight, bias: bias, out: out)
    return
  }
  if shape.isDirect {
    Kernels.with(.float32) { directConv2d(shape, x: x, weight: weight, bias: bias, out: out) }
    return
  }
  if shape.joinsImages {
    Kernels.with(.float32) { joinedConv2d(shape, x: x, weight: weight, bias: bias, out: out) }
    return
  }
  let (depth, channels, positions) = (shape.depth, shape.outputGroupChannels, shape.window.outputArea)
  forEachGroup(shape) { _, group, input, output in
    let epilogue = GemmEpilogue(rowBias: bias.map { $0 + group * channels })
    let weights = MatrixView(weight + group * shape.weightGroupSize, rowStride: depth, columnStride: 1)
    forEachStrip(shape) { firstRow, rows in
      let columns = rows * shape.window.outputWidth
      let unfolded = unfoldGroup(shape, x + input, firstRow, rows)
      gemm(
        m: channels, n: columns, k: depth, a: weights,
        b: MatrixView(unfolded, rowStride: columns, columnStride: 1),
        c: out + output + firstRow * shape.window.outputWidth, cRowStride: positions, cColumnStride: 1,
        epilogue: epilogue)
    }
  }
}

/// Gradient of `conv2d` with respect to its input, from the gradient `g` of its output.
public func conv2dInputDerivative(
  _ shape: ConvolutionShape, g: UnsafePointer<Float>, weight: UnsafePointer<Float>,
  out: UnsafeMutablePointer<Float>
) {
  guard shape.batch > 0, shape.inputChannels > 0, shape.window.inputArea > 0 else { return }
  if let mirrored = shape.mirrored, mirrored.isDepthwise || (!shape.isDepthwise && mirrored.joinsImages),
    mirrored.window.inputArea > 0
  {
    let weights = ThreadState.current.partials.floats(shape.groups * shape.weightGroupSize)
    shape.mirror(weight, into: weights)
    conv2d(mirrored, x: g, weight: weights, bias: nil, out: out)
    return
  }
  if shape.isDepthwise {
    depthwiseInputDerivative(shape, g: g, weight: weight, out: out)
    return
  }
  let (depth, channels, positions) = (shape.depth, shape.outputGroupChannels, shape.window.outputArea)
  forEachGroup(shape) { _, group, input, output in
    let weights = MatrixView(weight + group * shape.weightGroupSize, rowStride: 1, columnStride: depth)
    if shape.isPointwise {
      gemm(
        m: depth, n: positions, k: channels, a: weights,
        b: MatrixView(g + output, rowStride: positions, columnStride: 1), c: out + input,
        cRowStride: positions,
        cColumnStride: 1)
      return
    }
    Kernels.table.elementwise.fill(0, out + input, shape.inputGroupSize)
    forEachStrip(shape) { firstRow, rows in
      let columns = rows * shape.window.outputWidth
      let unfolded = ThreadState.current.columns.floats(depth * columns)
      gemm(
        m: depth, n: columns, k: channels, a: weights,
        b: MatrixView(
          g + output + firstRow * shape.window.outputWidth, rowStride: positions, columnStride: 1),
        c: unfolded, cRowStride: columns, cColumnStride: 1)
      let kernels = Kernels.table.convolution
      ThreadPool.parallelFor(count: shape.inputGroupChannels) { channel in
        withUnsafePointer(to: shape.window) { window in
          kernels.fold(
            window, unfolded + channel * window.pointee.kernelArea * columns, firstRow, rows,
            out + input + channel * window.pointee.inputArea)
        }
      }
    }
  }
}

/// Gradient of `conv2d` with respect to its weights, from the gradient `g` of its output.
///
/// Sums over images are split into at most eight parts, as many as fit a million numbers, and added in their order.
public func conv2dWeightDerivative(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, g: UnsafePointer<Float>,
  out: UnsafeMutablePointer<Float>
) {
  let size = shape.groups * shape.weightGroupSize
  guard size > 0 else { return }
  guard shape.batch > 0, shape.window.outputArea > 0 else {
    Kernels.table.elementwise.fill(0, out, size)
    return
  }
  if shape.isDepthwise {
    depthwiseWeightDerivative(shape, x: x, g: g, out: out)
    return
  }
  let most = max(1, min(shape.batch, 8, (1 << 20) / size))
  // As many images in each part, so that threads finish together.
  let partImages = (shape.batch + most - 1) / most
  let parts = (shape.batch + partImages - 1) / partImages
  let partial = parts == 1 ? out : ThreadState.current.partials.floats(parts * size)
  func part(_ index: Int) {
    let images = index * partImages..<min((index + 1) * partImages, shape.batch)
    for image in images {
      for group in 0..<shape.groups {
        addWeightDerivative(
          shape, x: x + (image * shape.groups + group) * shape.inputGroupSize,
          g: g + (image * shape.groups + group) * shape.outputGroupSize,
          isFirst: image == images.lowerBound, out: partial + index * size + group * shape.weightGroupSize)
      }
    }
  }
  if parts == 1 {
    part(0)
  } else {
    ThreadPool.parallelFor(count: parts, part)
    let kernels = Kernels.table.elementwise
    kernels.copy(partial, 1, out, 1, size)
    for index in 1..<parts { kernels.addScaled(1, partial + index * size, out, size) }
  }
}

private func addWeightDerivative(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, g: UnsafePointer<Float>, isFirst: Bool,
  out: UnsafeMutablePointer<Float>
) {
  forEachStrip(shape) { firstRow, rows in
    let columns = rows * shape.window.outputWidth
    let unfolded = unfoldGroup(shape, x, firstRow, rows)
    gemm(
      m: shape.outputGroupChannels, n: shape.depth, k: columns,
      a: MatrixView(
        g + firstRow * shape.window.outputWidth, rowStride: shape.window.outputArea, columnStride: 1),
      b: MatrixView(unfolded, rowStride: 1, columnStride: columns), beta: isFirst && firstRow == 0 ? 0 : 1,
      c: out, cRowStride: shape.depth, cColumnStride: 1)
  }
}

/// Calls `body` with image, group, and where they begin in input and output. Threads share the images and groups if
/// there are enough of them, and otherwise the work inside `body`.
private func forEachGroup(_ shape: ConvolutionShape, _ body: (Int, Int, Int, Int) -> Void) {
  let count = shape.batch * shape.groups
  func run(_ index: Int) {
    body(
      index / shape.groups, index % shape.groups, index * shape.inputGroupSize, index * shape.outputGroupSize)
  }
  let threads = ThreadPool.threadCount
  if count % threads == 0 || count >= 4 * threads {
    ThreadPool.parallelFor(count: count, run)
  } else {
    for index in 0..<count { run(index) }
  }
}

private func forEachStrip(_ shape: ConvolutionShape, _ body: (_ firstRow: Int, _ rows: Int) -> Void) {
  let rows = shape.window.outputHeight
  let stripRows = shape.isPointwise ? rows : shape.stripRows
  for firstRow in stride(from: 0, to: rows, by: stripRows) { body(firstRow, min(stripRows, rows - firstRow)) }
}

/// The input of a strip as a matrix of `depth` rows with one column for each position.
private func unfoldGroup(
  _ shape: ConvolutionShape, _ x: UnsafePointer<Float>, _ firstRow: Int, _ rows: Int
) -> UnsafePointer<Float> {
  if shape.isPointwise { return x }
  let columns = rows * shape.window.outputWidth
  let unfolded = ThreadState.current.columns.floats(shape.depth * columns)
  let kernels = Kernels.table.convolution
  ThreadPool.parallelFor(count: shape.inputGroupChannels) { channel in
    withUnsafePointer(to: shape.window) { window in
      kernels.unfold(
        window, x + channel * window.pointee.inputArea, firstRow, rows, columns,
        unfolded + channel * window.pointee.kernelArea * columns)
    }
  }
  return UnsafePointer(unfolded)
}
