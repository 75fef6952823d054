/// Running results along an axis.
extension Variable {
  /// Sums of the elements up to and including each one along an axis; `reverse` sums from each one to the end.
  public func cumulativeSum(axis: Int, reverse: Bool = false) -> Variable {
    let axis = shape.axis(axis, of: "cumulativeSum")
    return record("cumulativeSum", [self], value: value.cumulativeSum(axis: axis, reverse: reverse)) {
      [$0.gradient.cumulativeSum(axis: axis, reverse: !reverse)]
    }
  }

  /// Products of the elements up to and including each one along an axis. The gradient is exact where an element is 0.
  public func cumulativeProduct(axis: Int) -> Variable {
    let axis = shape.axis(axis, of: "cumulativeProduct")
    return record(
      "cumulativeProduct", [self], value: value.cumulativeProduct(axis: axis), saving: .inputs,
      fused: { [$0.input(0).value.cumulativeProductDerivative($0.gradient.value, axis: axis)] },
      derivative: { [$0.input(0).composedCumulativeProductDerivative($0.gradient, axis: axis)] })
  }

  /// The largest of the elements up to and including each one along an axis, and its position: the last one of equal
  /// elements, which gets the gradient. From a NaN on it is NaN.
  public func cumulativeMax(axis: Int) -> (values: Variable, indices: IndexTensor) {
    let axis = shape.axis(axis, of: "cumulativeMax")
    let (values, indices) = value.cumulativeMax(axis: axis)
    return (picked("cumulativeMax", values, axis, indices), indices)
  }

  /// The smallest of the elements up to and including each one along an axis, and its position: the last one of equal
  /// elements, which gets the gradient. From a NaN on it is NaN.
  public func cumulativeMin(axis: Int) -> (values: Variable, indices: IndexTensor) {
    let axis = shape.axis(axis, of: "cumulativeMin")
    let (values, indices) = value.cumulativeMin(axis: axis)
    return (picked("cumulativeMin", values, axis, indices), indices)
  }

  /// In operations that have derivatives: element i is left out of every product from k ≥ i on, n² factors for n elements.
  private func composedCumulativeProductDerivative(_ gradient: Variable, axis: Int) -> Variable {
    let size = shape[axis]
    let others = `where`(Tensor.eye(size), Variable(1), transpose(axis, -1).unsqueeze(-2))
    let products = others.cumulativeProduct(axis: -1).triu() * gradient.transpose(axis, -1).unsqueeze(-2)
    return products.sum(axis: -1).transpose(axis, -1)
  }
}
