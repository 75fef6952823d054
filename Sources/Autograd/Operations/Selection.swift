extension Variable {
  /// The larger of two elements, with broadcasting; where they are equal each gets half of the gradient.
  public func maximum(_ other: Variable) -> Variable {
    record("maximum", [self, other], value: value.maximum(other.value), saving: .inputs) {
      $0.gradientsOfChosen { $0 .< $1 }
    }
  }

  /// The smaller of two elements, with broadcasting; where they are equal each gets half of the gradient.
  public func minimum(_ other: Variable) -> Variable {
    record("minimum", [self, other], value: value.minimum(other.value), saving: .inputs) {
      $0.gradientsOfChosen { $0 .> $1 }
    }
  }

  /// The larger of every element and a number.
  public func maximum(_ other: Float) -> Variable { maximum(Variable(other)) }

  /// The smaller of every element and a number.
  public func minimum(_ other: Float) -> Variable { minimum(Variable(other)) }

  /// Elements outside `lower...upper` replaced by the nearer bound; no gradient reaches those, nor NaN. The bounds
  /// themselves let it pass, so that a parameter on one can come back.
  public func clamp(min lower: Float = -.infinity, max upper: Float = .infinity) -> Variable {
    record("clamp", [self], value: value.clamp(min: lower, max: upper), saving: .inputs) {
      let x = $0.input(0).value
      return [`where`((x .>= lower) * (x .<= upper), $0.gradient, Variable(0))]
    }
  }
}

extension Variable {
  /// The lower triangle of matrices `[..., rows, columns]`, 0 above it. It ends with the main diagonal, or `diagonal` places
  /// above it.
  public func tril(diagonal: Int = 0) -> Variable {
    `where`(Tensor.lowerTriangle(of: shape, diagonal, of: "tril"), self, Variable(0))
  }

  /// The upper triangle of matrices `[..., rows, columns]`, 0 below it. It begins with the main diagonal, or `diagonal` places
  /// above it.
  public func triu(diagonal: Int = 0) -> Variable {
    `where`(Tensor.lowerTriangle(of: shape, diagonal - 1, of: "triu"), Variable(0), self)
  }
}

/// Elements of `a` where `condition` is not 0, else of `b`; all three broadcast.
public func `where`(_ condition: Tensor, _ a: Variable, _ b: Variable) -> Variable {
  record("where", [a, b], value: Tensor.select(condition, a.value, b.value)) {
    [
      $0.needs(0) ? `where`(condition, $0.gradient, Variable(0)) : nil,
      $0.needs(1) ? `where`(condition, Variable(0), $0.gradient) : nil,
    ]
  }
}

extension DerivativeContext {
  /// Gradients of two inputs of which one was chosen: none for the one that lost, half each where they are equal. Where
  /// one is NaN neither lost.
  fileprivate func gradientsOfChosen(_ isLost: (Tensor, Tensor) -> Tensor) -> [Variable?] {
    let (a, b) = (input(0).value, input(1).value)
    let share = gradient * Variable(1 - (a .== b) * 0.5)
    return [
      needs(0) ? `where`(isLost(a, b), Variable(0), share) : nil,
      needs(1) ? `where`(isLost(b, a), Variable(0), share) : nil,
    ]
  }
}

// MARK: - Comparison

/// Comparisons give tensors of 0 and 1, masks that no gradient passes.
extension Variable {
  /// 1 where equal, else 0.
  public static func .== (a: Variable, b: Variable) -> Tensor { a.value .== b.value }
  /// 1 where different, else 0.
  public static func .!= (a: Variable, b: Variable) -> Tensor { a.value .!= b.value }
  /// 1 where less, else 0.
  public static func .< (a: Variable, b: Variable) -> Tensor { a.value .< b.value }
  /// 1 where less or equal, else 0.
  public static func .<= (a: Variable, b: Variable) -> Tensor { a.value .<= b.value }
  /// 1 where greater, else 0.
  public static func .> (a: Variable, b: Variable) -> Tensor { a.value .> b.value }
  /// 1 where greater or equal, else 0.
  public static func .>= (a: Variable, b: Variable) -> Tensor { a.value .>= b.value }
  /// 1 where equal to a number, else 0.
  public static func .== (a: Variable, b: Float) -> Tensor { a.value .== b }
  /// 1 where different from a number, else 0.
  public static func .!= (a: Variable, b: Float) -> Tensor { a.value .!= b }
  /// 1 where less than a number, else 0.
  public static func .< (a: Variable, b: Float) -> Tensor { a.value .< b }
  /// 1 where at most a number, else 0.
  public static func .<= (a: Variable, b: Float) -> Tensor { a.value .<= b }
  /// 1 where greater than a number, else 0.
  public static func .> (a: Variable, b: Float) -> Tensor { a.value .> b }
  /// 1 where at least a number, else 0.
  public static func .>= (a: Variable, b: Float) -> Tensor { a.value .>= b }
}
