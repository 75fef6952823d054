/// Sum of products over named axes, as NumPy's `einsum`: `einsum("bqd,bkd->bqk", queries, keys)`.
///
/// Each letter is an axis; axes whose letter is missing on the right are summed, and a letter repeated in one operand
/// takes its diagonal. An axis of size 1 is repeated where another operand has more under the same letter. `...` stands
/// for all axes that have no letter: they broadcast from the last one on, as operands of `+` do, and are summed too where
/// the right side leaves them out. Without `->` the result has these axes, then the letters that occur once, in
/// alphabetical order. Operands are multiplied from left to right.
public func einsum(_ equation: String, _ operands: Tensor...) -> Tensor { einsum(equation, operands) }

/// Sum of products over named axes; see ``einsum(_:_:)-(_,Tensor...)``.
public func einsum(_ equation: String, _ operands: [Tensor]) -> Tensor {
  EinsumTerm.evaluate(equation, operands)
}

/// What names an axis: a letter, or its distance from the last axis that `...` stands for.
private enum EinsumLabel: Hashable {
  case letter(Character)
  case unnamed(Int)
}

/// An equation's labels for the axes of every operand and of the result.
private struct EinsumEquation {
  let inputs: [[EinsumLabel]]
  let output: [EinsumLabel]
  /// Size of every label once operands have broadcast.
  private(set) var sizes: [EinsumLabel: Int] = [:]

  /// Reads an equation for operands of the given shapes; traps with it, them and the reason where it does not fit.
  init(_ equation: String, _ shapes: [Shape]) {
    func fail(_ reason: String) -> Never {
      let shapes = shapes.map(\.description).joined(separator: ", ")
      programmerError("einsum: \"\(equation)\" with shapes \(shapes): \(reason)")
    }
    /// The labels of a term; `...` stands for as many axes as `unnamed` says.
    func labels(of term: Substring, unnamed: (_ letters: Int) -> Int) -> [EinsumLabel] {
      let parts = term.replacing("...", with: "\u{2026}")
      let letters = parts.filter { $0 != "\u{2026}" }
      if parts.count > letters.count + 1 { fail("term \(term) has several ellipses") }
      if let other = letters.first(where: { !$0.isLetter }) { fail("\(other) is not a letter") }
      let dots = (0..<Swift.max(0, unnamed(letters.count))).reversed().map { EinsumLabel.unnamed($0) }
      return parts.flatMap { $0 == "\u{2026}" ? dots : [.letter($0)] }
    }
    let sides = equation.filter { $0 != " " }.split(separator: "->", omittingEmptySubsequences: false)
    if sides.count > 2 { fail("more than one arrow") }
    let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false)
    if terms.count != shapes.count { fail("\(terms.count) terms for \(shapes.count) operands") }
    inputs = zip(terms, shapes).map { term, shape in labels(of: term) { shape.count - $0 } }
    for (term, (labels, shape)) in zip(terms, zip(inputs, shapes)) {
      if labels.count != shape.count { fail("term \(term) names \(labels.count) axes of shape \(shape)") }
      for (position, (label, size)) in zip(labels, shape).enumerated() {
        if let first = labels[..<position].firstIndex(of: label), shape[first] != size {
          fail("term \(term) names axes of sizes \(shape[first]) and \(size) alike")
        }
        let known = sizes[label] ?? 1
        if known != 1 && size != 1 && known != size {
          let name = if case .letter(let letter) = label { "\(letter)" } else { "..." }
          fail("axis \(name) has several sizes: \(known) and \(size)")
        }
        sizes[label] = known == 1 ? size : known
      }
    }
    let unnamed = sizes.keys.filter { if case .unnamed = $0 { true } else { false } }.count
    if sides.count == 2 {
      output = labels(of: sides[1]) { _ in unnamed }
      for case .letter(let letter) in output where sizes[.letter(letter)] == nil {
        fail("axis \(letter) of the result is in no operand")
      }
      if Set(output).count != output.count { fail("the result names an axis twice") }
    } else {
      let counts = Dictionary(terms.joined().map { ($0, 1) }, uniquingKeysWith: +)
      let once = counts.filter { $0.key.isLetter && $0.value == 1 }.keys.sorted()
      output = (0..<unnamed).reversed().map { .unnamed($0) } + once.map { .letter($0) }
    }
  }
}

