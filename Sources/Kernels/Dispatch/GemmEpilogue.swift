/// What happens to a product before it is stored: `activation(product + rowBias + columnBias) + residual`.
public struct GemmEpilogue {
  /// One number for each column, added to all rows.
  public var columnBias: UnsafePointer<Float>?
  /// One number for each row, added to all columns.
  public var rowBias: UnsafePointer<Float>?
  /// Applied after the biases.
  public var activation: UnaryOperation?
  /// A matrix of the product's shape, added last. It may be the memory of C only if `beta` is 0 and the strides agree.
  public var residual: MatrixView?

  /// Nothing happens.
  public static var none: GemmEpilogue { GemmEpilogue() }

  /// Collects the parts; leave out those that are not wanted.
  public init(
    columnBias: UnsafePointer<Float>? = nil, rowBias: UnsafePointer<Float>? = nil,
    activation: UnaryOperation? = nil,
    residual: MatrixView? = nil
  ) {
    self.columnBias = columnBias
    self.rowBias = rowBias
    self.activation = activation
    self.residual = residual
  }
}
