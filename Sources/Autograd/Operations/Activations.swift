extension Variable {
  /// Hyperbolic tangent.
  public func tanh() -> Variable {
    // Not 1 - tanh²: from about 9 on that is 0, which the derivative and its own derivatives are not.
    record(
      "tanh", [self], value: value.tanh(), saving: .inputs,
      fused: { [tanhDerivative(at: $0.input(0).value, gradient: $0.gradient.value)] }
    ) {
      let twice = $0.input(0) * 2
      return [$0.gradient * (twice.sigmoid() * (-twice).sigmoid() * 4)]
    }
  }

  /// 1 / (1 + e⁻ˣ).
  public func sigmoid() -> Variable {
    // Not σ (1 - σ): from about 17 on that is 0.
    record(
      "sigmoid", [self], value: value.sigmoid(), saving: .inputs,
      fused: { [sigmoidDerivative(at: $0.input(0).value, gradient: $0.gradient.value)] }
    ) {
      let x = $0.input(0)
      return [$0.gradient * (x.sigmoid() * (-x).sigmoid())]
    }
  }

  /// log(1 + eˣ), without overflow.
  public func softplus() -> Variable {
    record("softplus", [self], value: value.softplus(), saving: .inputs) {
      [$0.gradient * $0.input(0).sigmoid()]
    }
  }

  /// log(sigmoid(x)) = -softplus(-x).
  public func logSigmoid() -> Variable {
    record("logSigmoid", [self], value: value.logSigmoid(), saving: .inputs) {
      [$0.gradient * (-$0.input(0)).sigmoid()]
    }
  }

  /// max(x, 0); its derivative at 0 is 0.
  public func relu() -> Variable {
    // The result is positive where the input is, and is more likely to be kept anyway.
    record(
      "relu", [self], value: value.relu(), saving: .output,
      fused: { [Activation.relu.derivative(at: $0.output.value, gradient: $0.gradient.value)] }
    ) {
      [`where`($0.output.value .<= 0, Variable(0), $0.gradient)]
    }
  }

  /// min(max(x, 0), 6); its derivative at 0 and 6 is 0.
  public func relu6() -> Variable {
    record(
      "relu6", [self], value: value.relu6(), saving: .output,
      fused: { [Activation.relu6.derivative(at: $0.output.value, gradient: $0.gradient.value)] }
    ) {
      let y = $0.output.value
      return [`where`((y .<= 0) + (y .>= 6), Variable(0), $0.gradient)]
    }
  }

  /// Gaussian error linear unit, by the tanh approximation unless `exact` (Hendrycks & Gimpel 2016).
  public func gelu(exact: Bool = false) -> Variable {
    if exact {
      return record(
        "geluErf", [self], value: value.gelu(exact: true),
        fused: { [Activation.geluExact.derivative(at: $0.input(0).value, gradient: $0.gradient.value)] },
        composition: { composedGeluErf($0[0]) })
    }
    return record(
      "geluTanh", [self], value: value.gelu(),
      fused: { [Activation.gelu.derivative(at: $0.input(0).value, gradient: $0.gradient.value)] },
      composition: { composedGeluTanh($0[0]) })
  }

  /// x · sigmoid(1.702 x), CLIP's GELU.
  public func quickGelu() -> Variable {
    record(
      "quickGelu", [self], value: value.quickGelu(),
      fused: { [Activation.quickGelu.derivative(at: $0.input(0).value, gradient: $0.gradient.value)] },
      composition: { $0[0] * ($0[0] * 1.702).sigmoid() })
  }

  /// x · sigmoid(x).
  public func silu() -> Variable {
    record(
      "silu", [self], value: value.silu(),
      fused: { [Activation.silu.derivative(at: $0.input(0).value, gradient: $0.gradient.value)] },
      composition: { $0[0] * $0[0].sigmoid() })
  }
}

/// With (1 + tanh(u)) / 2 = sigmoid(2 u), which keeps its digits where x is negative, and is 0 or 1 long before ±20.
package func composedGeluTanh(_ x: Variable) -> Variable {
  let bounded = x.clamp(min: -20, max: 20)
  let cube = bounded * bounded * bounded
  return x * ((bounded + cube * 0.044715) * Float(2 * (2 / Double.pi).squareRoot())).sigmoid()
}

package func composedGeluErf(_ x: Variable) -> Variable { x * x.normalProbability() }
