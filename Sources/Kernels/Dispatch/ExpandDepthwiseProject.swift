// Expansion, depthwise convolution and projection in one pass over strips of each image: what the expansion and the
// depthwise convolution give stays in the caches. Strips share nothing, so no result depends on the number of threads.

/// The sizes of an expand-depthwise-project convolution on blocked images (see `BlockedKernels`): a product at each pixel,
/// ReLU6, a depthwise convolution, ReLU6, and a product at each pixel.
public struct ExpandDepthwiseProjectShape: Sendable {
  /// What the first product reads.
  public enum Source: Sendable {
    /// A blocked image of so many blocks.
    case blocks(Int)
    /// So many planes, unfolded by a window: the first product is a dense convolution.
    case planes(Int, WindowShape)
  }

  /// Number of images.
  public var batch: Int
  /// What the first product reads.
  public var source: Source
  /// Blocks that the depthwise convolution sees.
  public var hiddenBlocks: Int
  /// Blocks of the output; `nil` leaves the last product out.
  public var outputBlocks: Int?
  /// How the depthwise window slides, without dilation.
  public var window: WindowShape
  /// Whether the input, of the output's shape, is added at the end.
  public var addsInput: Bool

  /// Describes a convolution.
  public init(
    batch: Int, source: Source, hiddenBlocks: Int, outputBlocks: Int?, window: WindowShape,
    addsInput: Bool = false
  ) {
    self.batch = batch
    self.source = source
    self.hiddenBlocks = hiddenBlocks
    self.outputBlocks = outputBlocks
    self.window = window
    self.addsInput = addsInput
  }

  /// Blocks that the first product sums over.
  var depthBlocks: Int {
    switch source {
    case .blocks(let blocks): blocks
    case .planes(let channels, let window): (channels * window.kernelArea + width - 1) / width
    }
  }
  /// Numbers of one image of the input.
  var inputSize: Int {
    switch source {
    case .blocks(let blocks): blocks * window.inputArea * width
    case .planes(let channels, let window): channels * window.inputArea
    }
  }
  /// Numbers of one image of the output.
  var outputSize: Int { (outputBlocks ?? hiddenBlocks) * window.outputArea * width }

  private var width: Int { BlockedKernels.width }

  /// Rows of the output to compute at a time, so that what one strip needs stays in a second-level cache.
  func stripRows(threads: Int) -> Int {
    let strip = 192 << 10
    let row =
      window.strideHeight * width * (depthBlocks * window.inputWidth + 2 * (window.inputWidth + 2))
      + hiddenBlocks * window.outputWidth * width
    let rows = window.outputHeight
    var strips = (rows * row + strip - 1) / strip
    // Few images are shared by the threads strip by strip.
    if batch % threads != 0 && batch < 4 * threads { strips = max(strips, threads) }
    strips = max(1, min(strips, rows))
    return (rows + strips - 1) / strips
  }
}

/// The weights of one layer on blocked images, in whole blocks.
public struct BlockedWeights {
  /// Output blocks x depth x 16; output blocks x taps x 16 for a depthwise convolution.
  public var weight: UnsafePointer<Float>
  /// One number for each output channel.
  public var bias: UnsafePointer<Float>

  /// Points to the weights.
  public init(weight: UnsafePointer<Float>, bias: UnsafePointer<Float>) {
    self.weight = weight
    self.bias = bias
  }
}

/// Computes an expand-depthwise-project convolution; `project` must be there if the shape has output blocks.
public func expandDepthwiseProject(
  _ shape: ExpandDepthwiseProjectShape, x: UnsafePointer<Float>, expand: BlockedWeights,
  depthwise: BlockedWeights,
  project: BlockedWeights?, out: UnsafeMutablePointer<Float>
) {
  let window = shape.window
  guard shape.batch > 0, window.outputArea > 0 else { return }
  let stripRows = shape.stripRows(threads: ThreadPool.threadCount)
  let strips = (window.outputHeight + stripRows - 1) / stripRows
  let paddedWidth = window.inputWidth + window.paddingLeft + window.paddingRight
  ThreadPool.parallelFor(count: shape.batch * strips) { task in
    let first = task % strips * stripRows
    let strip = ExpandDepthwiseProjectStrip(
      shape: shape, x: x + task / strips * shape.inputSize, out: out + task / strips * shape.outputSize,
      rows: first..<min(first + stripRows, window.outputHeight), paddedWidth: paddedWidth)
    strip.run(expand, depthwise, project)
  }
}

/// Some rows of one image's output.
private struct ExpandDepthwiseProjectStrip {
  let shape: ExpandDepthwiseProjectShape
  let x: UnsafePointer<Float>
  let out: UnsafeMutablePointer<Float>
  let rows: Range<Int>
  let paddedWidth: Int

