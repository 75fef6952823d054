/// Reductions over any axes; `nil` means all.
extension Variable {
  /// Sum.
  public func sum(axes: [Int]? = nil, keepDimensions: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "sum")
    return record("sum", [self], value: value.sum(axes: axes, keepDimensions: keepDimensions)) {
      [$0.spread($0.gradient, kept)]
    }
  }

  /// Arithmetic mean.
  public func mean(axes: [Int]? = nil, keepDimensions: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "mean")
    let count = Float(value.reducedCount(axes, of: "mean"))
    return record("mean", [self], value: value.mean(axes: axes, keepDimensions: keepDimensions)) {
      [$0.spread($0.gradient / count, kept)]
    }
  }

  /// Mean squared distance from the mean; `unbiased` divides by one less than the count (Bessel's correction). Without
  /// anything to divide by it is NaN.
  public func variance(axes: [Int]? = nil, keepDimensions: Bool = false, unbiased: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "variance")
    let divisor = Float(value.varianceDivisor(axes, unbiased: unbiased, of: "variance"))
    let variance = value.variance(axes: axes, keepDimensions: keepDimensions, unbiased: unbiased)
    return record("variance", [self], value: variance, saving: .inputs) {
      [$0.input(0).centred(axes: axes) * ($0.gradient.reshape(kept) * (2 / divisor))]
    }
  }

  /// Standard deviation: the square root of the ``variance(axes:keepDimensions:unbiased:)``. Its derivative where all
  /// elements are equal is taken to be 0.
  public func std(axes: [Int]? = nil, keepDimensions: Bool = false, unbiased: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "std")
    let divisor = Float(value.varianceDivisor(axes, unbiased: unbiased, of: "std"))
    let std = value.std(axes: axes, keepDimensions: keepDimensions, unbiased: unbiased)
    return record("std", [self], value: std, saving: [.inputs, .output]) {
      let std = `where`($0.output.value .== 0, Variable(1), $0.output)
      return [$0.input(0).centred(axes: axes) * ($0.gradient / (std * divisor)).reshape(kept)]
    }
  }

  /// Distance of every element from the mean over `axes`.
  package func centred(axes: [Int]? = nil) -> Variable {
    record("centred", [self], value: value.centred(axes: axes)) { [$0.gradient.centred(axes: axes)] }
  }

  /// Largest element; equal ones share the gradient, as do NaNs. Traps when there is none to choose.
  public func max(axes: [Int]? = nil, keepDimensions: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "max")
    let largest = value.max(axes: axes, keepDimensions: keepDimensions)
    return record("max", [self], value: largest, saving: [.inputs, .output]) {
      [$0.gradientOfExtremes(axes, kept)]
    }
  }

  /// Smallest element; equal ones share the gradient, as do NaNs. Traps when there is none to choose.
  public func min(axes: [Int]? = nil, keepDimensions: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "min")
    let smallest = value.min(axes: axes, keepDimensions: keepDimensions)
    return record("min", [self], value: smallest, saving: [.inputs, .output]) {
      [$0.gradientOfExtremes(axes, kept)]
    }
  }

  /// Middle element, the smaller one of two (as PyTorch's); equal ones share the gradient, as do NaNs. Traps when there is
  /// none to choose.
  public func median(axes: [Int]? = nil, keepDimensions: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "median")
    let median = value.median(axes: axes, keepDimensions: keepDimensions)
    return record("median", [self], value: median, saving: [.inputs, .output]) {
      [$0.gradientOfExtremes(axes, kept)]
    }
  }

  /// The number below which a share of the elements lies, between the two neighbours in order (NumPy's and PyTorch's
  /// `linear`): 0 for the smallest, 1 for the largest. The gradient goes to the neighbours, of equal ones to the first.
  ///
  /// - Parameters:
  ///   - probability: The share, from 0 to 1; traps elsewhere.
  ///   - axes: What is reduced, all for nil; traps when there is no element.
  public func quantile(_ probability: Float, axes: [Int]? = nil, keepDimensions: Bool = false) -> Variable {
    Tensor.quantile(self, of: value, probability, axes, keepDimensions)
  }

  /// Sum of squares.
  public func sumOfSquares(axes: [Int]? = nil, keepDimensions: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "sumOfSquares")
    let sum = value.sumOfSquares(axes: axes, keepDimensions: keepDimensions)
    return record("sumOfSquares", [self], value: sum, saving: .inputs) {
      [$0.input(0) * ($0.gradient.reshape(kept) * 2)]
    }
  }

  /// Euclidean norm; its derivative where all elements are 0 is taken to be 0.
  public func norm(axes: [Int]? = nil, keepDimensions: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "norm")
    let norm = value.norm(axes: axes, keepDimensions: keepDimensions)
    return record("norm", [self], value: norm, saving: [.inputs, .output]) {
      let norm = `where`($0.output.value .== 0, Variable(1), $0.output)
      return [$0.input(0) * ($0.gradient / norm).reshape(kept)]
    }
  }

  /// log(Σ eˣ) without overflow; where every element is -infinity so is the result, and the gradient is 0.
  public func logSumExp(axes: [Int]? = nil, keepDimensions: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "logSumExp")
    let result = value.logSumExp(axes: axes, keepDimensions: keepDimensions)
    return record("logSumExp", [self], value: result, saving: [.inputs, .output]) {
      let result = $0.output.value.reshape(kept)
      let powers = ($0.input(0) - Variable(`where`(result .== -Float.infinity, Tensor(0), result))).exp()
      // They add up to 1 but for the rounding of the result, which a large one has much of.
      let sum = powers.sum(axes: axes, keepDimensions: true)
      return [powers / `where`(sum .> 0, sum, Variable(1)) * $0.gradient.reshape(kept)]
    }
  }

  /// Product. The gradient of an element is the product of the others, also where it is 0, infinite or NaN itself.
  public func product(axes: [Int]? = nil, keepDimensions: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "product")
    let product = value.product(axes: axes, keepDimensions: keepDimensions)
    let fused: FusedDerivative = {
      let others = $0.input(0).value.productOfOthers(axes)
      return [others * $0.gradient.value.reshape(kept)]
    }
    return record("product", [self], value: product, saving: .inputs, fused: fused) {
      [composedProductOfOthers($0.input(0), axes) * $0.gradient.reshape(kept)]
    }
  }

  /// Scaled to Euclidean length 1 along an axis: x / (‖x‖ + ε), as in big_vision's SigLIP.
  public func normalized(axis: Int = -1, epsilon: Float = 1e-8) -> Variable {
    self / (norm(axes: [axis], keepDimensions: true) + epsilon)
  }
}

