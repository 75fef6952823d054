/// What happens to a product before it is stored: `activation(product + rowBias + columnBias)`.
public struct GemmEpilogue {
  /// One number for each column, added to all rows.
  public var columnBias: UnsafePointer<Float>?
  /// One number for each row, added to all columns.
  public var rowBias: UnsafePointer<Float>?
  /// Applied after the biases.
  public var activation: UnaryOperation?

  /// Nothing happens.
  public static var none: GemmEpilogue { GemmEpilogue() }

  /// Collects the parts; leave out those that are not wanted.
  public init(
    columnBias: UnsafePointer<Float>? = nil, rowBias: UnsafePointer<Float>? = nil,
    activation: UnaryOperation? = nil
  ) {
    self.columnBias = columnBias
    self.rowBias = rowBias
    self.activation = activation
  }
}

extension GemmProduct {
  /// Applies the epilogue to a part of C that is complete, row by row (or column by column, if those are contiguous).
  func applyEpilogue(rows: Range<Int>, columns: Range<Int>) {
    guard epilogue.rowBias != nil || epilogue.columnBias != nil || epilogue.activation != nil else { return }
    if cColumnStride != 1 && (cRowStride == 1 || rows.count > columns.count) {
      var product = self
      product.transpose()
      product.applyEpilogueByRows(rows: columns, columns: rows)
    } else {
      applyEpilogueByRows(rows: rows, columns: columns)
    }
  }

  private func applyEpilogueByRows(rows: Range<Int>, columns: Range<Int>) {
    let kernels = Kernels.table.elementwise
    let add = BinaryOperation.add.rawValue
    let count = columns.count
    for i in rows {
      let target = c + i * cRowStride + columns.lowerBound * cColumnStride
      // Kernels write contiguous memory only.
      let row = cColumnStride == 1 ? target : ThreadState.current.tile.floats(count)
      if cColumnStride != 1 { kernels.copy(target, cColumnStride, row, 1, count) }
      if let bias = epilogue.rowBias { kernels.binary(add, row, 1, bias + i, 0, row, count) }
      if let bias = epilogue.columnBias {
        kernels.binary(add, row, 1, bias + columns.lowerBound, 1, row, count)
      }
      if let activation = epilogue.activation { kernels.unary(activation.rawValue, row, 1, row, count) }
      if cColumnStride != 1 { kernels.copy(row, 1, target, cColumnStride, count) }
    }
  }
}
