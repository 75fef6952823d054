/// A range of positions along an axis: `2..<5`, `...3`, `..<(-1)`, `(-3)...`. Negative bounds count from the end, so
/// that -1 is the last position.
public protocol AxisRange: TensorIndex {
  /// The bounds as they are written.
  var axisBounds: AxisBounds { get }
}

/// The bounds of an ``AxisRange``, before they are held against the size of an axis: also for ranges that Swift does not
/// write, such as those from 1 to -1.
public struct AxisBounds: Sendable, Hashable, CustomStringConvertible {
  let lower: Int?
  let upper: Int?
  let includesUpper: Bool

  /// Bounds from `lower`, or the first position, to `upper`, or the end.
  public init(lower: Int?, upper: Int?, includesUpper: Bool = false) {
    self.lower = lower
    self.upper = upper
    self.includesUpper = includesUpper
  }

  /// As Swift writes ranges: `2..<5`.
  public var description: String {
    let dots = includesUpper || upper == nil ? "..." : "..<"
    return (lower.map(String.init) ?? "") + dots + (upper.map(String.init) ?? "")
  }

  /// The first position and the one after the last, neither of them checked.
  fileprivate func positions(of size: Int) -> (start: Int, end: Int) {
    let lower = lower ?? 0
    let start = counted(lower, of: size)
    guard let upper else { return (start, size) }
    if includesUpper { return (start, counted(upper, of: size) &+ 1) }
    // `-2..<0` ends where the axis does.
    return (start, lower < 0 && upper == 0 ? size : counted(upper, of: size))
  }
}

/// A position that may count from the end, counted from the start; not checked.
private func counted(_ position: Int, of size: Int) -> Int { position < 0 ? position + size : position }

extension AxisBounds: AxisRange {
  /// Self.
  public var axisBounds: AxisBounds { self }
}

extension Range: AxisRange, TensorIndex where Bound == Int {
  /// From the first position to the one before the last bound.
  public var axisBounds: AxisBounds { AxisBounds(lower: lowerBound, upper: upperBound) }
}

extension ClosedRange: AxisRange, TensorIndex where Bound == Int {
  /// From the first position to the last.
  public var axisBounds: AxisBounds {
    AxisBounds(lower: lowerBound, upper: upperBound, includesUpper: true)
  }
}

extension PartialRangeFrom: AxisRange, TensorIndex where Bound == Int {
  /// From a position to the end.
  public var axisBounds: AxisBounds { AxisBounds(lower: lowerBound, upper: nil) }
}

extension PartialRangeUpTo: AxisRange, TensorIndex where Bound == Int {
  /// From the start to before a position.
  public var axisBounds: AxisBounds { AxisBounds(lower: nil, upper: upperBound) }
}

extension PartialRangeThrough: AxisRange, TensorIndex where Bound == Int {
  /// From the start to a position.
  public var axisBounds: AxisBounds { AxisBounds(lower: nil, upper: upperBound, includesUpper: true) }
}

/// Elements at equal distances along an axis of a shape: what every way of taking a part of a tensor comes down to.
///
/// Made by ``Shape`` alone, which resolves and checks axis and positions. What holds a slice has nothing left to
/// resolve, so no position is counted from the end twice.
package struct AxisSlice: Sendable {
  /// Counted from the first axis.
  package let axis: Int
  /// Position of the first element.
  package let first: Int
  /// Number of elements.
  package let count: Int
  /// Distance from one element to the next; negative backwards.
  package let step: Int

  fileprivate init(axis: Int, first: Int, count: Int, step: Int = 1) {
    self.axis = axis
    self.first = first
    self.count = count
    self.step = step
  }

  /// Every `step`-th of `length` neighbours.
  fileprivate init(axis: Int, first: Int, length: UInt, step: Int) {
    self.init(
      axis: axis, first: first, count: length == 0 ? 0 : Int((length - 1) / step.magnitude + 1), step: step)
  }
}

extension Shape {
  /// The position of an axis that may count from the end (-1 is the last); traps when there is no such axis.
  public func axis(_ axis: Int, of operation: StaticString) -> Int {
    let resolved = counted(axis, of: count)
    if resolved < 0 || resolved >= count {
      programmerError("\(operation): axis \(axis) is outside shape \(self)")
    }
    return resolved
  }

  /// Positions of the given axes, all of them for `nil`, ascending; traps on an axis named twice.
  public func axes(_ axes: [Int]?, of operation: StaticString) -> [Int] {
    guard let axes else { return Array(0..<count) }
    if axes.count == 1 { return [axis(axes[0], of: operation)] }
    let resolved = axes.map { axis($0, of: operation) }.sorted()
    for (a, b) in zip(resolved, resolved.dropFirst()) where a == b {
      programmerError("\(operation): axis \(a) of shape \(self) is named twice in \(axes)")
    }
    return resolved
  }

