/// Elements by their rank. NaN where any element is NaN; there is none of no elements.
extension Tensor {
  /// Middle element, the smaller one of two (as PyTorch's); traps when there is none to choose.
  public func median(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    let lines = RankedLines(self, axes, keepDimensions, of: "median")
    return lines.elements(of: self, rank: (lines.size - 1) / 2)
  }

  /// The number below which a share of the elements lies, between the two neighbours in order (NumPy's and PyTorch's
  /// `linear`): 0 for the smallest, 1 for the largest, 0.5 for the middle.
  ///
  /// - Parameters:
  ///   - probability: The share, from 0 to 1; traps elsewhere.
  ///   - axes: What is reduced, all for nil; traps when there is no element.
  public func quantile(_ probability: Float, axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    Tensor.quantile(self, of: self, probability, axes, keepDimensions)
  }

  /// The quantile of numbers, computed from the elements of `x`, which has them.
  package static func quantile<X: TensorOperations>(
    _ x: X, of numbers: Tensor, _ probability: Float, _ axes: [Int]?, _ keepDimensions: Bool
  ) -> X {
    if !(0...1).contains(probability) { programmerError("quantile: \(probability) is not between 0 and 1") }
    let lines = RankedLines(numbers, axes, keepDimensions, of: "quantile")
    let position = probability * Float(lines.size - 1)
    let weight = position - position.rounded(.down)
    let below = lines.elements(of: x, rank: Int(position))
    if weight == 0 { return below }
    let above = lines.elements(of: x, rank: Int(position) + 1)
    // From the nearer one, as PyTorch does.
    return weight < 0.5
      ? below + (above - below) * weight : above - (above - below) * (1 - weight)
  }
}

/// What a reduction over some axes folds into one, as lines of a last axis, and where elements of a given rank are in it.
private struct RankedLines {
  private let order: [Int]
  private let lines: Shape
  private let target: Shape
  private let values: Tensor
  private let indices: IndexTensor
  /// Elements of a line.
  var size: Int { lines[lines.count - 1] }

  init(_ numbers: Tensor, _ axes: [Int]?, _ keepDimensions: Bool, of operation: StaticString) {
    let shape = numbers.shape
    let reduced = shape.axes(axes, of: operation)
    numbers.requireElements(along: reduced, of: operation)
    let kept = (0..<shape.count).filter { !reduced.contains($0) }
    order = kept + reduced
    lines = Shape(kept.map { shape[$0] }) + [reduced.reduce(1) { $0 * shape[$1] }]
    target = numbers.reducedShape(axes, keepDimensions, of: operation)
    (values, indices) = numbers.permute(order).reshape(lines).sort()
  }

  /// The elements of `x` in the places of the numbers of a rank; of NaN in lines that have one.
  func elements<X: TensorOperations>(of x: X, rank: Int) -> X {
    let positions = values.withUnsafeScalars { values in
      stride(from: 0, to: values.count, by: size).map { line in
        // NaN comes last.
        indices.values[line + (values[line + size - 1].isNaN ? size - 1 : rank)]
      }
    }
    let places = IndexTensor(positions, shape: lines.dropLast() + [1])
    return x.permute(order).reshape(lines).takeAlong(places, axis: -1).reshape(target)
  }
}
