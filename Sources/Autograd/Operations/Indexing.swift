/// Reading and adding at positions given by integers. A negative or too large integer stops the program.
extension Variable {
  /// Slices along an axis, in the order of `indices`, whose axes take the place of `axis`.
  public func take(_ indices: IndexTensor, axis: Int = 0) -> Variable {
    let axis = shape.axis(axis, of: "take")
    return record(
      "take", [self], value: value.take(indices, axis: axis),
      fused: {
        // In place: the zeros can be a table of many words.
        var sum = Tensor.zeros($0.shape(ofInput: 0))
        sum.addScattered($0.gradient.value, at: indices, axis: axis)
        return [sum]
      },
      derivative: {
        [Variable(.zeros($0.shape(ofInput: 0))).scatterAdd($0.gradient, at: indices, axis: axis)]
      })
  }

  /// Self with `updates` added to the slices that ``take(_:axis:)`` would read; repeated positions add up.
  public func scatterAdd(_ updates: Variable, at indices: IndexTensor, axis: Int = 0) -> Variable {
    let axis = shape.axis(axis, of: "scatterAdd")
    let result = value.scatterAdd(updates.value, at: indices, axis: axis)
    return record("scatterAdd", [self, updates], value: result) {
      [$0.gradient, $0.needs(1) ? $0.gradient.take(indices, axis: axis) : nil]
    }
  }

  /// Elements picked along an axis, one position for each element of the result, which has the shape of `indices`
  /// (PyTorch's `gather`); outside the axis the shapes agree.
  public func takeAlong(_ indices: IndexTensor, axis: Int) -> Variable {
    let axis = shape.axis(axis, of: "takeAlong")
    return picked("takeAlong", value.takeAlong(indices, axis: axis), axis, indices)
  }

  /// Self with `updates` added to the elements that ``takeAlong(_:axis:)`` would read; repeated positions add up
  /// (PyTorch's `scatter_add`).
  public func scatterAddAlong(_ updates: Variable, at indices: IndexTensor, axis: Int) -> Variable {
    let axis = shape.axis(axis, of: "scatterAddAlong")
    let result = value.scatterAddAlong(updates.value, at: indices, axis: axis)
    return record("scatterAddAlong", [self, updates], value: result) {
      [$0.gradient, $0.needs(1) ? $0.gradient.takeAlong(indices, axis: axis) : nil]
    }
  }

  /// Elements in order along an axis, and the positions they came from.
  public func sort(axis: Int = -1, descending: Bool = false) -> (values: Variable, indices: IndexTensor) {
    let axis = shape.axis(axis, of: "sort")
    let (values, indices) = value.sort(axis: axis, descending: descending)
    return (picked("sort", values, axis, indices), indices)
  }

  /// The `k` largest elements along an axis, largest first, and their positions.
  public func topK(_ k: Int, axis: Int = -1) -> (values: Variable, indices: IndexTensor) {
    let axis = shape.axis(axis, of: "topK")
    let (values, indices) = value.topK(k, axis: axis)
    return (picked("topK", values, axis, indices), indices)
  }

  /// Elements that were picked by position: their gradients go back to where they came from.
  func picked(_ name: StaticString, _ values: Tensor, _ axis: Int, _ indices: IndexTensor) -> Variable {
    record(
      name, [self], value: values,
      fused: {
        var sum = Tensor.zeros($0.shape(ofInput: 0))
        sum.addScatteredAlong($0.gradient.value, at: indices, axis: axis)
        return [sum]
      },
      derivative: {
        let zeros = Variable(.zeros($0.shape(ofInput: 0)))
        return [zeros.scatterAddAlong($0.gradient, at: indices, axis: axis)]
      })
  }
}
