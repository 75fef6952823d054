/// The inner parts of matrix products: packing operands into panels and multiplying blocks. Their composition, for any size
/// and on all threads, is `gemm` of the module above.
///
/// Products of the same numbers are the same in both: from zero, one multiplication and addition after another.
///
/// Panels are words, of which a step of depth takes one in single precision. Of other precisions some steps together take
/// some words, each of them one number or two of 16 bits: ``words(_:)``.
public struct GemmKernels: Sendable {
  /// What operands are rounded to.
  public let precision: ProductPrecision
  /// Steps of depth that are packed together.
  public let stepsInGroup: Int
  /// Words that such steps take, for each row or column of a panel.
  public let wordsInGroup: Int
  /// Words behind the steps of a block, for each row or column: what its numbers have in common.
  public let trailingWords: Int
  /// Steps of depth in each block but the last, which may have fewer. A sum is that of its blocks' sums.
  public let stepsInBlock: Int
  /// Rows of the block of C that stays in registers.
  public let tileRows: Int
  /// Columns of the block of C that stays in registers.
  public let tileColumns: Int
  /// Copies one panel of a matrix into the order in which products read it, in single precision `out[p * tile + i] =
  /// x[i * laneStride + p * depthStride]`, with zeros for `lanes <= i < tile`.
  public let pack: Pack
  /// `C = alpha A B + beta C` for A packed in panels of `tileRows` rows and B in panels of `tileColumns` columns, `depth`
  /// words of each. With `beta` 0 the old content of C is not read.
  public let multiplyBlock: MultiplyBlock
  /// `C = alpha A B + beta C` for a B of contiguous rows, at most `tileColumns` columns wide and readable to that width,
  /// and a C of contiguous rows; in single precision alone.
  public let multiplyUnpacked: MultiplyUnpacked?

  /// `(x, laneStride, depthStride, lanes, tile, depth, isOfRows, isSecond, out)`; panels of rows and of columns may lie
  /// differently, and of parts of numbers, the first and the second factor have different ones side by side.
  public typealias Pack =
    @convention(c) @Sendable (
      UnsafePointer<Float>, Int, Int, Int, Int, Int, Bool, Bool, UnsafeMutablePointer<Float>
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

  /// Words of depth in a block where nothing else is asked for. The widest packed panel of B (32 KiB) stays in the first-level
  /// cache while those of A pass by.
  private static let wordsInBlock = 256

  /// Collects the kernels of one level and precision.
  public init(
    _ precision: ProductPrecision, stepsInGroup: Int = 1, wordsInGroup: Int = 1, trailingWords: Int = 0,
    stepsInBlock: Int? = nil, tileRows: Int, tileColumns: Int,
    pack: @escaping Pack, multiplyBlock: @escaping MultiplyBlock, multiplyUnpacked: MultiplyUnpacked? = nil
  ) {
    self.precision = precision
    self.stepsInGroup = stepsInGroup
    self.wordsInGroup = wordsInGroup
    self.trailingWords = trailingWords
    self.stepsInBlock = stepsInBlock ?? Self.wordsInBlock / wordsInGroup * stepsInGroup
    self.tileRows = tileRows
    self.tileColumns = tileColumns
    self.pack = pack
    self.multiplyBlock = multiplyBlock
    self.multiplyUnpacked = multiplyUnpacked
  }

  /// How the second factor is packed.
  @inlinable
  public var layout: PanelLayout {
    PanelLayout(precision: precision, width: tileColumns, stepsInGroup: stepsInGroup)
  }

  /// Words that some steps of depth from the beginning of a block on take, for each row or column of a panel.
  @inlinable
  public func words(_ steps: Int) -> Int {
    (steps + stepsInGroup - 1) / stepsInGroup * wordsInGroup
      + (steps + stepsInBlock - 1) / stepsInBlock * trailingWords
  }
}

/// What a packed second factor looks like. One of another layout is of no use.
public struct PanelLayout: Equatable, Sendable {
  /// What its numbers are rounded to.
  public let precision: ProductPrecision
  /// Columns in a panel.
  public let width: Int
  /// Steps of depth that are packed together.
  public let stepsInGroup: Int

  /// Describes it.
  public init(precision: ProductPrecision, width: Int, stepsInGroup: Int) {
    self.precision = precision
    self.width = width
    self.stepsInGroup = stepsInGroup
  }
}

/// What the operands of products are rounded to; sums are in single precision always.
public enum ProductPrecision: UInt8, CaseIterable, Sendable {
  /// Nothing is rounded.
  case float32
  /// 8 significant bits.
  case bfloat16
  /// Two numbers of 8 bits each, whose products are added up but for the smallest one.
  case bfloat16x3
  /// A whole number of -127 to 127, times the largest absolute value of the row or column within a block of depth, by 127.
  case int8
}

/// Matrix products of one level in every precision.
public struct ProductKernels: Sendable {
  /// Those of single precision.
  public let float32: GemmKernels
  /// Those of operands rounded to 8 bits.
  public let bfloat16: GemmKernels
  /// Those of operands in two parts.
  public let bfloat16x3: GemmKernels
  /// Those of operands rounded to 255 values.
  public let int8: GemmKernels

  /// Collects them.
  public init(float32: GemmKernels, bfloat16: GemmKernels, bfloat16x3: GemmKernels, int8: GemmKernels) {
    self.float32 = float32
    self.bfloat16 = bfloat16
    self.bfloat16x3 = bfloat16x3
    self.int8 = int8
  }

  /// Those of a precision.
  public subscript(precision: ProductPrecision) -> GemmKernels {
    switch precision {
    case .float32: float32
    case .bfloat16: bfloat16
    case .bfloat16x3: bfloat16x3
    case .int8: int8
    }
  }
}
