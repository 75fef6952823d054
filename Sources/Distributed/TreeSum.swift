import Optim

/// Adds values in the order of a binary tree, ((0 + 1) + (2 + 3)) + ..., in whatever order they come, so that the sum of a
/// subtree that another rank made is the same to the last bit.
///
/// A leaf may be missing: then its neighbour is their sum. Where leaves come one after another, no more values are kept than
/// the tree has levels.
public struct TreeSum<Value> {
  /// Subtrees whose sums are known, by their first leaf.
  private var sums: [Int: (width: Int, sum: Value?)] = [:]
  /// Leaves of the whole tree, a power of two, and those that there are.
  private let (width, count): (Int, Int)
  private let add: (inout Value, Value) -> Void

  /// A tree of `count` leaves, at least one; to its next power of two they are missing.
  ///
  /// - Parameter add: Adds the second to the first.
  public init(of count: Int, _ add: @escaping (inout Value, Value) -> Void) {
    if count < 1 { programmerError("TreeSum: \(count) leaves") }
    var width = 1
    while width < count { width *= 2 }
    (self.width, self.count, self.add) = (width, count, add)
  }

  /// Sets a leaf; each is set once.
  public mutating func set(_ index: Int, to leaf: consuming Value?) {
    if !(0..<count).contains(index) { programmerError("TreeSum: leaf \(index) of \(count)") }
    var (place, size, sum) = (index, 1, leaf)
    while size < width {
      let sibling = place ^ size
      // Behind the last leaf there is nothing to wait for.
      if sibling < count {
        guard let other = sums[sibling], other.width == size else { break }
        sums[sibling] = nil
        sum = sibling < place ? joined(other.sum, sum) : joined(sum, other.sum)
      }
      place = min(place, sibling)
      size *= 2
    }
    if sums.updateValue((size, sum), forKey: place) != nil {
      programmerError("TreeSum: leaf \(index) was set twice")
    }
  }

  /// The sum of all; nil if all are missing. Traps unless every leaf was set.
  public mutating func finish() -> Value? {
    guard let root = sums[0], root.width == width else { programmerError("TreeSum: leaves were not set") }
    sums = [:]
    return root.sum
  }

  private func joined(_ left: consuming Value?, _ right: consuming Value?) -> Value? {
    guard var sum = left else { return right }
    if let right { add(&sum, right) }
    return sum
  }
}

extension TreeSum where Value == Tensor {
  /// A tree of tensors of equal shapes.
  public init(of count: Int) { self.init(of: count) { $0 += $1 } }
}
