/// The sizes of a tensor's axes, outermost first; also used for strides and positions.
///
/// A shape holds at most eight axes, in place: passing one around allocates nothing.
public struct Shape: Sendable {
  /// The largest number of axes.
  public static let maximumCount = 8

  private var storage: (Int, Int, Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0, 0, 0)
  /// Number of axes.
  public private(set) var count = 0

  /// A shape without axes: that of a scalar.
  public init() {}

  /// A shape of the given sizes; traps above eight axes.
  public init(_ sizes: some Sequence<Int>) {
    for size in sizes { append(size) }
  }

  /// The same shape.
  public init(_ shape: Shape) { self = shape }

  /// A matrix.
  init(rows: Int, columns: Int) {
    count = 2
    storage.0 = rows
    storage.1 = columns
  }

  /// A shape of `count` equal sizes; traps on a negative count and above eight axes.
  public init(repeating size: Int, count: Int) {
    if count < 0 { programmerError("shape: a count of \(count)") }
    for _ in 0..<count { append(size) }
  }

  /// Adds an innermost axis.
  public mutating func append(_ size: Int) {
    if count == Shape.maximumCount {
      programmerError("shape: \(Array(self)) and another axis are more than \(Shape.maximumCount) axes")
    }
    self[unchecked: count] = size
    count += 1
  }

  /// Adds an axis before `position`, which may be one behind the last; traps elsewhere.
  public mutating func insert(_ size: Int, at position: Int) {
    if position < 0 || position > count { noAxis(position) }
    append(size)
    var i = count - 1
    while i > position {
      self[i] = self[i - 1]
      i -= 1
    }
    self[position] = size
  }

  /// Removes an axis; traps when there is none at `position`.
  @discardableResult
  public mutating func remove(at position: Int) -> Int {
    let removed = self[position]
    for i in position..<count - 1 { self[i] = self[i + 1] }
    self[count - 1] = 0
    count -= 1
    return removed
  }

  /// The axes before a position; traps when there are fewer.
  public subscript(range: PartialRangeUpTo<Int>) -> Shape {
    if range.upperBound < 0 || range.upperBound > count { noAxis(range.upperBound) }
    return dropLast(count - range.upperBound)
  }

  /// The axes but for the last `number`: none if there are no more; traps on a negative number.
  public func dropLast(_ number: Int = 1) -> Shape {
    if number < 0 { programmerError("shape: the last \(number) axes of \(self)") }
    var result = Shape()
    for i in 0..<Swift.max(0, count - number) { result.append(self[unchecked: i]) }
    return result
  }

  /// Product of the sizes: 1 without axes; traps when it does not fit an `Int`.
  public var elementCount: Int {
    var product = 1
    for i in 0..<count {
      let (next, overflow) = product.multipliedReportingOverflow(by: self[unchecked: i])
      if overflow { return elementCountOfOverflow() }
      product = next
    }
    return product
  }

  /// Strides of a contiguous tensor of this shape: the last axis is 1; traps when one does not fit an `Int`.
  public var contiguousStrides: Shape { contiguousLayout.strides }

  /// Strides and number of elements of a contiguous tensor, in one pass; traps on a negative size and when a stride or
  /// the number does not fit an `Int`.
  var contiguousLayout: (strides: Shape, count: Int) {
    var strides = self
    var (stride, signs, overflows, isEmpty) = (1, 0, false, false)
    for i in (0..<count).reversed() {
      let size = self[unchecked: i]
      signs |= size
      if size == 0 { isEmpty = true }
      strides[unchecked: i] = stride
      let (next, overflow) = stride.multipliedReportingOverflow(by: Swift.max(size, 1))
      // The outermost size is not in any stride, and the elements of an empty tensor are counted easily.
      if overflow && i > 0 { tooLarge() }
      overflows = overflow
      stride = next
    }
    if signs < 0 { negative() }
    if overflows && !isEmpty { tooLarge() }
    return (strides, isEmpty ? 0 : stride)
  }

  /// The size of an axis that is known to be there: for loops over all axes.
  @inline(__always)
  subscript(unchecked position: Int) -> Int {
    get { withUnsafeBytes(of: storage) { $0.load(fromByteOffset: position * 8, as: Int.self) } }
    set {
      withUnsafeMutableBytes(of: &storage) {
        $0.storeBytes(of: newValue, toByteOffset: position * 8, as: Int.self)
      }
    }
  }

  /// An axis of no size makes up for all others.
  @inline(never) private func elementCountOfOverflow() -> Int {
    if contains(0) { return 0 }
    tooLarge()
  }

  /// Out of line, as building a sentence would slow down what checks for it.
  @inline(never) private func tooLarge() -> Never {
    programmerError("shape: \(self) holds more elements than can be counted")
  }

  @inline(never) private func negative() -> Never {
    programmerError("tensor: shape \(self) has a negative size")
  }

  @inline(never) private func noAxis(_ position: Int) -> Never {
    programmerError("shape: axis \(position) is outside \(self), whose axes count from 0")
  }

  /// Where the element with the running number `index` lies when the axes are walked with `strides`.
  func offset(of index: Int, strides: Shape) -> Int {
    var rest = index
    var offset = 0
    for axis in (0..<count).reversed() {
      let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: self[axis])
      offset += remainder * strides[axis]
      rest = quotient
    }
    return offset
  }

  /// The shape that both broadcast to by NumPy's rule (sizes equal or 1, counted from the last axis), or nil.
  public func broadcast(with other: Shape) -> Shape? {
    if self == other { return self }
    var result = count >= other.count ? self : other
    let shorter = count >= other.count ? other : self
    let lead = result.count - shorter.count
    for i in 0..<shorter.count {
      let a = result[lead + i]
      let b = shorter[i]
      if a == b || b == 1 { continue }
      if a != 1 { return nil }
      result[lead + i] = b
    }
    return result
  }
}

extension Shape: RandomAccessCollection, MutableCollection {
  /// Position of the outermost axis.
  public var startIndex: Int { 0 }
  /// Position after the innermost axis.
  public var endIndex: Int { count }

  /// The size of an axis, counted from the first; traps when there is none.
  public subscript(position: Int) -> Int {
    get {
      if position < 0 || position >= count { noAxis(position) }
      return self[unchecked: position]
    }
    set {
      if position < 0 || position >= count { noAxis(position) }
      self[unchecked: position] = newValue
    }
  }
}

extension Shape: Hashable {
  /// Whether the number of axes and all sizes agree.
  public static func == (a: Shape, b: Shape) -> Bool {
    if a.count != b.count { return false }
    for i in 0..<a.count where a[unchecked: i] != b[unchecked: i] { return false }
    return true
  }

  /// Feeds the sizes to a hasher.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(count)
    for size in self { hasher.combine(size) }
  }
}

extension Shape: ExpressibleByArrayLiteral {
  /// A shape from its sizes: `[2, 3]`.
  public init(arrayLiteral sizes: Int...) { self.init(sizes) }
}

extension Shape: CustomStringConvertible {
  /// The sizes in brackets: `[2, 3]`.
  public var description: String { "[" + map(String.init).joined(separator: ", ") + "]" }
}
