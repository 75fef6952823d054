/// `out[row, column, channel] = sum over steps of weight[step, channel] * x[row * rowStep + column * columnStep +
/// offsets[step]]`, for as many channels as a tile of a matrix product has columns.
public struct WindowProducts {
  /// Padded planes; a tile of columns is readable from each row's last one.
  public var x: UnsafePointer<Float>
  /// Numbers from one row of windows to the next.
  public var rowStep: Int
  /// Numbers from one window to the next: 1 or 2.
  public var columnStep: Int
  /// Where each step's numbers begin.
  public var offsets: UnsafePointer<Int>
  /// Steps to add up.
  public var steps: Int
  /// Steps x channels.
  public var weight: UnsafePointer<Float>
  /// Whether the sum is added to what `out` holds.
  public var isAdded: Bool
  /// One number for each channel, added last.
  public var bias: UnsafePointer<Float>?
  /// Columns x channels of each row; what lies beyond `columns`, up to half a tile, is overwritten.
  public var out: UnsafeMutablePointer<Float>
  /// Numbers from one row of `out` to the next.
  public var outRowStep: Int
  /// Rows to compute.
  public var rows: Int
  /// Columns to compute.
  public var columns: Int
  /// What is written soon.
  public var nextOutput: MemoryRuns?

  /// Describes the work.
  public init(
    x: UnsafePointer<Float>, rowStep: Int, columnStep: Int, offsets: UnsafePointer<Int>, steps: Int,
    weight: UnsafePointer<Float>, isAdded: Bool, bias: UnsafePointer<Float>?,
    out: UnsafeMutablePointer<Float>,
    outRowStep: Int, rows: Int, columns: Int, nextOutput: MemoryRuns?
  ) {
    self.x = x
    self.rowStep = rowStep
    self.columnStep = columnStep
    self.offsets = offsets
    self.steps = steps
    self.weight = weight
    self.isAdded = isAdded
    self.bias = bias
    self.out = out
    self.outRowStep = outRowStep
    self.rows = rows
    self.columns = columns
    self.nextOutput = nextOutput
  }
}
