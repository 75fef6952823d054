/// Matrix product with broadcasting of the leading axes, as NumPy's `matmul`; vectors become a row on the left, a column
/// on the right.
public func matmul(_ a: Variable, _ b: Variable) -> Variable { a.matmul(b) }

extension Variable {
  /// Matrix product with broadcasting of the leading axes; see ``matmul(_:_:)``.
  public func matmul(_ other: Variable) -> Variable {
    if rank == 1 || other.rank == 1 { return matmulOfVector(other) }
    let saved = Variable.savedFactors(self, other)
    return record("matmul", [self, other], value: value.matmul(other.value), saving: saved) {
      var result: [Variable?] = [nil, nil]
      if $0.needs(0) { result[0] = $0.gradient.matmul($0.input(1).transpose()) }
      if $0.needs(1) {
        let a = $0.input(0)
        // One matrix on the right served all rows on the left: one product over all rows, not a sum of many.
        let isShared = $0.shape(ofInput: 1).count == 2 && a.rank > 2
        let rows = isShared ? a.flatten(to: -2) : a
        result[1] = rows.transpose().matmul(isShared ? $0.gradient.flatten(to: -2) : $0.gradient)
      }
      return result
    }
  }

  private func matmulOfVector(_ other: Variable) -> Variable {
    if rank == 0 || other.rank == 0 {
      programmerError("matmul: shapes \(shape) and \(other.shape) need at least one axis each")
    }
    if shape[rank - 1] != other.shape[Swift.max(other.rank - 2, 0)] {
      programmerError("matmul: inner sizes differ: \(shape) and \(other.shape)")
    }
    var product = (rank == 1 ? unsqueeze(0) : self).matmul(other.rank == 1 ? other.unsqueeze(1) : other)
    if other.rank == 1 { product = product.squeeze(-1) }
    return rank == 1 ? product.squeeze(other.rank == 1 ? -1 : -2) : product
  }
}
