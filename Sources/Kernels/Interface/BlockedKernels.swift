/// Kernels for *blocked* images: of every 16 channels, the numbers of one pixel lie next to each other, and pixels follow
/// by rows, so an image is blocks x height x width x 16. Where channels do not fill the last block, zeros do.
public struct BlockedKernels: Sendable {
  /// Products at each pixel (a convolution with a window of one), as described by `PixelProducts` in memory.
  public let multiplyPixels: Kernel
  /// A depthwise convolution of one block, as described by `BlockConvolution` in memory.
  public let convolveBlock: Kernel
  /// Brings planes into a block: `out[places[pixel] + lane] = x[lane * stride + pixel]`, at most 16 lanes. What becomes of
  /// other lanes is undefined.
  public let blockPlanes: BlockPlanes
  /// Brings a block without gaps into planes: `out[lane * stride + pixel] = x[pixel * 16 + lane]`, at most 16 lanes.
  public let unblockPlanes: UnblockPlanes

  /// Takes the description of the work.
  public typealias Kernel = @convention(c) @Sendable (UnsafeRawPointer) -> Void

  /// `(x, stride, lanes, pixels, places, out)`.
  public typealias BlockPlanes =
    @convention(c) @Sendable (
      UnsafePointer<Float>, Int, Int, Int, UnsafePointer<Int>, UnsafeMutablePointer<Float>
    ) -> Void

  /// `(x, pixels, out, stride, lanes)`.
  public typealias UnblockPlanes =
    @convention(c) @Sendable (UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int, Int) -> Void

  /// Collects the kernels of one level.
  public init(
    multiplyPixels: @escaping Kernel, convolveBlock: @escaping Kernel, blockPlanes: @escaping BlockPlanes,
    unblockPlanes: @escaping UnblockPlanes
  ) {
    self.multiplyPixels = multiplyPixels
    self.convolveBlock = convolveBlock
    self.blockPlanes = blockPlanes
    self.unblockPlanes = unblockPlanes
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

/// A depthwise convolution of one block: `out[row, column] = clamp(bias + sum over taps of weight * x)`. Taps above and below
/// the image are left out; at its sides it has columns for them.
public struct BlockConvolution {
  /// How the window slides; its padding and its sizes of images have no say.
  public var window: WindowShape
  /// The first row of a block of an image, at the column of the first window's first tap.
  public var x: UnsafePointer<Float>
  /// Numbers from one row of `x` to the next.
  public var rowStride: Int
  /// Rows of `x`.
  public var height: Int
  /// The row of `x` that the first window's first tap meets; negative above the image.
  public var top: Int
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

  /// Describes the work.
  public init(
    window: WindowShape, x: UnsafePointer<Float>, rowStride: Int, height: Int, top: Int,
    weight: UnsafePointer<Float>, bias: UnsafePointer<Float>, bounds: (lowest: Float, highest: Float),
    out: UnsafeMutablePointer<Float>, rows: Int, columns: Int
  ) {
    self.window = window
    self.x = x
    self.rowStride = rowStride
    self.height = height
    self.top = top
    self.weight = weight
    self.bias = bias
    self.bounds = bounds
    self.out = out
    self.rows = rows
    self.columns = columns
  }
}