extension Variable: TensorOperations {}

/// Results that no gradient passes.
extension Variable {
  /// 1 where an element is not 0, else 0, also of no elements. NaN is not 0.
  public func any(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    value.any(axes: axes, keepDimensions: keepDimensions)
  }

  /// 1 where no element is 0, also of no elements, else 0. NaN is not 0.
  public func all(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    value.all(axes: axes, keepDimensions: keepDimensions)
  }

  /// Position of the first largest element along an axis; a NaN counts as largest.
  public func argmax(axis: Int = -1) -> IndexTensor { value.argmax(axis: axis) }

  /// Position of the first smallest element along an axis; a NaN counts as smallest.
  public func argmin(axis: Int = -1) -> IndexTensor { value.argmin(axis: axis) }
}

extension DerivativeContext {
  /// One number for each result, repeated for all elements that it was reduced from.
  fileprivate func spread(_ gradient: Variable, _ kept: Shape) -> Variable {
    gradient.reshape(kept).expand(to: shape(ofInput: 0))
  }

  /// The gradient of one of the elements, shared by all that are equal to it; by the NaNs if it is NaN.
  fileprivate func gradientOfExtremes(_ axes: [Int]?, _ kept: Shape) -> Variable {
    let (x, extreme) = (input(0).value, output.value.reshape(kept))
    var isExtreme = x .== extreme
    // Nothing equals NaN, and where the extreme is not NaN no element is.
    if extreme.withUnsafeScalars({ $0.contains(where: \.isNaN) }) { isExtreme += x .!= x }
    let ties = isExtreme.sum(axes: axes, keepDimensions: true)
    return `where`(isExtreme, gradient.reshape(kept) / Variable(ties), Variable(0))
  }
}

/// For each element the product of the others, in operations that have derivatives: n² factors for n elements.
private func composedProductOfOthers(_ x: Variable, _ axes: [Int]?) -> Variable {
  let reduced = x.shape.axes(axes, of: "product")
  let order = (0..<x.rank).filter { !reduced.contains($0) } + reduced
  let moved = x.permute(order)
  let outer = Shape(moved.shape[..<(x.rank - reduced.count)])
  let count = x.value.reducedCount(axes, of: "product")
  let rows = moved.reshape(outer + [1, count])
  let others = `where`(Tensor.eye(count), Variable(1), rows).product(axes: [-1])
  return others.reshape(moved.shape).permute(order.indices.map { axis in order.firstIndex(of: axis)! })
}
