extension Variable {
  /// x where it is positive, else `slope` · x; its derivative at 0 is the slope.
  public func leakyRelu(slope: Float = 0.01) -> Variable {
    record("leakyRelu", [self], value: value.leakyRelu(slope: slope), saving: .inputs) {
      [`where`($0.input(0).value .> 0, $0.gradient, $0.gradient * slope)]
    }
  }

  /// x where it is positive, else α (eˣ - 1) (Clevert et al. 2016); its derivative at 0 is α.
  public func elu(alpha: Float = 1) -> Variable {
    record("elu", [self], value: value.elu(alpha: alpha), saving: .inputs) {
      let x = $0.input(0)
      let isPositive = x.value .> 0
      let slope = `where`(isPositive, Variable(0), x).exp() * alpha
      return [$0.gradient * `where`(isPositive, Variable(1), slope)]
    }
  }

  /// x · min(max(x + 3, 0), 6) / 6 (Howard et al. 2019); its derivative at -3 is 0 and at 3 is 1.
  public func hardswish() -> Variable {
    record("hardswish", [self], value: value.hardswish(), saving: .inputs) {
      let (x, gradient) = ($0.input(0), $0.gradient)
      let inside = `where`(x.value .< 3, gradient * (x / 3 + 0.5), gradient)
      return [`where`(x.value .<= -3, Variable(0), inside)]
    }
  }

  /// x · tanh(log(1 + eˣ)) (Misra 2019).
  public func mish() -> Variable {
    record("mish", [self], value: value.mish(), saving: .inputs) {
      let x = $0.input(0)
      let factor = x.softplus().tanh()
      return [$0.gradient * (factor + x * x.sigmoid() * (1 - factor.square()))]
    }
  }

  /// The first half of an axis times the sigmoid of the second half (Dauphin et al. 2017); traps on an odd size.
  public func glu(axis: Int = -1) -> Variable {
    let axis = shape.axis(axis, of: "glu")
    return record("glu", [self], value: value.glu(axis: axis), saving: .inputs) {
      let (halves, gradient) = ($0.input(0).split(parts: 2, axis: axis), $0.gradient)
      let gate = halves[1].sigmoid()
      let slope = halves[0] * gate * (-halves[1]).sigmoid()
      return [.concatenate([gradient * gate, gradient * slope], axis: axis)]
    }
  }
}
