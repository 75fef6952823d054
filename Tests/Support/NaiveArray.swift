import Tensor

/// An array in double precision, computed one element at a time: what tensor operations are compared with.
public struct NaiveArray: Sendable {
  /// Sizes of the axes.
  public let shape: [Int]
  /// Elements in row-major order.
  public let values: [Double]

  /// An array of the given elements in row-major order.
  public init(_ values: [Double], shape: [Int]) {
    precondition(values.count == shape.reduce(1, *))
    self.shape = shape
    self.values = values
  }

  /// The array whose element at each position is what `element` gives.
  public init(shape: [Int], _ element: ([Int]) -> Double) {
    self.init(NaiveArray.positions(shape).map(element), shape: shape)
  }

  /// A tensor's elements, each found through the strides.
  public init(_ tensor: Tensor) {
    let strides = tensor.strides
    self.init(
      NaiveArray.positions(Array(tensor.shape)).map { position in
        var offset = 0
        for (axis, index) in position.enumerated() { offset += index * strides[axis] }
        return tensor.withUnsafeStrided { Double($0[offset]) }
      }, shape: Array(tensor.shape))
  }

  /// The element at a position.
  public subscript(position: [Int]) -> Double {
    var index = 0
    for (axis, size) in shape.enumerated() { index = index * size + position[axis] }
    return values[index]
  }

  /// The element that broadcasts to a position of an array of at least as many axes.
  public func broadcast(at position: [Int]) -> Double {
    self[zip(shape, position.suffix(shape.count)).map { $0 == 1 ? 0 : $1 }]
  }

  /// Every position of an array in row-major order.
  public static func positions(_ shape: [Int]) -> [[Int]] {
    shape.reduce([[]]) { prefixes, size in prefixes.flatMap { prefix in (0..<size).map { prefix + [$0] } } }
  }

  /// The elements that agree outside `axes`, group by group, each group and all groups in row-major order.
  public func groups(along axes: [Int]) -> (groups: [[Double]], shape: [Int]) {
    let kept = shape.indices.filter { !axes.contains($0) }
    let keptShape = kept.map { shape[$0] }
    var groups: [[Double]] = Array(repeating: [], count: keptShape.reduce(1, *))
    for (value, position) in zip(values, NaiveArray.positions(shape)) {
      groups[kept.reduce(0) { $0 * shape[$1] + position[$1] }].append(value)
    }
    return (groups, keptShape)
  }

  /// The elements that agree outside `axes`, folded into one by `fold`; the axes are dropped.
  public func reduce(_ axes: [Int], _ fold: ([Double]) -> Double) -> NaiveArray {
    let (groups, shape) = groups(along: axes)
    return NaiveArray(groups.map(fold), shape: shape)
  }

  /// What is different about a tensor, in a sentence; nil where shapes agree and every element differs by at most
  /// `absolute + relative * |expected|`. NaN equals NaN.
  public func difference(
    from tensor: Tensor, absolute: Double = 1e-6, relative: Double = 1e-6
  ) -> String? {
    let found = NaiveArray(tensor)
    if found.shape != shape { return "shape \(found.shape), expected \(shape)" }
    for (i, (a, b)) in zip(found.values, values).enumerated() {
      let isClose =
        a == b || a.isNaN && b.isNaN
        || (a.isFinite && b.isFinite && (a - b).magnitude <= absolute + relative * b.magnitude)
      if !isClose { return "element \(i) of shape \(shape) is \(a), expected \(b)" }
    }
    return nil
  }
}
