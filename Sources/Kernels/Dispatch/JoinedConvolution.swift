// Dense convolutions of small planes: one image would fill the columns of register tiles badly, and weights would be packed
// for few positions. The positions of several images stand side by side instead, as columns of one product, and what windows
// meet is copied straight into the panels that products read. Products add up in one order (see `GemmBlocking`), so no
// result depends on how many images there are.

extension ConvolutionShape {
  /// Whether images are multiplied side by side. Their number has no say, because sums of gradients have another order.
  var joinsImages: Bool { window.outputArea <= 256 && !isPointwise && depth >= 64 }

  /// Images that are multiplied at a time: at most four million numbers of panels (16 MiB), or one image if that is more.
  fileprivate var joinedImages: Int { max(1, min(batch, (4 << 20) / (depth * window.outputArea))) }

  /// The convolution of the output's gradient whose result is the input's gradient: channels change places, and windows are
  /// turned around. Nothing unless the stride is 1 and no padding is larger than the window.
  var mirrored: ConvolutionShape? {
    let w = window
    let (height, width) = ((w.kernelHeight - 1) * w.dilationHeight, (w.kernelWidth - 1) * w.dilationWidth)
    guard w.strideHeight == 1, w.strideWidth == 1, max(w.paddingTop, w.paddingBottom) <= height,
      max(w.paddingLeft, w.paddingRight) <= width
    else { return nil }
    return ConvolutionShape(
      batch: batch, inputChannels: outputChannels, outputChannels: inputChannels, groups: groups,
      window: WindowShape(
        inputHeight: w.outputHeight, inputWidth: w.outputWidth, kernelHeight: w.kernelHeight,
        kernelWidth: w.kernelWidth, strideHeight: 1, strideWidth: 1, paddingTop: height - w.paddingTop,
        paddingBottom: height - w.paddingBottom, paddingLeft: width - w.paddingLeft,
        paddingRight: width - w.paddingRight, dilationHeight: w.dilationHeight,
        dilationWidth: w.dilationWidth))
  }

  /// The weights of the mirrored convolution.
  func mirror(_ weight: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>) {
    let (inputs, outputs, taps) = (inputGroupChannels, outputGroupChannels, window.kernelArea)
    ThreadPool.parallelFor(count: groups * inputs) { index in
      let (group, input) = (index / inputs, index % inputs)
      for output in 0..<outputs {
        let from = weight + group * weightGroupSize + (output * inputs + input) * taps
        let to = out + (index * outputs + output) * taps
        for tap in 0..<taps { to[tap] = from[taps - 1 - tap] }
      }
    }
  }
}

/// `conv2d` of some images at a time.
func joinedConv2d(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
  bias: UnsafePointer<Float>?, out: UnsafeMutablePointer<Float>
) {
  let (depth, channels, positions) = (shape.depth, shape.outputGroupChannels, shape.window.outputArea)
  let kernels = Kernels.table
  let plane = SplitPlane(shape.window, slack: 0)
  let part = shape.joinedImages
  let panelSize = packedSize(rows: depth, columns: part * positions).count
  // Planes with zeros around them, behind which vectors may read; panels; what comes of them.
  let planesSize = part * shape.inputChannels * plane.size + kernels.convolution.rowSlack
  let planes = ThreadState.current.columns.floats(planesSize + panelSize + channels * part * positions)
  let panels = planes + planesSize
  let product = panels + panelSize
  withUnsafeTemporaryAllocation(of: Int.self, capacity: depth) { offsets in
    plane.withOffsets { taps in
      for step in 0..<depth {
        offsets[step] = step / shape.window.kernelArea * plane.size + taps[step % shape.window.kernelArea]
      }
    }
    let offsets = UnsafePointer(offsets.baseAddress!)
    for first in stride(from: 0, to: shape.batch, by: part) {
      let images = first..<min(first + part, shape.batch)
      let columns = images.count * positions
      ThreadPool.parallelFor(count: images.count * shape.inputChannels) { index in
        plane.split(
          x + (first * shape.inputChannels + index) * shape.window.inputArea,
          into: planes + index * plane.size,
          kernels.elementwise)
      }
      for group in 0..<shape.groups {
        packPositions(
          columns, of: plane, imageStep: shape.inputChannels * plane.size,
          from: planes + group * shape.inputGroupChannels * plane.size, offsets, depth: depth, to: panels)
        multiplyPanels(
          m: channels, n: columns, k: depth,
          a: MatrixView(weight + group * shape.weightGroupSize, rowStride: depth, columnStride: 1),
          panels: panels, c: product, cRowStride: columns,
          epilogue: GemmEpilogue(rowBias: bias.map { $0 + group * channels }))
        ThreadPool.parallelFor(count: images.count) { image in
          let target = ((first + image) * shape.groups + group) * shape.outputGroupSize
          kernels.elementwise.copyMatrix(
            product + image * positions, columns, 1, out + target, positions, 1, channels, positions)
        }
      }
    }
  }
}

/// Copies what windows meet at the positions of some images into panels.
private func packPositions(
  _ columns: Int, of plane: SplitPlane, imageStep: Int, from source: UnsafePointer<Float>,
  _ offsets: UnsafePointer<Int>, depth: Int, to panels: UnsafeMutablePointer<Float>
) {
  let kernels = Kernels.table
  let (width, vector) = (kernels.gemm.tileColumns, kernels.convolution.rowSlack)
  let (rowLength, positions) = (plane.window.outputWidth, plane.window.outputArea)
  let panelCount = (columns + width - 1) / width
  ThreadPool.parallelFor(count: panelCount) { panel in
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 3 * width) { runs in
      var count = 0
      var column = panel * width
      let end = min(column + width, columns)
      while column < end {
        let (image, position) = (column / positions, column % positions)
        let (row, x) = (position / rowLength, position % rowLength)
        let length = min(rowLength - x, end - column, vector)
        runs[3 * count] = image * imageStep + row * plane.rowStep + x
        runs[3 * count + 1] = column - panel * width
        runs[3 * count + 2] = length
        count += 1
        column += length
      }
      for first in stride(from: 0, to: depth, by: GemmBlocking.depth) {
        let steps = min(GemmBlocking.depth, depth - first)
        kernels.convolution.packPositions(
          source, runs.baseAddress!, count, offsets + first, steps, width,
          panels + panelCount * width * first + panel * width * steps)
      }
    }
  }
}
