/// The inner parts of matrix products: packing operands into panels and multiplying blocks. Their composition, for any size
/// and on all threads, is `gemm` of the module above.
///
/// Products of the same numbers are the same in both: from zero, one multiplication and addition after another.
public struct GemmKernels: Sendable {
  /// Rows of the block of C that stays in registers.
  public let tileRows: Int
  /// Columns of the block of C that stays in registers.
  public let tileColumns: Int
  /// Copies one panel of a matrix into the order in which products read it: `out[p * tile + i] = x[i * laneStride + p *
  /// depthStride]`, with zeros for `lanes <= i < tile`.
  public let pack: Pack
  /// `C = alpha A B + beta C` for A packed in panels of `tileRows` rows and B in panels of `tileColumns` columns. With
  /// `beta` 0 the old content of C is not read.
  public let multiplyBlock: MultiplyBlock
  /// `C = alpha A B + beta C` for a B of contiguous rows, at most `tileColumns` columns wide and readable to that width,
  /// and a C of contiguous rows.
  public let multiplyUnpacked: MultiplyUnpacked

  /// `(x, laneStride, depthStride, lanes, tile, depth, out)`.
  public typealias Pack =
    @convention(c) @Sendable (
      UnsafePointer<Float>, Int, Int, Int, Int, Int, UnsafeMutablePointer<Float>
    ) -> Void
  /// `(rows, columns, depth, alpha, a, b, beta, c, cRowStride, cColumnStride, buffer, ahead, aheadStride, aheadRuns,
  /// aheadCount)`; the buffer has room for a tile, and the last four are runs of contiguous numbers to bring closer
  /// meanwhile.
  public typealias MultiplyBlock =
    @convention(c) @Sendable (
      Int, Int, Int, Float, UnsafePointer<Float>, UnsafePointer<Float>, Float, UnsafeMutablePointer<Float>,
      Int, Int, UnsafeMutablePointer<Float>, UnsafePointer<Float>, Int, Int, Int
    ) -> Void
  /// `(rows, columns, depth, alpha, a, aRowStride, aColumnStride, b, bRowStride, beta, c, cRowStride, buffer)`; the buffer
  /// has room for four rows of a tile.
  public typealias MultiplyUnpacked =
    @convention(c) @Sendable (
      Int, Int, Int, Float, UnsafePointer<Float>, Int, Int, UnsafePointer<Float>, Int, Float,
      UnsafeMutablePointer<Float>, Int, UnsafeMutablePointer<Float>
    ) -> Void

  /// Collects the kernels of one level.
  public init(
    tileRows: Int, tileColumns: Int, pack: @escaping Pack, multiplyBlock: @escaping MultiplyBlock,
    multiplyUnpacked: @escaping MultiplyUnpacked
  ) {
    self.tileRows = tileRows
    self.tileColumns = tileColumns
    self.pack = pack
    self.multiplyBlock = multiplyBlock
    self.multiplyUnpacked = multiplyUnpacked
  }
}
