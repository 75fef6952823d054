extension Variable {
  /// Sum, with broadcasting.
  public static func + (a: Variable, b: Variable) -> Variable {
    record("add", [a, b], value: a.value + b.value) { [$0.gradient, $0.gradient] }
  }

  /// Difference, with broadcasting.
  public static func - (a: Variable, b: Variable) -> Variable {
    record("subtract", [a, b], value: a.value - b.value) {
      [$0.gradient, $0.needs(1) ? -$0.gradient : nil]
    }
  }

  /// Product of elements, with broadcasting.
  public static func * (a: Variable, b: Variable) -> Variable {
    record("multiply", [a, b], value: a.value * b.value, saving: savedFactors(a, b)) {
      [$0.needs(0) ? $0.gradient * $0.input(1) : nil, $0.needs(1) ? $0.gradient * $0.input(0) : nil]
    }
  }

  /// Quotient, with broadcasting.
  public static func / (a: Variable, b: Variable) -> Variable {
    record("divide", [a, b], value: a.value / b.value, saving: b.requiresGradient ? .inputs : .input(1)) {
      let b = $0.input(1)
      return [
        $0.needs(0) ? $0.gradient / b : nil,
        $0.needs(1) ? -$0.gradient * $0.input(0) / b.square() : nil,
      ]
    }
  }

  /// Each factor is needed only for the gradient of the other.
  static func savedFactors(_ a: Variable, _ b: Variable) -> SavedValues {
    (b.requiresGradient ? SavedValues.input(0) : []).union(a.requiresGradient ? .input(1) : [])
  }

  /// Negation.
  public static prefix func - (a: Variable) -> Variable {
    record("negate", [a], value: -a.value) { [-$0.gradient] }
  }

  /// x².
  public func square() -> Variable {
    record("square", [self], value: value.square(), saving: .inputs) { [$0.gradient * ($0.input(0) * 2)] }
  }

  /// Multiplies every element by a number.
  public static func * (a: Variable, b: Float) -> Variable { a * Variable(b) }
}

// MARK: - Samples

extension Variable {
  package static var addSamples: OperationSamples {
    binarySamples("add", +) { $0 + $1 }
  }

  /// Samples of an operation on two operands: equal shapes, broadcasting both ways, a scalar, odd sizes, no elements.
  static func binarySamples(
    _ name: String, in range: Range<Float> = -2..<2, _ forward: @escaping (Variable, Variable) -> Variable,
    reference: @escaping (Double, Double) -> Double
  ) -> OperationSamples {
    let shapes: [(Shape, Shape)] = [
      ([3, 4], [3, 4]), ([2, 3, 17], [17]), ([4, 1], [1, 5]), ([], [3]), ([33], [33]), ([0, 3], [3]),
    ]
    return OperationSamples(
      name,
      shapes.map { a, b in
        OperationSample(
          [.init(a, in: range), .init(b, in: range)], forward: { forward($0[0], $0[1]) },
          reference: { $0[0].combine($0[1], reference) })
      })
  }
}
