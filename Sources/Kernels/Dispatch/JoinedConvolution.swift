// Dense convolutions whose windows overlap: what they meet is copied straight into the panels that products read, from planes
// with zeros around them. Of small planes one image would fill the columns of register tiles badly, and weights would be
// packed for few positions: there the positions of several images stand side by side, as columns of one product. Products
// add up in one order (see `GemmBlocking`), so no result depends on how many images there are.

extension ConvolutionShape {
  /// Whether positions are copied into panels. The number of images has no say, because sums of gradients have another order.
  /// Planes are sorted by the stride first, which only small ones repay, and windows that overlap much.
  var joinsImages: Bool {
    let moved = window.strideHeight * window.strideWidth
    return depth >= 64 && window.kernelArea > moved
      && (moved == 1 || window.outputArea <= 256 || window.kernelArea >= 8 * moved)
  }

  /// Numbers of panels at a time: 16 MiB.
  fileprivate static var joinedPanelCount: Int { 4 << 20 }

  /// Images that are multiplied at a time, or one that goes in strips if its panels are too many.
  fileprivate var joinedImages: Int {
    window.outputArea >= 1024
      ? 1 : max(1, min(batch, ConvolutionShape.joinedPanelCount / (depth * window.outputArea)))
  }

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

/// `conv2d` by panels of what windows meet: of several small images at a time, or of strips of a large one.
func joinedConv2d(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
  bias: UnsafePointer<Float>?, out: UnsafeMutablePointer<Float>
) {
  let plane = SplitPlane(shape.window, slack: 0)
  withUnsafeTemporaryAllocation(of: Int.self, capacity: shape.depth) { offsets in
    plane.withOffsets { taps in
      let area = shape.window.kernelArea
      for step in 0..<shape.depth { offsets[step] = step / area * plane.size + taps[step % area] }
    }
    let product = JoinedProduct(
      shape: shape, plane: plane, offsets: offsets.baseAddress!, x: x, weight: weight, bias: bias, out: out)
    let part = shape.joinedImages
    let threads = ThreadPool.threadCount
    if part == 1 && (shape.batch % threads == 0 || shape.batch >= 4 * threads) {
      // Each thread has images of its own, in strips whose panels stay in its second-level cache.
      ThreadPool.parallelFor(count: shape.batch) { product.multiply($0..<$0 + 1, panelCount: 1 << 17) }
    } else {
      for first in stride(from: 0, to: shape.batch, by: part) {
        product.multiply(
          first..<min(first + part, shape.batch), panelCount: ConvolutionShape.joinedPanelCount)
      }
    }
  }
}

/// A convolution that is computed by panels.
private struct JoinedProduct {
  let shape: ConvolutionShape
  let plane: SplitPlane
  /// Where in planes each step of depth begins.
  let offsets: UnsafePointer<Int>
  let x: UnsafePointer<Float>
  let weight: UnsafePointer<Float>
  let bias: UnsafePointer<Float>?
  let out: UnsafeMutablePointer<Float>

  /// Computes some images, with at most so many numbers of panels at a time if there is one image.
  func multiply(_ images: Range<Int>, panelCount: Int) {
    let (depth, channels, positions) = (shape.depth, shape.outputGroupChannels, shape.window.outputArea)
    let kernels = Kernels.table
    let width = kernels.gemm.tileColumns
    let columns = images.count * positions
    let isOne = images.count == 1
    // No less than makes up for packing the weights again.
    let least = max(panelCount / depth, isOne ? channels : columns)
    let step = isOne ? min(columns, (least + width - 1) / width * width) : columns
    // Planes with zeros around them, behind which vectors may read; panels; what comes of several images.
    let planesSize = images.count * shape.inputChannels * plane.size + kernels.convolution.rowSlack
    let panelSize = packedSize(rows: depth, columns: step).count
    let planes = ThreadState.current.columns.floats(
      planesSize + panelSize + (isOne ? 0 : channels * columns))
    let panels = planes + planesSize
    ThreadPool.parallelFor(count: images.count * shape.inputChannels) { index in
      plane.split(
        x + (images.lowerBound * shape.inputChannels + index) * shape.window.inputArea,
        into: planes + index * plane.size, kernels.elementwise)
    }
    for group in 0..<shape.groups {
      func target(_ image: Int) -> UnsafeMutablePointer<Float> {
        out + ((images.lowerBound + image) * shape.groups + group) * shape.outputGroupSize
      }
      let source = planes + group * shape.inputGroupChannels * plane.size
      let product = isOne ? target(0) : panels + panelSize
      for first in stride(from: 0, to: columns, by: step) {
        let range = first..<min(first + step, columns)
        pack(range, from: source, to: panels)
        multiplyPanels(
          m: channels, n: range.count, k: depth,
          a: MatrixView(weight + group * shape.weightGroupSize, rowStride: depth, columnStride: 1),
          panels: panels, c: product + first, cRowStride: columns,
          epilogue: GemmEpilogue(rowBias: bias.map { $0 + group * channels }))
      }
      // One image's product lies as the result does.
      if isOne { continue }
      ThreadPool.parallelFor(count: images.count) { image in
        kernels.elementwise.copyMatrix(
          product + image * positions, columns, 1, target(image), positions, 1, channels, positions)
      }
    }
  }

  /// Copies what windows meet at some positions into panels.
  private func pack(
    _ columns: Range<Int>, from source: UnsafePointer<Float>, to panels: UnsafeMutablePointer<Float>
  ) {
    let kernels = Kernels.table
    let (width, vector) = (kernels.gemm.tileColumns, kernels.convolution.rowSlack)
    let blockDepth = kernels.gemm.stepsInBlock
    let (rowLength, positions) = (shape.window.outputWidth, shape.window.outputArea)
    let imageStep = shape.inputChannels * plane.size
    let panelCount = (columns.count + width - 1) / width
    ThreadPool.parallelFor(count: panelCount) { panel in
      withUnsafeTemporaryAllocation(of: Int.self, capacity: 3 * width) { runs in
        var count = 0
        let first = columns.lowerBound + panel * width
        let end = min(first + width, columns.upperBound)
        var column = first
        while column < end {
          let (image, position) = (column / positions, column % positions)
          let (row, x) = (position / rowLength, position % rowLength)
          let length = min(rowLength - x, end - column, vector)
          runs[3 * count] = image * imageStep + row * plane.rowStep + x
          runs[3 * count + 1] = column - first
          runs[3 * count + 2] = length
          count += 1
          column += length
        }
        for depth in stride(from: 0, to: shape.depth, by: blockDepth) {
          let steps = min(blockDepth, shape.depth - depth)
          kernels.convolution.packPositions(
            source, runs.baseAddress!, count, offsets + depth, steps, width,
            panels + panelCount * width * depth + panel * width * steps)
        }
      }
    }
  }
}
