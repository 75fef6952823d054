/// Variables and tensors side by side: a tensor is a constant.
extension Variable {
  /// Sum, with broadcasting.
  public static func + (a: Variable, b: Tensor) -> Variable { a + Variable(b) }
  /// Sum, with broadcasting.
  public static func + (a: Tensor, b: Variable) -> Variable { Variable(a) + b }
  /// Difference, with broadcasting.
  public static func - (a: Variable, b: Tensor) -> Variable { a - Variable(b) }
  /// Difference, with broadcasting.
  public static func - (a: Tensor, b: Variable) -> Variable { Variable(a) - b }
  /// Product of elements, with broadcasting.
  public static func * (a: Variable, b: Tensor) -> Variable { a * Variable(b) }
  /// Product of elements, with broadcasting.
  public static func * (a: Tensor, b: Variable) -> Variable { Variable(a) * b }
  /// Quotient, with broadcasting.
  public static func / (a: Variable, b: Tensor) -> Variable { a / Variable(b) }
  /// Quotient, with broadcasting.
  public static func / (a: Tensor, b: Variable) -> Variable { Variable(a) / b }

  /// Replaces a variable by its sum with a tensor; nothing is overwritten, so the tape stays valid.
  public static func += (a: inout Variable, b: Tensor) { a = a + b }
  /// Replaces a variable by its difference from a tensor; nothing is overwritten, so the tape stays valid.
  public static func -= (a: inout Variable, b: Tensor) { a = a - b }
  /// Replaces a variable by its product with a tensor; nothing is overwritten, so the tape stays valid.
  public static func *= (a: inout Variable, b: Tensor) { a = a * b }
  /// Replaces a variable by its quotient by a tensor; nothing is overwritten, so the tape stays valid.
  public static func /= (a: inout Variable, b: Tensor) { a = a / b }

  /// 1 where equal, else 0.
  public static func .== (a: Variable, b: Tensor) -> Tensor { a.value .== b }
  /// 1 where equal, else 0.
  public static func .== (a: Tensor, b: Variable) -> Tensor { a .== b.value }
  /// 1 where different, else 0.
  public static func .!= (a: Variable, b: Tensor) -> Tensor { a.value .!= b }
  /// 1 where different, else 0.
  public static func .!= (a: Tensor, b: Variable) -> Tensor { a .!= b.value }
  /// 1 where less, else 0.
  public static func .< (a: Variable, b: Tensor) -> Tensor { a.value .< b }
  /// 1 where less, else 0.
  public static func .< (a: Tensor, b: Variable) -> Tensor { a .< b.value }
  /// 1 where less or equal, else 0.
  public static func .<= (a: Variable, b: Tensor) -> Tensor { a.value .<= b }
  /// 1 where less or equal, else 0.
  public static func .<= (a: Tensor, b: Variable) -> Tensor { a .<= b.value }
  /// 1 where greater, else 0.
  public static func .> (a: Variable, b: Tensor) -> Tensor { a.value .> b }
  /// 1 where greater, else 0.
  public static func .> (a: Tensor, b: Variable) -> Tensor { a .> b.value }
  /// 1 where greater or equal, else 0.
  public static func .>= (a: Variable, b: Tensor) -> Tensor { a.value .>= b }
  /// 1 where greater or equal, else 0.
  public static func .>= (a: Tensor, b: Variable) -> Tensor { a .>= b.value }

  /// Matrix product with broadcasting of the leading axes; see ``matmul(_:_:)``.
  public func matmul(_ other: Tensor) -> Variable { matmul(Variable(other)) }
  /// The larger of two elements, with broadcasting; where they are equal self gets half of the gradient.
  public func maximum(_ other: Tensor) -> Variable { maximum(Variable(other)) }
  /// The smaller of two elements, with broadcasting; where they are equal self gets half of the gradient.
  public func minimum(_ other: Tensor) -> Variable { minimum(Variable(other)) }
  /// Elementwise power, with broadcasting.
  public func pow(_ exponent: Tensor) -> Variable { pow(Variable(exponent)) }
}

/// Elements of `a` where `condition` is not 0, else of `b`; all three broadcast.
public func `where`(_ condition: Tensor, _ a: Variable, _ b: Tensor) -> Variable {
  `where`(condition, a, Variable(b))
}

/// Elements of `a` where `condition` is not 0, else of `b`; all three broadcast.
public func `where`(_ condition: Tensor, _ a: Tensor, _ b: Variable) -> Variable {
  `where`(condition, Variable(a), b)
}
