/// A matrix in memory: where it starts and how far apart its rows and columns are, in elements.
public struct MatrixView {
  /// First element.
  public var pointer: UnsafePointer<Float>
  /// Distance between rows.
  public var rowStride: Int
  /// Distance between columns.
  public var columnStride: Int
  /// The same matrix in the panels of ``packMatrix(_:rows:columns:to:)`` and how they lie: a product whose second operand it
  /// is, in that precision, need not pack it. Not taken over by ``transposed``.
  public var panels: (pointer: UnsafePointer<Float>, layout: PanelLayout)?

  /// Views memory as a matrix.
  public init(_ pointer: UnsafePointer<Float>, rowStride: Int, columnStride: Int) {
    self.pointer = pointer
    self.rowStride = rowStride
    self.columnStride = columnStride
  }

  /// The same memory with rows and columns exchanged.
  public var transposed: MatrixView { MatrixView(pointer, rowStride: columnStride, columnStride: rowStride) }
}
