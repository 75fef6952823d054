extension Variable {
  /// eˣ.
  public func exp() -> Variable {
    record("exp", [self], value: value.exp(), saving: .output) { [$0.gradient * $0.output] }
  }

  /// Natural logarithm.
  public func log() -> Variable {
    record("log", [self], value: value.log(), saving: .inputs) { [$0.gradient / $0.input(0)] }
  }

  /// eˣ - 1, with all digits near 0.
  public func expm1() -> Variable {
    // Not the result and 1: from -17 on that is 0.
    record("expm1", [self], value: value.expm1(), saving: .inputs) { [$0.gradient * $0.input(0).exp()] }
  }

  /// log(1 + x), with all digits near 0.
  public func log1p() -> Variable {
    record("log1p", [self], value: value.log1p(), saving: .inputs) { [$0.gradient / ($0.input(0) + 1)] }
  }

  /// Sine of radians.
  public func sin() -> Variable {
    record("sin", [self], value: value.sin(), saving: .inputs) { [$0.gradient * $0.input(0).cos()] }
  }

  /// Cosine of radians.
  public func cos() -> Variable {
    record("cos", [self], value: value.cos(), saving: .inputs) { [-($0.gradient * $0.input(0).sin())] }
  }

  /// Gauss error function.
  public func erf() -> Variable {
    record("erf", [self], value: value.erf(), saving: .inputs) {
      [$0.gradient * ((-$0.input(0).square()).exp() * Float(2 / Double.pi.squareRoot()))]
    }
  }

  /// The probability that a standard normal number is below x.
  public func normalProbability() -> Variable {
    record("normalProbability", [self], value: value.normalProbability(), saving: .inputs) {
      let density = ($0.input(0).square() * -0.5).exp() * Float(1 / (2 * Double.pi).squareRoot())
      return [$0.gradient * density]
    }
  }

  /// Square root; its derivative at 0 is infinite.
  public func sqrt() -> Variable {
    record("sqrt", [self], value: value.sqrt(), saving: .output) { [$0.gradient / ($0.output * 2)] }
  }

  /// 1 / √x.
  public func rsqrt() -> Variable {
    record("rsqrt", [self], value: value.rsqrt(), saving: [.inputs, .output]) {
      [$0.gradient * ($0.output / $0.input(0) * -0.5)]
    }
  }

  /// 1 / x.
  public func reciprocal() -> Variable {
    record("reciprocal", [self], value: value.reciprocal(), saving: .output) {
      [-($0.gradient * $0.output.square())]
    }
  }

  /// x².
  public func square() -> Variable {
    record("square", [self], value: value.square(), saving: .inputs) { [$0.gradient * ($0.input(0) * 2)] }
  }

  /// |x|; its derivative at 0 is 0, and NaN at NaN.
  public func abs() -> Variable {
    record("abs", [self], value: value.abs(), saving: .inputs) {
      [$0.gradient * Variable($0.input(0).value.sign())]
    }
  }

  /// -1, 0 or 1; has no derivative.
  public func sign() -> Variable { recordNonDifferentiable("sign", [self], value: value.sign()) }
  /// Largest integer not above x; has no derivative.
  public func floor() -> Variable { recordNonDifferentiable("floor", [self], value: value.floor()) }
  /// Smallest integer not below x; has no derivative.
  public func ceil() -> Variable { recordNonDifferentiable("ceil", [self], value: value.ceil()) }
  /// Nearest integer, halves to even; has no derivative.
  public func round() -> Variable { recordNonDifferentiable("round", [self], value: value.round()) }
}
