extension Variable {
  /// Sum over the given axes, all for `nil`.
  public func sum(axes: [Int]? = nil, keepDimensions: Bool = false) -> Variable {
    let shape = shape
    let kept = value.reducedShape(axes, true, of: "sum")
    return record("sum", [self], value: value.sum(axes: axes, keepDimensions: keepDimensions)) {
      [$0.gradient.reshape(kept).expand(to: shape)]
    }
  }
}
