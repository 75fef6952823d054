/// A small tensor of integers: class labels, token ids, positions to gather from.
///
/// Values are 32-bit and contiguous, in row-major order.
public struct IndexTensor: Sendable, Hashable {
  /// Elements in row-major order.
  public private(set) var values: [Int32]
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

  /// The integers that a tensor holds, such as token ids from a file; traps on fractions, NaN and what does not fit 32
  /// bits.
  public init(_ tensor: Tensor) {
    self.init(
      tensor.withUnsafeScalars { scalars in
        scalars.map { value in
          guard let integer = Int32(exactly: value) else {
            programmerError("index tensor: \(value) is not a whole number of 32 bits")
          }
          return integer
        }
      }, shape: tensor.shape)
  }

  /// Number of axes.
  public var rank: Int { shape.count }

  /// Number of elements.
  public var count: Int { values.count }

  /// The only element; traps when there are more or none.
  public func item() -> Int {
    if count != 1 { programmerError("item: shape \(shape) does not hold exactly one element") }
    return Int(values[0])
  }

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

  /// Axes of size 1 repeated, and new leading axes added, up to `shape`.
  func expand(to shape: Shape) -> IndexTensor {
    if shape == self.shape { return self }
    let lead = shape.count - self.shape.count
    var strides = Shape(repeating: 0, count: shape.count)
    for (axis, stride) in self.shape.contiguousStrides.enumerated() where self.shape[axis] != 1 {
      strides[lead + axis] = stride
    }
    return IndexTensor(
      (0..<shape.elementCount).map { values[shape.offset(of: $0, strides: strides)] }, shape: shape)
  }

  /// The integers as floating-point numbers: exact up to 2²⁴.
  public func asTensor() -> Tensor { Tensor(values.map(Float.init), shape: shape) }
}

// MARK: - Parts

extension IndexTensor {
  /// A part, as of a tensor: `tokens[0, 1...]`, `labels[order]`. See ``TensorIndex`` for what may stand in brackets. A part
  /// is assigned integers that broadcast to it; where an element is picked twice the later one stays.
  public subscript(indices: any TensorIndex...) -> IndexTensor {
    get {
      let part = shape.part(indices)
      return IndexTensor(part.places.map { values[$0] }, shape: part.shape)
    }
    set {
      let part = shape.part(indices)
      if newValue.shape.broadcast(with: part.shape) != part.shape {
        programmerError(
          "subscript: integers of shape \(newValue.shape) do not broadcast to a part of shape \(part.shape)")
      }
      for (place, value) in zip(part.places, newValue.expand(to: part.shape).values) {
        values[place] = value
      }
    }
  }
}

extension IndexedPart {
  /// Running numbers, in the whole, of the elements of the part.
  fileprivate var places: [Int] {
    let runs = runs(in: Tensor.Layout(contiguous: whole))
    return (0..<runs.count).flatMap { run in
      let start = runs.offset(of: run)
      return (0..<runs.length).map { start + $0 * runs.stride }
    }
  }
}

// MARK: - Comparison

/// Comparisons give tensors of 0 and 1: `(logits.argmax() .== labels).mean()` is an accuracy.
extension IndexTensor {
  /// 1 where equal, else 0, with broadcasting.
  public static func .== (a: IndexTensor, b: IndexTensor) -> Tensor { compare(a, b, named: "equal", ==) }
  /// 1 where different, else 0, with broadcasting.
  public static func .!= (a: IndexTensor, b: IndexTensor) -> Tensor { compare(a, b, named: "notEqual", !=) }
  /// 1 where equal to a number, else 0.
  public static func .== (a: IndexTensor, b: Int) -> Tensor { a.truth { Int($0) == b } }
  /// 1 where different from a number, else 0.
  public static func .!= (a: IndexTensor, b: Int) -> Tensor { a.truth { Int($0) != b } }

  private static func compare(
    _ a: IndexTensor, _ b: IndexTensor, named name: StaticString, _ holds: (Int32, Int32) -> Bool
  ) -> Tensor {
    guard let shape = a.shape.broadcast(with: b.shape) else {
      programmerError("\(name): shapes \(a.shape) and \(b.shape) do not broadcast")
    }
    let pairs = zip(a.expand(to: shape).values, b.expand(to: shape).values)
    return Tensor(pairs.map { holds($0, $1) ? 1 : 0 }, shape: shape)
  }

  private func truth(_ holds: (Int32) -> Bool) -> Tensor {
    Tensor(values.map { holds($0) ? 1 : 0 }, shape: shape)
  }
}