/// An operand with a label for each of its axes.
package struct EinsumTerm<Operand: TensorOperations> {
  private var labels: [EinsumLabel]
  private var value: Operand

  /// The sum of products that `equation` describes.
  package static func evaluate(_ equation: String, _ operands: [Operand]) -> Operand {
    let equation = EinsumEquation(equation, operands.map(\.shape))
    let output = equation.output
    var terms = zip(equation.inputs, operands).map {
      EinsumTerm(labels: $0, value: $1).diagonalized().withoutRepeatedAxes(equation.sizes)
    }
    for i in terms.indices {
      let others = terms.indices.lazy.filter { $0 != i }.flatMap { terms[$0].labels }
      terms[i].sum(labels: terms[i].labels.filter { !output.contains($0) && !others.contains($0) })
    }
    var result = terms[0]
    for i in terms.indices.dropFirst() {
      let needed = output + terms[(i + 1)...].flatMap(\.labels)
      result = result.multiplied(by: terms[i], keeping: needed)
    }
    return result.permuted(to: output)
  }

  /// Without the axes of size 1 that another operand stretches: their label is then only the other's.
  private func withoutRepeatedAxes(_ sizes: [EinsumLabel: Int]) -> EinsumTerm {
    let kept = labels.indices.filter { value.shape[$0] == sizes[labels[$0]] }
    if kept.count == labels.count { return self }
    return EinsumTerm(
      labels: kept.map { labels[$0] }, value: value.reshape(Shape(kept.map { value.shape[$0] })))
  }

  /// Repeated labels replaced by the diagonal of their axes.
  private func diagonalized() -> EinsumTerm {
    guard let first = labels.indices.first(where: { labels[($0 + 1)...].contains(labels[$0]) }),
      let second = labels[(first + 1)...].firstIndex(of: labels[first])
    else { return self }
    let rest = labels.indices.filter { $0 != first && $0 != second }
    let size = value.shape[first]
    let outer = Shape(rest.map { value.shape[$0] })
    // Elements (i, i) of a square lie size + 1 apart.
    let square = value.permute(rest + [first, second]).reshape(outer + [size * size])
    let diagonal = square.slice(0..<size * size, axis: rest.count, step: size + 1)
    return EinsumTerm(labels: rest.map { labels[$0] } + [labels[first]], value: diagonal).diagonalized()
  }

  private mutating func sum(labels summed: [EinsumLabel]) {
    if summed.isEmpty { return }
    value = value.sum(
      axes: labels.indices.filter { summed.contains(labels[$0]) }, keepDimensions: false)
    labels.removeAll { summed.contains($0) }
  }

  private func permuted(to order: [EinsumLabel]) -> Operand {
    if order == labels { return value }
    return value.permute(order.compactMap { labels.firstIndex(of: $0) })
  }

  private func size(_ label: EinsumLabel) -> Int? {
    labels.firstIndex(of: label).map { value.shape[$0] }
  }

  /// The product with another term, summed over the labels that both have and nobody needs.
  private func multiplied(by other: EinsumTerm, keeping needed: [EinsumLabel]) -> EinsumTerm {
    let shared = labels.filter { other.labels.contains($0) }
    let batch = shared.filter { needed.contains($0) }
    let summed = shared.filter { !needed.contains($0) }
    let own = labels.filter { !shared.contains($0) }
    let others = other.labels.filter { !shared.contains($0) }
    func sizes(_ labels: [EinsumLabel]) -> Shape { Shape(labels.compactMap { size($0) ?? other.size($0) }) }
    func product(_ labels: [EinsumLabel]) -> Int { sizes(labels).elementCount }

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
    return EinsumTerm(labels: batch + own + others, value: value.reshape(sizes(batch + own + others)))
  }
}
