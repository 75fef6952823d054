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
    let saved: SavedValues = b.requiresGradient ? [.input(1), .output] : .input(1)
    return record("divide", [a, b], value: a.value / b.value, saving: saved) {
      let divisor = $0.input(1)
      // -(a / b) / b, and then the gradient: 1 / b may overflow where that does not.
      return [
        $0.needs(0) ? $0.gradient / divisor : nil,
        $0.needs(1) ? $0.gradient * ($0.output / -divisor) : nil,
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

  /// Adds a number to every element.
  public static func + (a: Variable, b: Float) -> Variable { a + Variable(b) }
  /// Subtracts a number from every element.
  public static func - (a: Variable, b: Float) -> Variable { a - Variable(b) }
  /// Multiplies every element by a number.
  public static func * (a: Variable, b: Float) -> Variable { a * Variable(b) }
  /// Divides every element by a number.
  public static func / (a: Variable, b: Float) -> Variable { a / Variable(b) }
  /// Adds every element to a number.
  public static func + (a: Float, b: Variable) -> Variable { Variable(a) + b }
  /// Subtracts every element from a number.
  public static func - (a: Float, b: Variable) -> Variable { Variable(a) - b }
  /// Multiplies a number by every element.
  public static func * (a: Float, b: Variable) -> Variable { Variable(a) * b }
  /// Divides a number by every element.
  public static func / (a: Float, b: Variable) -> Variable { Variable(a) / b }

  /// Replaces a variable by its sum with another; nothing is overwritten, so the tape stays valid.
  public static func += (a: inout Variable, b: Variable) { a = a + b }
  /// Replaces a variable by its difference from another.
  public static func -= (a: inout Variable, b: Variable) { a = a - b }
  /// Replaces a variable by its product with another.
  public static func *= (a: inout Variable, b: Variable) { a = a * b }
  /// Replaces a variable by its quotient by another.
  public static func /= (a: inout Variable, b: Variable) { a = a / b }
  /// Replaces a variable by its sum with a number.
  public static func += (a: inout Variable, b: Float) { a = a + b }
  /// Replaces a variable by its difference from a number.
  public static func -= (a: inout Variable, b: Float) { a = a - b }
  /// Replaces a variable by its product with a number.
  public static func *= (a: inout Variable, b: Float) { a = a * b }
  /// Replaces a variable by its quotient by a number.
  public static func /= (a: inout Variable, b: Float) { a = a / b }

  /// Every element to a power. The derivative of x⁰ is 0 everywhere.
  public func pow(_ exponent: Float) -> Variable {
    record("pow", [self], value: value.pow(exponent), saving: .inputs) {
      if exponent == 0 { return [Variable(.zeros($0.shape(ofInput: 0)))] }
      return [$0.gradient * ($0.input(0).pow(exponent - 1) * exponent)]
    }
  }

  /// Elementwise power, with broadcasting. The gradient of the exponent is 0 where the base is 0 and the exponent is not
  /// negative; that of the base is 0 where the exponent is.
  public func pow(_ exponent: Variable) -> Variable {
    record(
      "powVariable", [self, exponent], value: value.pow(exponent.value), saving: [.inputs, .output]
    ) {
      let (base, exponent) = ($0.input(0), $0.input(1))
      var result: [Variable?] = [nil, nil]
      if $0.needs(0) {
        let slope = exponent * base.pow(exponent - 1)
        result[0] = `where`(exponent.value .== 0, Variable(0), $0.gradient * slope)
      }
      if $0.needs(1) {
        // Not the logarithm of 0, whose own derivative would be infinite where this one is not used.
        let isFlat = (base.value .== 0) * (exponent.value .>= 0)
        result[1] = $0.gradient * ($0.output * `where`(isFlat, Variable(1), base).log())
      }
      return result
    }
  }
}
