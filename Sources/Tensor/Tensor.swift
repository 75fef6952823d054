import Kernels

/// A strided array of `Float` with value semantics.
///
/// Copies and views share storage; a write copies first unless the storage is uniquely referenced. Tensors may be sent
/// between threads. Programmer errors (shapes that do not fit) stop the program with a sentence that names the
/// operation and the shapes.
public struct Tensor: Sendable {
  @usableFromInline var storage: Storage
  /// How the elements lie in the storage, where that is not as it was made. A class, so that tensors are small to copy.
  private var view: View?

  /// Where elements lie in a storage.
  struct Layout {
    var shape: Shape
    var strides: Shape
    var offset: Int
  }

  private final class View: Sendable {
    let layout: Layout
    let count: Int

    init(_ layout: Layout) {
      self.layout = layout
      count = layout.shape.elementCount
    }
  }

  init(storage: Storage, layout: Layout) {
    self.storage = storage
    view = View(layout)
  }

  init(storage: Storage, shape: Shape, strides: Shape, offset: Int) {
    self.init(storage: storage, layout: Layout(shape: shape, strides: strides, offset: offset))
  }

  /// Uninitialised contiguous memory, to be written in full before anyone reads it.
  init(uninitialized shape: Shape) { storage = Storage(shape) }

  /// A shape without memory of its own, for what will not be read.
  package init(shapeOnly shape: Shape) {
    self.init(
      storage: Storage.one, shape: shape, strides: Shape(repeating: 0, count: shape.count), offset: 0)
  }

  /// A contiguous tensor that `body` fills; it must write every element.
  public init(
    uninitialized shape: Shape, initializing body: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows {
    self.init(uninitialized: shape)
    try body(UnsafeMutableBufferPointer(start: storage.pointer, count: count))
  }

  /// Where the elements lie.
  var layout: Layout { view?.layout ?? storage.layout }

  /// Sizes of the axes, outermost first.
  public var shape: Shape { view?.layout.shape ?? storage.layout.shape }

  /// Distance in elements between neighbours along each axis; 0 where an axis repeats one element, negative where it
  /// is flipped.
  public var strides: Shape { view?.layout.strides ?? storage.layout.strides }

  var offset: Int { view?.layout.offset ?? 0 }

  /// Number of axes.
  public var rank: Int { shape.count }

  /// Number of elements.
  public var count: Int { view?.count ?? storage.count }

  /// Whether the elements lie in memory in row-major order without gaps.
  public var isContiguous: Bool {
    guard let view else { return true }
    let (shape, strides) = (view.layout.shape, view.layout.strides)
    var expected = 1
    for i in (0..<shape.count).reversed() {
      let size = shape[unchecked: i]
      if size == 1 { continue }
      if size == 0 { return true }
      if strides[unchecked: i] != expected { return false }
      expected *= size
    }
    return true
  }

  /// First element.
  @usableFromInline var pointer: UnsafeMutablePointer<Float> { storage.pointer + offset }
}

// MARK: - Reading and writing elements

extension Tensor {
  /// The same elements in row-major order without gaps: self when it already is so, else a copy.
  public func contiguous() -> Tensor {
    let numbers = withNumbers
    if isContiguous { return numbers }
    let result = Tensor(uninitialized: shape)
    StridedCopy.run(from: numbers, to: result)
    return result
  }

  /// Self, or of what is there in panels alone the numbers, which are not kept.
  private var withNumbers: Tensor {
    if storage.hasNumbers { return self }
    return Tensor(storage: storage.panels!.unpacked, layout: layout)
  }

  /// A row-major copy of the elements.
  public var scalars: [Float] { withUnsafeScalars { Array($0) } }

  /// The only element; traps when there are more or none.
  public func item() -> Float {
    if count != 1 { programmerError("item: shape \(shape) does not hold exactly one element") }
    return withExtendedLifetime(storage) { pointer.pointee }
  }

  /// Calls `body` with the elements in row-major order; copies only when they are not contiguous.
  @inlinable
  public func withUnsafeScalars<R>(_ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    if isContiguous && storage.hasNumbers {
      return try withExtendedLifetime(storage) { try body(UnsafeBufferPointer(start: pointer, count: count)) }
    }
    return try contiguous().withUnsafeScalars(body)
  }

