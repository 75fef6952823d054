extension Variable {
  /// The same elements in another shape; one size may be -1.
  public func reshape(_ shape: Shape) -> Variable { reshaped(value.reshape(shape)) }

  /// The same elements in another shape, never copied; traps where the strides do not allow it.
  public func view(_ shape: Shape) -> Variable { reshaped(value.view(shape)) }

  /// Removes an axis of size 1, or all of them.
  public func squeeze(_ axis: Int? = nil) -> Variable { reshaped(value.squeeze(axis)) }

  /// Adds an axis of size 1 at `axis` of the result (-1: last).
  public func unsqueeze(_ axis: Int) -> Variable { reshaped(value.unsqueeze(axis)) }

  /// The axes from `start` to `end` (both included) as one.
  public func flatten(from start: Int = 0, to end: Int = -1) -> Variable {
    reshaped(value.flatten(from: start, to: end))
  }

  private func reshaped(_ value: Tensor) -> Variable {
    record("reshape", [self], value: value) { [$0.gradient.reshape($0.shape(ofInput: 0))] }
  }

  /// Axes in another order: axis `i` of the result is axis `axes[i]` of self.
  public func permute(_ axes: [Int]) -> Variable {
    let order = axes.map { shape.axis($0, of: "permute") }
    return record("permute", [self], value: value.permute(order)) {
      var inverse = order
      for (position, axis) in order.enumerated() { inverse[axis] = position }
      return [$0.gradient.permute(inverse)]
    }
  }

  /// Two axes exchanged: the last two unless said otherwise.
  public func transpose(_ a: Int = -2, _ b: Int = -1) -> Variable {
    record("transpose", [self], value: value.transpose(a, b)) { [$0.gradient.transpose(a, b)] }
  }

  /// Axes of size 1 repeated, and new leading axes added, up to `shape`.
  public func expand(to shape: Shape) -> Variable {
    // The sweep sums the gradient over the stretched axes.
    record("expand", [self], value: value.expand(to: shape)) { [$0.gradient] }
  }

  /// The variable repeated along each axis; more counts than axes add leading axes.
  public func tile(_ counts: [Int]) -> Variable {
    if counts.contains(where: { $0 < 0 }) { programmerError("tile: counts \(counts) for shape \(shape)") }
    let lead = Swift.max(0, counts.count - rank)
    var result = lead == 0 ? self : reshape(Shape(repeating: 1, count: lead) + shape)
    let firstAxis = result.rank - counts.count
    for (position, count) in counts.enumerated() where count != 1 {
      let axis = firstAxis + position
      var repeated = result.shape
      repeated.insert(count, at: axis)
      // Traps where the product below would not fit.
      _ = repeated.elementCount
      var merged = result.shape
      merged[axis] *= count
      result = result.unsqueeze(axis).expand(to: repeated).reshape(merged)
    }
    return result
  }
}
