extension Variable: EinsumOperand {}

/// Sum of products over named axes, as NumPy's `einsum`: `einsum("bqd,bkd->bqk", queries, keys)`.
///
/// Each letter is an axis; axes whose letter is missing on the right are summed, and a letter repeated in one operand
/// takes its diagonal. Without `->` the result has the letters that occur once, in alphabetical order. Operands are
/// multiplied from left to right.
public func einsum(_ equation: String, _ operands: Variable...) -> Variable { einsum(equation, operands) }

/// Sum of products over named axes; see ``einsum(_:_:)-(_,Variable...)``.
public func einsum(_ equation: String, _ operands: [Variable]) -> Variable {
  EinsumTerm.evaluate(equation, operands)
}

// MARK: - Samples

extension Variable {
  package static var einsumSamples: [OperationSamples] {
    let cases: [(String, [Shape])] = [
      ("ij,jk->ik", [[2, 3], [3, 4]]), ("bqd,bkd->bqk", [[2, 3, 5], [2, 4, 5]]), ("ij->ji", [[2, 17]]),
      ("ii->i", [[4, 4]]), ("ii", [[3, 3]]), ("i,j->ij", [[3], [15]]), ("ij,ij->i", [[2, 3], [2, 3]]),
      ("ij,jk,kl->il", [[2, 3], [3, 4], [4, 2]]), ("ij,k->k", [[2, 3], [4]]), ("i,i,i->", [[5], [5], [5]]),
      ("bthd,hde->bte", [[2, 3, 2, 4], [2, 4, 3]]), ("i,ij->j", [[0], [0, 3]]),
    ]
    return [
      OperationSamples(
        "einsum",
        cases.map { equation, shapes in
          OperationSample(shapes.map { .init($0) }, equation) {
            einsum(equation, $0)
          } reference: {
            ReferenceArray.einsum(equation, $0)
          }
        })
    ]
  }
}