  /// Calls `body` with the address of the first element; the others follow by ``strides``.
  @inlinable
  public func withUnsafeStrided<R>(_ body: (UnsafePointer<Float>) throws -> R) rethrows -> R {
    try withExtendedLifetime(storage) { try body(UnsafePointer(pointer)) }
  }

  /// Calls `body` with writable elements in row-major order, after copying them if anyone else can see them.
  @inlinable
  public mutating func withUnsafeMutableScalars<R>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws -> R
  ) rethrows -> R {
    makeUnique()
    return try body(UnsafeMutableBufferPointer(start: pointer, count: count))
  }

  /// Whether elements may be written where they are: contiguous, and referred to by nothing else.
  var isAlone: Bool {
    mutating get { isContiguous && isKnownUniquelyReferenced(&storage) && storage.panels == nil }
  }

  /// Copies the elements unless this tensor alone refers to them and they are contiguous.
  @usableFromInline mutating func makeUnique() {
    if isAlone { return }
    let copy = Tensor(uninitialized: shape)
    StridedCopy.run(from: self, to: copy)
    self = copy
  }
}

// MARK: - Creation

extension Tensor {
  /// A tensor of the given elements in row-major order; traps when their number does not fit the shape.
  public init(_ scalars: [Float], shape: Shape) {
    if scalars.count != shape.elementCount {
      programmerError("tensor: \(scalars.count) numbers do not fill shape \(shape)")
    }
    self.init(uninitialized: shape) { buffer in
      _ = buffer.update(fromContentsOf: scalars)
    }
  }

  /// A tensor of one axis.
  public init(_ scalars: [Float]) { self.init(scalars, shape: [scalars.count]) }

  /// A tensor without axes.
  public init(_ scalar: Float) {
    self.init(uninitialized: [])
    storage.pointer.pointee = scalar
  }

  /// A matrix of the given rows; traps unless all are equally long.
  public init(_ rows: [[Float]]) {
    let columns = rows.first?.count ?? 0
    if let odd = rows.first(where: { $0.count != columns }) {
      programmerError("tensor: a row of \(odd.count) numbers among rows of \(columns)")
    }
    self.init(rows.flatMap { $0 }, shape: [rows.count, columns])
  }

  /// All elements equal to `value`.
  public static func full(_ shape: Shape, _ value: Float) -> Tensor {
    let result = Tensor(uninitialized: shape)
    Kernels.table.elementwise.fill(value, result.pointer, result.count)
    return result
  }

  /// All elements 0.
  public static func zeros(_ shape: Shape) -> Tensor { full(shape, 0) }

  /// All elements 1.
  public static func ones(_ shape: Shape) -> Tensor { full(shape, 1) }

  /// Zeros of another tensor's shape.
  public static func zeros(like other: Tensor) -> Tensor { full(other.shape, 0) }

  /// Ones of another tensor's shape.
  public static func ones(like other: Tensor) -> Tensor { full(other.shape, 1) }

  /// `start`, `start + step`, ... below `end` (above it for a negative step), computed without accumulated rounding.
  public static func arange(_ start: Float, _ end: Float, step: Float = 1) -> Tensor {
    if step == 0 { programmerError("arange: the step is 0") }
    let steps = ((Double(end) - Double(start)) / Double(step)).rounded(.up)
    guard let count = Int(exactly: Swift.max(0, steps)) else {
      programmerError("arange: \(start) to \(end) by \(step) is not a number of elements that can be counted")
    }
    return Tensor((0..<count).map { Float(Double(start) + Double($0) * Double(step)) })
  }

  /// `count` numbers evenly spaced from `start` to `end`, both included.
  public static func linspace(_ start: Float, _ end: Float, count: Int) -> Tensor {
    if count < 0 { programmerError("linspace: a count of \(count)") }
    if count == 1 { return Tensor([start]) }
    let step = (Double(end) - Double(start)) / Double(count - 1)
    return Tensor((0..<count).map { $0 == count - 1 ? end : Float(Double(start) + Double($0) * step) })
  }

  /// The identity matrix, or `rows` x `columns` with ones on the main diagonal.
  public static func eye(_ rows: Int, _ columns: Int? = nil) -> Tensor {
    let columns = columns ?? rows
    var result = zeros([rows, columns])
    result.withUnsafeMutableScalars { buffer in
      for i in 0..<Swift.min(rows, columns) { buffer[i * columns + i] = 1 }
    }
    return result
  }
}
