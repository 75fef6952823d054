// Dense convolutions whose products read windows where they lie, in planes with zeros around them: register tiles of
// neighbouring positions in a row by the channels of a panel of weights. Nothing but the padding is copied. Sums are those
// of any product (see `GemmBlocking`), so the way may be chosen by speed alone.

extension ConvolutionShape {
  /// Whether rows of positions and output channels fill register tiles to 80%, and weights fit 16 MiB.
  var isDirect: Bool {
    guard groups == 1, window.kernelArea > 1, window.strideWidth <= 2 else { return false }
    let width = Kernels.table.products.float32.tileColumns
    let channels = (outputChannels + width - 1) / width * width
    return channels * depth <= 4 << 20
      && 4 * channels * tiledColumns <= 5 * outputChannels * window.outputWidth
  }

  /// Positions of a row in whole and half tiles.
  fileprivate var tiledColumns: Int {
    let half = Kernels.table.products.float32.tileRows / 2
    return (window.outputWidth + half - 1) / half * half
  }
}

/// `conv2d` by products of windows where they lie. A task is a strip of an image, or some small images.
func directConv2d(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
  bias: UnsafePointer<Float>?, out: UnsafeMutablePointer<Float>
) {
  let window = shape.window
  let kernels = Kernels.table
  let (depth, channels, height) = (shape.depth, shape.outputChannels, window.outputHeight)
  let (packedCount, layout) = packedSize(rows: depth, columns: channels)
  let panelWidth = layout.width
  let panels = packedCount / depth / panelWidth
  let blockDepth = kernels.gemm.stepsInBlock
  let weights = ThreadState.current.packing.floats(packedCount + panels * panelWidth)
  let biases = weights + packedCount
  packMatrix(
    MatrixView(weight, rowStride: 1, columnStride: depth), rows: depth, columns: channels, to: weights)
  if let bias { kernels.elementwise.copy(bias, 1, biases, 1, channels) }

  // As many rows, or images, as stay in the second-level cache (640 KiB), but work for every thread. Products of some rows
  // stay in the first-level cache (32 KiB).
  let outRowStep = shape.tiledColumns * panelWidth
  let paddedWidth = window.inputWidth + window.paddingLeft + window.paddingRight
  let (budget, blockBudget) = (160 << 10, 8 << 10)
  let perRow = shape.inputChannels * window.strideHeight * paddedWidth
  let tasksWanted = 2 * ThreadPool.threadCount
  let strips = min(height, max((height * perRow + budget - 1) / budget, tasksWanted / shape.batch))
  let stripRows = (height + strips - 1) / strips
  let blockRows = max(1, min(stripRows, blockBudget / outRowStep))
  let paddedRows =
    (stripRows - 1) * window.strideHeight + (window.kernelHeight - 1) * window.dilationHeight + 1
  // An odd number of cache lines, so that planes do not meet in the same sets of a cache.
  let plane = ((paddedRows * paddedWidth + 15) / 16 | 1) * 16
  let imageSize = shape.inputChannels * plane
  let outSize = blockRows * outRowStep
  let taskImages =
    strips > 1 || blockRows < stripRows
    ? 1 : max(1, min(budget / imageSize, shape.batch / tasksWanted))
  let parts = (shape.batch + taskImages - 1) / taskImages

  withUnsafeTemporaryAllocation(of: Int.self, capacity: depth) { offsets in
    for step in 0..<depth {
      let (channel, tap) = (step / window.kernelArea, step % window.kernelArea)
      let row = tap / window.kernelWidth * window.dilationHeight
      offsets[step] =
        channel * plane + row * paddedWidth + tap % window.kernelWidth * window.dilationWidth
    }
    let offsets = UnsafePointer(offsets.baseAddress!)
    ThreadPool.parallelFor(count: parts * strips) { task in
      let images =
        task / strips * taskImages..<min((task / strips + 1) * taskImages, shape.batch)
      let rows = task % strips * stripRows..<min((task % strips + 1) * stripRows, height)
      if rows.isEmpty { return }
      let slack = kernels.gemm.tileRows * window.strideWidth
      let padded = ThreadState.current.columns.floats(images.count * (imageSize + outSize) + slack)
      let products = padded + images.count * imageSize + slack
      kernels.elementwise.fill(0, padded, images.count * imageSize + slack)
      for image in images {
        for channel in 0..<shape.inputChannels {
          copyRows(
            window, from: x + (image * shape.inputChannels + channel) * window.inputArea,
            firstRow: rows.lowerBound * window.strideHeight - window.paddingTop, rows: paddedRows,
            to: padded + (image - images.lowerBound) * imageSize + channel * plane, kernels.elementwise)
        }
      }
      for panel in 0..<panels {
        let lanes = min(panelWidth, channels - panel * panelWidth)
        for firstRow in stride(from: 0, to: rows.count, by: blockRows) {
          let block = min(blockRows, rows.count - firstRow)
          func target(_ image: Int) -> UnsafeMutablePointer<Float> {
            out + ((images.lowerBound + image) * channels + panel * panelWidth) * window.outputArea
              + (rows.lowerBound + firstRow) * window.outputWidth
          }
          for first in stride(from: 0, to: depth, by: blockDepth) {
            let steps = min(blockDepth, depth - first)
            for image in 0..<images.count {
              let nextOutput = MemoryRuns(
                pointer: target(image), stride: window.outputArea, runs: lanes,
                count: block * window.outputWidth)
              let isLast = first + steps == depth
              let work = WindowProducts(
                x: padded + image * imageSize + firstRow * window.strideHeight * paddedWidth,
                rowStep: window.strideHeight * paddedWidth, columnStep: window.strideWidth,
                offsets: offsets + first, steps: steps,
                weight: weights + panels * panelWidth * first + panel * panelWidth * steps,
                isAdded: first > 0,
                bias: bias != nil && isLast ? biases + panel * panelWidth : nil,
                out: products + image * outSize, outRowStep: outRowStep, rows: block,
                columns: window.outputWidth, nextOutput: isLast ? nextOutput : nil)
              withUnsafePointer(to: work) { kernels.convolution.multiplyWindows($0) }
            }
          }
          // Rows without gaps are one.
          let isWhole = shape.tiledColumns == window.outputWidth
          let (runs, length) = isWhole ? (1, block * window.outputWidth) : (block, window.outputWidth)
          for image in 0..<images.count {
            for run in 0..<runs {
              kernels.elementwise.copyMatrix(
                products + image * outSize + run * outRowStep, 1, panelWidth,
                target(image) + run * window.outputWidth, window.outputArea, 1, lanes, length)
            }
          }
        }
      }
    }
  }
}

/// Copies some rows of a plane between zeros; `firstRow` may lie outside.
private func copyRows(
  _ window: WindowShape, from x: UnsafePointer<Float>, firstRow: Int, rows: Int,
  to out: UnsafeMutablePointer<Float>, _ kernels: ElementwiseKernels
) {
  let paddedWidth = window.inputWidth + window.paddingLeft + window.paddingRight
  let first = max(firstRow, 0)
  let count = min(firstRow + rows, window.inputHeight) - first
  guard count > 0 else { return }
  kernels.copyMatrix(
    x + first * window.inputWidth, window.inputWidth, 1,
    out + (first - firstRow) * paddedWidth + window.paddingLeft, paddedWidth, 1, count, window.inputWidth)
}