  /// The position of a new axis among those of the result, of which there is one more; traps when it cannot be there.
  func newAxis(_ axis: Int, of operation: StaticString) -> Int {
    let position = counted(axis, of: count + 1)
    if position < 0 || position > count {
      programmerError(
        "\(operation): axis \(axis) is outside the \(count + 1) axes of the result of shape \(self)")
    }
    return position
  }

  /// Every `step`-th element of a range, backwards from its last one if the step is negative.
  package func slice(axis: Int, _ range: some AxisRange, step: Int, of operation: StaticString) -> AxisSlice {
    let position = self.axis(axis, of: operation)
    let size = self[position]
    let (start, end) = range.axisBounds.positions(of: size)
    if start < 0 || end > size || start > end || step == 0 {
      programmerError(
        "\(operation): \(range.axisBounds) by \(step) does not fit axis \(axis) of shape \(self)")
    }
    return AxisSlice(
      axis: position, first: step > 0 || start == end ? start : end - 1, length: UInt(end - start), step: step
    )
  }

  /// Every `step`-th element from one position to before another, the ends of the axis where they are not given.
  package func stride(
    axis: Int, from start: Int?, to end: Int?, by step: Int, of operation: StaticString
  ) -> AxisSlice {
    let position = self.axis(axis, of: operation)
    let size = self[position]
    let first = start.map { counted($0, of: size) } ?? (step < 0 ? size - 1 : 0)
    let last = end.map { counted($0, of: size) } ?? (step < 0 ? -1 : size)
    let fits =
      step < 0 ? first < size && last >= -1 && first >= last : first >= 0 && last <= size && first <= last
    if step == 0 || !fits {
      let bounds = [start.map { "from \($0)" }, end.map { "to \($0)" }, "by \(step)"].compactMap { $0 }
      programmerError(
        "\(operation): \(bounds.joined(separator: " ")) does not fit axis \(axis) of shape \(self)")
    }
    return AxisSlice(
      axis: position, first: Swift.max(0, first), length: (last - first).magnitude, step: step)
  }

  /// `length` neighbours from a position that may count from the end.
  package func narrow(axis: Int, start: Int, length: Int, of operation: StaticString) -> AxisSlice {
    let position = self.axis(axis, of: operation)
    let size = self[position]
    let first = counted(start, of: size)
    if first < 0 || first > size || length < 0 || length > size - first {
      programmerError("\(operation): \(length) from \(start) do not fit axis \(axis) of shape \(self)")
    }
    return AxisSlice(axis: position, first: first, count: length)
  }

  /// The one element at a position that may count from the end.
  package func entry(axis: Int, _ index: Int, of operation: StaticString) -> AxisSlice {
    let position = self.axis(axis, of: operation)
    let size = self[position]
    let first = counted(index, of: size)
    if first < 0 || first >= size {
      programmerError("\(operation): index \(index) is outside axis \(axis) of shape \(self)")
    }
    return AxisSlice(axis: position, first: first, count: 1)
  }

  /// All elements, the last one first.
  package func reversal(axis: Int, of operation: StaticString) -> AxisSlice {
    let position = self.axis(axis, of: operation)
    return AxisSlice(
      axis: position, first: Swift.max(0, self[position] - 1), count: self[position], step: -1)
  }

  /// Consecutive parts of the given sizes; traps when these do not add up.
  package func parts(sizes: [Int], axis: Int) -> [AxisSlice] {
    let position = self.axis(axis, of: "split")
    var rest = self[position]
    // A size that is too large leaves less than nothing, which no later one makes good.
    for size in sizes where rest >= 0 { rest = size < 0 || size > rest ? -1 : rest - size }
    if rest != 0 {
      programmerError("split: sizes \(sizes) do not add up to axis \(position) of shape \(self)")
    }
    var first = 0
    return sizes.map { size in
      defer { first += size }
      return AxisSlice(axis: position, first: first, count: size)
    }
  }

  /// Equal parts; traps when their number does not divide the axis.
  package func parts(count: Int, axis: Int) -> [AxisSlice] {
    let position = self.axis(axis, of: "split")
    if count <= 0 || self[position] % count != 0 {
      programmerError("split: axis \(position) of shape \(self) does not divide into \(count) parts")
    }
    let size = self[position] / count
    return (0..<count).map { AxisSlice(axis: position, first: $0 * size, count: size) }
  }
}
