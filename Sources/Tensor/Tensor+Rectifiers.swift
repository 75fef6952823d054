/// Activation functions that are made of others.
extension Tensor {
  /// x where it is positive, else `slope` · x.
  public func leakyRelu(slope: Float = 0.01) -> Tensor { `where`(self .> 0, self, self * slope) }

  /// x where it is positive, else α (eˣ - 1) (Clevert et al. 2016).
  public func elu(alpha: Float = 1) -> Tensor {
    `where`(self .> 0, self, minimum(Tensor(0)).expm1() * alpha)
  }

  /// x · min(max(x + 3, 0), 6) / 6 (Howard et al. 2019).
  public func hardswish() -> Tensor { self * ((self + 3).relu6() / 6) }

  /// x · tanh(log(1 + eˣ)) (Misra 2019).
  public func mish() -> Tensor { self * softplus().tanh() }

  /// The first half of an axis times the sigmoid of the second half (Dauphin et al. 2017); traps on an odd size.
  public func glu(axis: Int = -1) -> Tensor {
    let axis = shape.axis(axis, of: "glu")
    if shape[axis] % 2 != 0 { programmerError("glu: axis \(axis) of shape \(shape) has no halves") }
    let halves = split(parts: 2, axis: axis)
    return halves[0] * halves[1].sigmoid()
  }
}
