import KernelInterface
import KernelsBaseline

private let windows = [
  WindowShape(inputHeight: 1, inputWidth: 1, kernelHeight: 1, kernelWidth: 1),
  WindowShape(
    inputHeight: 9, inputWidth: 37, kernelHeight: 3, kernelWidth: 3, paddingTop: 1, paddingBottom: 1,
    paddingLeft: 1,
    paddingRight: 1),
  WindowShape(
    inputHeight: 13, inputWidth: 16, kernelHeight: 2, kernelWidth: 5, strideHeight: 2, strideWidth: 3,
    paddingTop: 3,
    paddingBottom: 0, paddingLeft: 2, paddingRight: 7, dilationHeight: 2, dilationWidth: 3),
]

func convolutionOutputs() {
  let kernels = kernelTable.convolution
  for (index, window) in windows.enumerated() {
    for firstRow in 0..<min(2, window.outputHeight) {
      let rows = window.outputHeight - firstRow
      let count = window.kernelArea * rows * window.outputWidth
      let (plane, out) = (numbers(window.inputArea, seed: 1), Floats(count))
      withUnsafePointer(to: window) {
        kernels.unfold($0, plane.start, firstRow, rows, rows * window.outputWidth, out.start)
      }
      report("convolution.unfold", [index, firstRow], out)
      withUnsafePointer(to: window) {
        kernels.fold($0, numbers(count, seed: 2).start, firstRow, rows, plane.start)
      }
      report("convolution.fold", [index, firstRow], plane)
    }
  }
  // A panel that is full, and one that is not; runs are as short as the shortest vector.
  for lanes in [16, 13] {
    let offsets = Memory<Int>(5) { $0 * 7 }
    let runs = Memory<Int>(12) { [3, 0, 4, 40, 4, 4, 60, 8, 4, 75, 12, lanes - 12][$0] }
    let (source, out) = (numbers(120, seed: 8), Floats(5 * 16))
    kernels.packPositions(source.start, runs.start, 4, offsets.start, 5, 16, out.start)
    report("convolution.packPositions", [lanes], out)
  }
  let channels = kernelTable.gemm.tileColumns
  for columns in sizes + [14, 20] {
    for step in 1...2 {
      // Rows end in more slack than any machine needs; what lies beyond their last column is anything.
      let (rows, steps) = (3, 4)
      let (rowStep, outRowStep) = ((columns + 16) * step, (columns + 16) * channels)
      let out = Floats(rows * outRowStep)
      let work = WindowProducts(
        x: numbers((rows + 2) * rowStep, seed: 9).start, rowStep: rowStep, columnStep: step,
        offsets: Memory<Int>(steps) { $0 / 2 * rowStep + $0 % 2 }.start, steps: steps,
        weight: numbers((steps + 8) * channels, seed: 10).start, isAdded: step == 2,
        bias: numbers(channels, seed: 11).start, out: out.start, outRowStep: outRowStep, rows: rows,
        columns: columns, nextOutput: nil)
      withUnsafePointer(to: work) { kernels.multiplyWindows($0) }
      let inside = Floats(rows * columns * channels) {
        out.start[$0 / (columns * channels) * outRowStep + $0 % (columns * channels)]
      }
      report("convolution.multiplyWindows", [columns, step], within: 8, inside)
    }
  }
  for columns in sizes {
    for rows in [1, 7] {
      // A window of 3 x 3 that moves by one; rows end in more slack than any machine needs.
      let slack = 16
      let (rowStep, gRowStride) = (columns + 2 + slack, columns + slack)
      let offsets = Memory<Int>(9) { $0 / 3 * rowStep + $0 % 3 }
      let dense = numbers(rows * gRowStride, seed: 3)
      let g = Floats(dense.count) { $0 % gRowStride < columns ? dense.start[$0] : 0 }
      let (split, weight) = (numbers((rows + 2) * rowStep, seed: 4), numbers(9, seed: 5))
      let weightGradient = numbers(9, seed: 6)
      kernels.depthwiseWeightDerivative(
        split.start, rowStep, 9, offsets.start, g.start, gRowStride, rows, columns, weightGradient.start)
      report("convolution.depthwiseWeightDerivative", [columns, rows], within: 8, weightGradient)
      kernels.depthwiseInputDerivative(
        g.start, gRowStride, rows, columns, 9, offsets.start, weight.start, rowStep, split.start)
      report("convolution.depthwiseInputDerivative", [columns, rows], within: 8, split)
    }
  }
}

