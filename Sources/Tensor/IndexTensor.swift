/// A small tensor of integers: class labels, token ids, positions to gather from.
///
/// Values are 32-bit and contiguous, in row-major order.
public struct IndexTensor: Sendable, Hashable {
  /// Elements in row-major order.
  public let values: [Int32]
  /// Sizes of the axes.
  public let shape: Shape

  /// Integers of the given shape, or of one axis; traps when their number does not fit.
  public init(_ values: [Int32], shape: Shape? = nil) {
    let shape = shape ?? [values.count]
    if values.count != shape.elementCount || shape.contains(where: { $0 < 0 }) {
      programmerError("index tensor: \(values.count) integers do not fill shape \(shape)")
    }
    self.values = values
    self.shape = shape
  }

  /// Integers of the given shape, or of one axis; traps when one does not fit 32 bits.
  public init(_ values: [Int], shape: Shape? = nil) {
    self.init(
      values.map { value in
        guard let small = Int32(exactly: value) else {
          programmerError("index tensor: \(value) does not fit 32 bits")
        }
        return small
      }, shape: shape)
  }

  /// Consecutive integers, of the given shape, or of one axis; traps when their number does not fit.
  public init(_ range: Range<Int>, shape: Shape? = nil) {
    self.init(Array(range), shape: shape)
  }

  /// Number of elements.
  public var count: Int { values.count }

  /// The same integers in another shape.
  public func reshape(_ shape: Shape) -> IndexTensor { IndexTensor(values, shape: shape) }

  /// Two axes exchanged.
  public func transpose(_ a: Int, _ b: Int) -> IndexTensor {
    let a = shape.axis(a, of: "transpose")
    let b = shape.axis(b, of: "transpose")
    if a == b { return self }
    var target = shape
    target.swapAt(a, b)
    var strides = shape.contiguousStrides
    strides.swapAt(a, b)
    return IndexTensor((0..<count).map { values[target.offset(of: $0, strides: strides)] }, shape: target)
  }

  /// The integers as floating-point numbers: exact up to 2²⁴.
  public func asTensor() -> Tensor { Tensor(values.map(Float.init), shape: shape) }
}
