/// Kernels for *blocked* images: of every 16 channels, the numbers of one pixel lie next to each other, and pixels follow
/// by rows, so an image is blocks x height x width x 16. Where channels do not fill the last block, zeros do.
public struct BlockedKernels: Sendable {
  /// Products at each pixel (a convolution with a window of one), as described by `PixelProducts` in memory.
  public let multiplyPixels: Kernel
  /// A depthwise convolution of one block, as described by `BlockConvolution` in memory.
  public let convolveBlock: Kernel

  /// Takes the description of the work.
  public typealias Kernel = @convention(c) @Sendable (UnsafeRawPointer) -> Void

  /// Collects the kernels of one level.
  public init(multiplyPixels: @escaping Kernel, convolveBlock: @escaping Kernel) {
    self.multiplyPixels = multiplyPixels
    self.convolveBlock = convolveBlock
  }

  /// Channels in a block.
  public static var width: Int { 16 }
}

/// `out = clamp(bias + weight x) + residual` at each pixel of some rows.
public struct PixelProducts {
  /// Blocked pixels; those of a row are contiguous.
  public var x: UnsafePointer<Float>
  /// Numbers from one block of `x` to the next.
  public var xBlockStride: Int
  /// Numbers from one row of `x` to the next.
  public var xRowStride: Int
  /// Blocks of `x` to sum over.
  public var depthBlocks: Int
  /// Blocks of the output x channels of `x` (whole blocks) x 16.
  public var weight: UnsafePointer<Float>
  /// One number for each channel of the output.
  public var bias: UnsafePointer<Float>
  /// Limits of the sum.
  public var bounds: (lowest: Float, highest: Float)
  /// Added last; its strides are those of `out`.
  public var residual: UnsafePointer<Float>?
  /// Blocked pixels.
  public var out: UnsafeMutablePointer<Float>
  /// Numbers from one block of `out` to the next.
  public var outBlockStride: Int
  /// Numbers from one row of `out` to the next.
  public var outRowStride: Int
  /// Blocks to compute.
  public var blocks: Int
  /// Rows to compute.
  public var rows: Int
  /// Pixels of each row.
  public var pixels: Int

  /// Describes the work.
  public init(
    x: UnsafePointer<Float>, xBlockStride: Int, xRowStride: Int, depthBlocks: Int,
    weight: UnsafePointer<Float>, bias: UnsafePointer<Float>, bounds: (lowest: Float, highest: Float),
    residual: UnsafePointer<Float>? = nil, out: UnsafeMutablePointer<Float>, outBlockStride: Int,
    outRowStride: Int, blocks: Int, rows: Int, pixels: Int
  ) {
    self.x = x
    self.xBlockStride = xBlockStride
    self.xRowStride = xRowStride
    self.depthBlocks = depthBlocks
    self.weight = weight
    self.bias = bias
    self.bounds = bounds
    self.residual = residual
    self.out = out
    self.outBlockStride = outBlockStride
    self.outRowStride = outRowStride
    self.blocks = blocks
    self.rows = rows
    self.pixels = pixels
  }
}

/// Runs of contiguous numbers that are read or written soon, to be brought closer meanwhile.
public struct MemoryRuns {
  /// The first run.
  public var pointer: UnsafePointer<Float>
  /// Numbers from one run to the next.
  public var stride: Int
  /// How many runs there are.
  public var runs: Int
  /// Numbers in each run.
  public var count: Int

  /// Describes the memory.
  public init(pointer: UnsafePointer<Float>, stride: Int, runs: Int, count: Int) {
    self.pointer = pointer
    self.stride = stride
    self.runs = runs
    self.count = count
  }
}

/// `out[row, column] = clamp(bias + sum over taps of weight[tap] * x[row * rowStride + column * columnStride +
/// offsets[tap]])`, 16 channels at once.
public struct BlockConvolution {
  /// A block of a padded image.
  public var x: UnsafePointer<Float>
  /// Numbers from one row of windows to the next.
  public var rowStride: Int
  /// Numbers from one window to the next.
  public var columnStride: Int
  /// Taps of a window.
  public var taps: Int
  /// Where each tap's numbers begin.
  public var offsets: UnsafePointer<Int>
  /// Taps x 16.
  public var weight: UnsafePointer<Float>
  /// 16 numbers.
  public var bias: UnsafePointer<Float>
  /// Limits of the sum.
  public var bounds: (lowest: Float, highest: Float)
  /// A block of rows without gaps.
  public var out: UnsafeMutablePointer<Float>
  /// Rows to compute.
  public var rows: Int
  /// Columns to compute.
  public var columns: Int
  /// What is read soon.
  public var nextInput: MemoryRuns?
  /// What is written soon.
  public var nextOutput: MemoryRuns?

  /// Describes the work.
  public init(
    x: UnsafePointer<Float>, rowStride: Int, columnStride: Int, taps: Int, offsets: UnsafePointer<Int>,
    weight: UnsafePointer<Float>, bias: UnsafePointer<Float>, bounds: (lowest: Float, highest: Float),
    out: UnsafeMutablePointer<Float>, rows: Int, columns: Int, nextInput: MemoryRuns? = nil,
    nextOutput: MemoryRuns? = nil
  ) {
    self.x = x
    self.rowStride = rowStride
    self.columnStride = columnStride
    self.taps = taps
    self.offsets = offsets
    self.weight = weight
    self.bias = bias
    self.bounds = bounds
    self.out = out
    self.rows = rows
    self.columns = columns
    self.nextInput = nextInput
    self.nextOutput = nextOutput
  }
}