func blockedOutputs() {
  let kernels = kernelTable.blocked
  let width = BlockedKernels.width
  for pixels in sizes + [14, 20] {
    for hasResidual in [true, false] {
      let (depthBlocks, blocks, rows) = (2, 3, 2)
      // Gaps between rows and between blocks.
      let rowStride = (pixels + 1) * width
      let blockStride = rows * rowStride + width
      let out = Floats(blocks * blockStride)
      let residual = hasResidual ? numbers(out.count, seed: 1) : nil
      let work = PixelProducts(
        x: numbers(depthBlocks * blockStride, seed: 2).start, xBlockStride: blockStride,
        xRowStride: rowStride,
        depthBlocks: depthBlocks, weight: numbers(blocks * depthBlocks * width * width, seed: 3).start,
        bias: numbers(blocks * width, seed: 4).start, bounds: hasResidual ? (-9, 6) : (-.infinity, .infinity),
        residual: residual.map { UnsafePointer($0.start) }, out: out.start, outBlockStride: blockStride,
        outRowStride: rowStride, blocks: blocks, rows: rows, pixels: pixels)
      withUnsafePointer(to: work) { kernels.multiplyPixels($0) }
      report("blocked.multiplyPixels", [pixels], within: 8, out)
    }
  }
  for columns in sizes + [14, 20] {
    for (step, taps) in [(1, 2), (1, 3), (1, 5), (2, 3), (3, 3)] {
      let (rows, height) = (3, 4)
      let window = WindowShape(
        inputHeight: height, inputWidth: columns, kernelHeight: 3, kernelWidth: taps, strideHeight: 2,
        strideWidth: step)
      let rowStride = (columns * step + taps - 1) * width
      let out = Floats(rows * columns * width)
      let work = BlockConvolution(
        window: window, x: numbers(height * rowStride, seed: 5).start, rowStride: rowStride, height: height,
        top: -1, weight: numbers(3 * taps * width, seed: 6).start, bias: numbers(width, seed: 7).start,
        bounds: (-9, 6), out: out.start, rows: rows, columns: columns)
      withUnsafePointer(to: work) { kernels.convolveBlock($0) }
      report("blocked.convolveBlock", [columns, step, taps], within: 8, out)
    }
  }
  for pixels in sizes + [20, 49] {
    for lanes in [1, 7, width] {
      let block = Floats((pixels + 1) * width)
      kernels.blockPlanes(
        numbers(lanes * (pixels + 3), seed: 8).start, pixels + 3, lanes, pixels,
        Memory<Int>(pixels) { ($0 + ($0 < 2 ? 0 : 1)) * width }.start, block.start)
      report("blocked.blockPlanes", [pixels, lanes], block)
      let planes = Floats(lanes * (pixels + 3))
      kernels.unblockPlanes(numbers(pixels * width, seed: 9).start, pixels, planes.start, pixels + 3, lanes)
      report("blocked.unblockPlanes", [pixels, lanes], planes)
    }
  }
}

func poolingOutputs() {
  let kernels = kernelTable.pooling
  for (index, window) in windows.enumerated() {
    let x = numbers(window.inputArea, seed: 1)
    if index == 1 { x.start[40] = .nan }
    let g = numbers(window.outputArea, seed: 2)
    withUnsafePointer(to: window) { window in
      let positions = window.pointee.outputArea
      for countsPadding in [0, 1] as [Int32] {
        let (out, gradient) = (Floats(positions), numbers(x.count, seed: 3))
        kernels.average(window, countsPadding, x.start, out.start)
        report("pooling.average", [index, Int(countsPadding)], out)
        kernels.averageDerivative(window, countsPadding, g.start, gradient.start)
        report("pooling.averageDerivative", [index, Int(countsPadding)], gradient)
      }
      let (out, indices) = (Floats(positions), Memory<Int32>(positions))
      kernels.maximum(window, x.start, out.start, indices.start)
      report("pooling.maximum", [index], out)
      report("pooling.maximum", [index], indices)
      let gradient = numbers(x.count, seed: 4)
      kernels.maximumDerivative(window, g.start, indices.start, gradient.start)
      report("pooling.maximumDerivative", [index], gradient)
    }
  }
}
