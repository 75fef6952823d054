/// Sum of products over named axes, as NumPy's `einsum`: `einsum("bqd,bkd->bqk", queries, keys)`.
///
/// Each letter is an axis; axes whose letter is missing on the right are summed, and a letter repeated in one operand
/// takes its diagonal. An axis of size 1 is repeated where another operand has more under the same letter. `...` stands
/// for all axes that have no letter: they broadcast from the last one on, as operands of `+` do, and are summed too where
/// the right side leaves them out. Without `->` the result has these axes, then the letters that occur once, in
/// alphabetical order. Operands are multiplied from left to right.
public func einsum(_ equation: String, _ operands: Variable...) -> Variable { einsum(equation, operands) }

/// Sum of products over named axes; see ``einsum(_:_:)-(_,Variable...)``.
public func einsum(_ equation: String, _ operands: [Variable]) -> Variable {
  EinsumTerm.evaluate(equation, operands)
}
