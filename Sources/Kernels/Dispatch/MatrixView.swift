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
  /// Whether the numbers themselves can be read, and not the panels alone.
  private(set) var hasNumbers = true

  /// Views memory as a matrix.
  public init(_ pointer: UnsafePointer<Float>, rowStride: Int, columnStride: Int) {
    self.pointer = pointer
    self.rowStride = rowStride
    self.columnStride = columnStride
  }

  /// The second operand of products in the precision of its panels, which are all there is.
  public init(panels: UnsafePointer<Float>, layout: PanelLayout) {
    self.init(panels, rowStride: 0, columnStride: 0)
    self.panels = (panels, layout)
    hasNumbers = false
  }

  /// The same memory with rows and columns exchanged.
  public var transposed: MatrixView { MatrixView(pointer, rowStride: columnStride, columnStride: rowStride) }
}
