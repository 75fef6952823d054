/// Sum of products over named axes, as NumPy's `einsum`: `einsum("bqd,bkd->bqk", queries, keys)`.
///
/// Each letter is an axis; axes whose letter is missing on the right are summed, and a letter repeated in one operand
/// takes its diagonal. Without `->` the result has the letters that occur once, in alphabetical order. Operands are
/// multiplied from left to right.
public func einsum(_ equation: String, _ operands: Tensor...) -> Tensor { einsum(equation, operands) }

/// Sum of products over named axes; see ``einsum(_:_:)-(_,Tensor...)``.
public func einsum(_ equation: String, _ operands: [Tensor]) -> Tensor {
  EinsumTerm.evaluate(equation, operands)
}

/// What an Einstein sum is made of: everything that computes it also differentiates it.
package protocol EinsumOperand {
  var shape: Shape { get }
  func permute(_ axes: [Int]) -> Self
  func reshape(_ shape: Shape) -> Self
  func slice(axis: Int, _ range: Range<Int>, step: Int) -> Self
  func sum(axes: [Int]?, keepDimensions: Bool) -> Self
  func matmul(_ other: Self) -> Self
  static func * (a: Self, b: Self) -> Self
}

extension Tensor: EinsumOperand {}

/// An operand with a letter for each of its axes.
package struct EinsumTerm<Operand: EinsumOperand> {
  private var letters: [Character]
  private var value: Operand

  /// The sum of products that `equation` describes.
  package static func evaluate(_ equation: String, _ operands: [Operand]) -> Operand {
    let (inputs, output) = parse(equation, operands)
    var terms = zip(inputs, operands).map { EinsumTerm(letters: $0, value: $1).diagonalized() }
    for i in terms.indices {
      let others = terms.indices.lazy.filter { $0 != i }.flatMap { terms[$0].letters }
      terms[i].sum(letters: terms[i].letters.filter { !output.contains($0) && !others.contains($0) })
    }
    var result = terms[0]
    for i in terms.indices.dropFirst() {
      let needed = output + terms[(i + 1)...].flatMap(\.letters)
      result = result.multiplied(by: terms[i], keeping: needed)
    }
    return result.permuted(to: output)
  }

  private static func parse(_ equation: String, _ operands: [Operand]) -> ([[Character]], [Character]) {
    func fail(_ reason: String) -> Never {
      let shapes = operands.map { $0.shape.description }.joined(separator: ", ")
      programmerError("einsum: \"\(equation)\" with shapes \(shapes): \(reason)")
    }
    let sides = equation.filter { $0 != " " }.split(separator: "->", omittingEmptySubsequences: false)
    if sides.count > 2 { fail("more than one arrow") }
    let inputs = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(Array.init)
    if inputs.count != operands.count { fail("\(inputs.count) terms for \(operands.count) operands") }
    var sizes: [Character: Int] = [:]
    for (letters, operand) in zip(inputs, operands) {
      if letters.count != operand.shape.count {
        fail("term \(String(letters)) names \(letters.count) axes of shape \(operand.shape)")
      }
      for (letter, size) in zip(letters, operand.shape) {
        if !letter.isLetter { fail("\(letter) is not a letter") }
        if sizes.updateValue(size, forKey: letter) ?? size != size {
          fail("axis \(letter) has several sizes")
        }
      }
    }
    guard sides.count == 2 else {
      let counts = Dictionary(inputs.joined().map { ($0, 1) }, uniquingKeysWith: +)
      return (inputs, counts.filter { $0.value == 1 }.keys.sorted())
    }
    let output = Array(sides[1])
    for letter in output where sizes[letter] == nil { fail("axis \(letter) of the result is in no operand") }
    if Set(output).count != output.count { fail("the result names an axis twice") }
    return (inputs, output)
  }

  /// Repeated letters replaced by the diagonal of their axes.
  private func diagonalized() -> EinsumTerm {
    guard let first = letters.indices.first(where: { letters[($0 + 1)...].contains(letters[$0]) }),
      let second = letters[(first + 1)...].firstIndex(of: letters[first])
    else { return self }
    let rest = letters.indices.filter { $0 != first && $0 != second }
    let size = value.shape[first]
    let outer = Shape(rest.map { value.shape[$0] })
    // Elements (i, i) of a square lie size + 1 apart.
    let square = value.permute(rest + [first, second]).reshape(outer + [size * size])
    let diagonal = square.slice(axis: rest.count, 0..<size * size, step: size + 1)
    return EinsumTerm(letters: rest.map { letters[$0] } + [letters[first]], value: diagonal).diagonalized()
  }

  private mutating func sum(letters summed: [Character]) {
    if summed.isEmpty { return }
    value = value.sum(
      axes: letters.indices.filter { summed.contains(letters[$0]) }, keepDimensions: false)
    letters.removeAll { summed.contains($0) }
  }

  private func permuted(to order: [Character]) -> Operand {
    if order == letters { return value }
    return value.permute(order.compactMap { letters.firstIndex(of: $0) })
  }

  private func size(_ letter: Character) -> Int? {
    letters.firstIndex(of: letter).map { value.shape[$0] }
  }

  /// The product with another term, summed over the letters that both have and nobody needs.
  private func multiplied(by other: EinsumTerm, keeping needed: [Character]) -> EinsumTerm {
    let shared = letters.filter { other.letters.contains($0) }
    let batch = shared.filter { needed.contains($0) }
    let summed = shared.filter { !needed.contains($0) }
    let own = letters.filter { !shared.contains($0) }
    let others = other.letters.filter { !shared.contains($0) }
    func sizes(_ letters: [Character]) -> Shape { Shape(letters.compactMap { size($0) ?? other.size($0) }) }
    func product(_ letters: [Character]) -> Int { sizes(letters).elementCount }

    let left = permuted(to: batch + own + summed)
    let value: Operand
    if summed.isEmpty {
      let right = other.permuted(to: batch + others)
      value =
        left.reshape(sizes(batch) + [product(own), 1]) * right.reshape(sizes(batch) + [1, product(others)])
    } else {
      let right = other.permuted(to: batch + summed + others)
      value = left.reshape(sizes(batch) + [product(own), product(summed)]).matmul(
        right.reshape(sizes(batch) + [product(summed), product(others)]))
    }
    return EinsumTerm(letters: batch + own + others, value: value.reshape(sizes(batch + own + others)))
  }
}
