/// Parts of a variable by indices in brackets; see ``TensorIndex`` for what may stand there.
///
/// Assigning a part replaces the variable by another with the value, which broadcasts, in that place: nothing is
/// overwritten, so the tape stays valid.
extension Variable {
  /// A part: `x[0, 1..<3]`, `x[.ellipsis, -1]`, `x[x .> 0]`, `x[labels]`.
  public subscript(indices: any TensorIndex...) -> Variable {
    get { part(shape.part(indices)) }
    set { self = assigning(newValue, to: shape.part(indices)) }
  }

  /// One entry of the first axis; -1 is the last.
  public subscript(index: Int) -> Variable {
    get { select(index, axis: 0) }
    set { self = assigning(newValue, to: shape.part([index])) }
  }

  /// A range of the first axis, such as `2..<5`, `..<3` or, counted from the end, `(-3)...`.
  public subscript(range: some AxisRange) -> Variable {
    get { slice(range, axis: 0) }
    set { self = assigning(newValue, to: shape.part([range])) }
  }

  /// Self with `updates`, which broadcast to them, in place of the elements that `self[indices[0], indices[1], ...]` picks
  /// along the first axes, or with `accumulate` added to them (PyTorch's `index_put`). Of several updates of one element
  /// the last one stays, and gets the gradient.
  public func indexPut(_ updates: Variable, at indices: [IndexTensor], accumulate: Bool = false) -> Variable {
    let part = shape.part(indices)
    if !accumulate { return assigning(updates, to: part) }
    return record(
      "indexPut", [self, updates], value: value.indexPut(updates.value, at: indices, accumulate: true)
    ) {
      [$0.gradient, $0.needs(1) ? $0.gradient.part(part) : nil]
    }
  }

  private func part(_ part: IndexedPart) -> Variable {
    record("subscript", [self], value: value.part(part)) { [$0.gradient.placed(part)] }
  }

  /// Zeros of the whole with self added to the part.
  package func placed(_ part: IndexedPart) -> Variable {
    record("placed", [self], value: value.placed(in: part)) { [$0.gradient.part(part)] }
  }

  private func assigning(_ updates: Variable, to part: IndexedPart) -> Variable {
    var result = value
    result.assign(updates.value, to: part)
    return record("assign", [self, updates], value: result) {
      var gradients: [Variable?] = [nil, nil]
      if $0.needs(0) { gradients[0] = $0.gradient.assigning(Variable(0), to: part) }
      if $0.needs(1) {
        let updates = $0.gradient.part(part)
        gradients[1] = part.survivors.map { updates * Variable($0) } ?? updates
      }
      return gradients
    }
  }
}