  private var window: WindowShape { shape.window }
  private var width: Int { BlockedKernels.width }
  /// Rows of the image that the windows meet.
  private var insideRows: Range<Int> { window.inputRows(rows) }

  func run(_ expand: BlockedWeights, _ depthwise: BlockedWeights, _ project: BlockedWeights?) {
    let kernels = Kernels.table
    let hiddenSize = insideRows.count * paddedWidth * width
    let filteredSize = rows.count * window.outputWidth * width
    let filteredCount = project == nil ? 0 : shape.hiddenBlocks * filteredSize
    let scratch = ThreadState.current.columns.floats(2 * hiddenSize + filteredCount + unfoldedCount)
    let filtered =
      project == nil ? out + rows.lowerBound * window.outputWidth * width : scratch + 2 * hiddenSize
    let filteredStride = project == nil ? window.outputArea * width : filteredSize
    let source = expansionSource(scratch + 2 * hiddenSize + filteredCount)
    kernels.elementwise.fill(0, scratch, 2 * hiddenSize)
    for block in stride(from: 0, to: shape.hiddenBlocks, by: 2) {
      let blocks = min(2, shape.hiddenBlocks - block)
      let products = PixelProducts(
        x: source.pointer, xBlockStride: source.blockStride, xRowStride: window.inputWidth * width,
        depthBlocks: shape.depthBlocks, weight: expand.weight + block * shape.depthBlocks * width * width,
        bias: expand.bias + block * width, bounds: (0, 6),
        out: scratch + window.paddingLeft * width,
        outBlockStride: hiddenSize, outRowStride: paddedWidth * width, blocks: blocks, rows: insideRows.count,
        pixels: window.inputWidth)
      withUnsafePointer(to: products) { kernels.blocked.multiplyPixels($0) }
      for member in 0..<blocks {
        let convolution = BlockConvolution(
          window: window, x: scratch + member * hiddenSize, rowStride: paddedWidth * width,
          height: insideRows.count,
          top: rows.lowerBound * window.strideHeight - window.paddingTop - insideRows.lowerBound,
          weight: depthwise.weight + (block + member) * window.kernelArea * width,
          bias: depthwise.bias + (block + member) * width, bounds: (0, 6),
          out: filtered + (block + member) * filteredStride, rows: rows.count, columns: window.outputWidth)
        withUnsafePointer(to: convolution) { kernels.blocked.convolveBlock($0) }
      }
    }
    guard let project, let outputBlocks = shape.outputBlocks else { return }
    let start = rows.lowerBound * window.outputWidth * width
    let products = PixelProducts(
      x: filtered, xBlockStride: filteredSize, xRowStride: 0, depthBlocks: shape.hiddenBlocks,
      weight: project.weight, bias: project.bias, bounds: (-.infinity, .infinity),
      residual: shape.addsInput ? x + start : nil, out: out + start,
      outBlockStride: window.outputArea * width, outRowStride: 0, blocks: outputBlocks, rows: 1,
      pixels: rows.count * window.outputWidth)
    withUnsafePointer(to: products) { kernels.blocked.multiplyPixels($0) }
  }

  /// Room for the unfolded rows, and for one block of them before it is transposed.
  private var unfoldedCount: Int {
    guard case .planes(let channels, let dense) = shape.source else { return 0 }
    return (shape.depthBlocks * width + channels * dense.kernelArea) * insideRows.count * window.inputWidth
  }

  /// The first row inside the image of what the first product reads; planes are unfolded into `scratch`.
  private func expansionSource(
    _ scratch: UnsafeMutablePointer<Float>
  ) -> (pointer: UnsafePointer<Float>, blockStride: Int) {
    guard case .planes(let channels, let dense) = shape.source else {
      return (x + insideRows.lowerBound * window.inputWidth * width, window.inputArea * width)
    }
    let kernels = Kernels.table
    let pixels = insideRows.count * window.inputWidth
    let unfolded = scratch + shape.depthBlocks * width * pixels
    for channel in 0..<channels {
      withUnsafePointer(to: dense) {
        kernels.convolution.unfold(
          $0, x + channel * dense.inputArea, insideRows.lowerBound, insideRows.count, pixels,
          unfolded + channel * dense.kernelArea * pixels)
      }
    }
    let depth = channels * dense.kernelArea
    kernels.elementwise.fill(0, scratch, shape.depthBlocks * width * pixels)
    for block in 0..<shape.depthBlocks {
      kernels.elementwise.copyMatrix(
        unfolded + block * width * pixels, pixels, 1, scratch + block * width * pixels, 1, width,
        min(width, depth - block * width), pixels)
    }
    return (UnsafePointer(scratch), width * pixels)
  }
}
