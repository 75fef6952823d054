import Tensor

/// Ways in which the elements of a tensor can lie in memory.
public enum Layout: String, CaseIterable, Sendable {
  /// Row-major, without gaps.
  case contiguous
  /// The axes in the opposite order.
  case transposed
  /// Every second or third element of a larger tensor, walked backwards on odd axes.
  case stepped
  /// Every axis reversed.
  case flipped
  /// A window of a larger tensor.
  case narrowed
  /// Odd axes repeat one element (stride 0).
  case broadcast

  /// A tensor of random elements in this layout.
  public func tensor(_ shape: Shape, seed: UInt64 = 1, in range: Range<Float> = -2..<2) -> Tensor {
    var random = Random(seed: seed)
    switch self {
    case .contiguous:
      return random.uniform(shape, in: range)
    case .transposed:
      return random.uniform(Shape(shape.reversed()), in: range).permute((0..<shape.count).reversed())
    case .stepped:
      // The larger tensor of many axes would be huge with long steps.
      let steps = shape.indices.map { shape.count > 4 ? 2 : $0 + 2 }
      let larger = Shape(zip(shape, steps).map { $0 * $1 + 1 })
      return shape.indices.reduce(random.uniform(larger, in: range)) { tensor, axis in
        let step = axis % 2 == 0 ? steps[axis] : -steps[axis]
        return tensor.slice(1..<1 + shape[axis] * steps[axis], axis: axis, step: step)
      }
    case .flipped:
      return shape.indices.reduce(random.uniform(shape, in: range)) { $0.flip(axis: $1) }
    case .narrowed:
      return shape.indices.reduce(random.uniform(Shape(shape.map { $0 + 3 }), in: range)) {
        $0.narrow(start: 2, length: shape[$1], axis: $1)
      }
    case .broadcast:
      let smaller = Shape(shape.enumerated().map { $0 % 2 == 1 && $1 > 0 ? 1 : $1 })
      return random.uniform(smaller, in: range).expand(to: shape)
    }
  }
}

/// Shapes that are easy to get wrong: no axes, no elements, one element, around SIMD widths, eight axes.
public let sampleShapes: [Shape] = [
  [], [0], [1], [15], [16], [17], [1, 1], [3, 0, 2], [5, 17], [16, 15], [33, 1, 7], [4, 3, 2, 5],
  [2, 1, 3, 2, 1, 2, 3, 2],
]
