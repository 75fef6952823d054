import Foundation

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

  /// Mean squared distance from the mean; `unbiased` divides by one less than the count (Bessel's correction).
  public func variance(axes: [Int]? = nil, keepDimensions: Bool = false, unbiased: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "variance")
    let count = Float(value.reducedCount(axes, of: "variance") - (unbiased ? 1 : 0))
    let variance = value.variance(axes: axes, keepDimensions: keepDimensions, unbiased: unbiased)
    return record("variance", [self], value: variance, saving: .inputs) {
      let x = $0.input(0)
      let centred = x - x.mean(axes: axes, keepDimensions: true)
      return [centred * ($0.gradient.reshape(kept) * (2 / count))]
    }
  }

  /// Largest element; equal ones share the gradient.
  public func max(axes: [Int]? = nil, keepDimensions: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "max")
    let largest = value.max(axes: axes, keepDimensions: keepDimensions)
    return record("max", [self], value: largest, saving: [.inputs, .output]) {
      [$0.gradientOfExtremes(axes, kept)]
    }
  }

  /// Smallest element; equal ones share the gradient.
  public func min(axes: [Int]? = nil, keepDimensions: Bool = false) -> Variable {
    let kept = value.reducedShape(axes, true, of: "min")
    let smallest = value.min(axes: axes, keepDimensions: keepDimensions)
    return record("min", [self], value: smallest, saving: [.inputs, .output]) {
      [$0.gradientOfExtremes(axes, kept)]
    }
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
      let finite = `where`($0.output.value .== -Float.infinity, Variable(0), $0.output)
      return [($0.input(0) - finite.reshape(kept)).exp() * $0.gradient.reshape(kept)]
    }
  }

  /// Product; its gradient is right with zeros among the factors too.
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

extension DerivativeContext {
  /// One number for each result, repeated for all elements that it was reduced from.
  fileprivate func spread(_ gradient: Variable, _ kept: Shape) -> Variable {
    gradient.reshape(kept).expand(to: shape(ofInput: 0))
  }

  /// The gradient of a maximum or minimum, shared by all elements equal to it.
  fileprivate func gradientOfExtremes(_ axes: [Int]?, _ kept: Shape) -> Variable {
    let isExtreme = input(0).value .== output.value.reshape(kept)
    let ties = isExtreme.sum(axes: axes, keepDimensions: true)
    return gradient.reshape(kept) / Variable(ties) * Variable(isExtreme)
  }
}

extension Tensor {
  /// For each element the product of the others along `axes`.
  fileprivate func productOfOthers(_ axes: [Int]?) -> Tensor {
    let isZero = self .== 0
    let zeros = isZero.sum(axes: axes, keepDimensions: true)
    let nonzero = Tensor.select(isZero, Tensor(1), self)
    let product = nonzero.product(axes: axes, keepDimensions: true)
    // A zero's others count if it is the only one; another element's if there is none.
    return Tensor.select(zeros .== isZero, product / nonzero, Tensor(0))
  }
}

/// The same in operations that have derivatives: n² factors for n elements.
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

// MARK: - Samples

extension Variable {
  package static var reductionSamples: [OperationSamples] {
    let sum = { (x: [Double]) in x.reduce(0, +) }
    let mean = { (x: [Double]) in x.reduce(0, +) / Double(x.count) }
    let squares = { (x: [Double]) in x.reduce(0) { $0 + $1 * $1 } }
    let spread = { (x: [Double]) in squares(x.map { $0 - mean(x) }) }
    return [
      reductionSamples("sum", { $0.sum(axes: $1, keepDimensions: $2) }, reference: sum),
      reductionSamples("mean", ofNothing: false, { $0.mean(axes: $1, keepDimensions: $2) }, reference: mean),
      reductionSamples("variance", ofNothing: false, { $0.variance(axes: $1, keepDimensions: $2) }) {
        spread($0) / Double($0.count)
      },
      OperationSamples(
        "variance",
        [[3, 4], [2, 17]].map { (shape: Shape) in
          OperationSample([.init(shape)], "\(shape) unbiased") {
            $0[0].variance(axes: [1], unbiased: true)
          } reference: {
            $0[0].fold(axes: [1]) { spread($0) / Double($0.count - 1) }
          }
        }),
      reductionSamples("max", ofNothing: false, hasKinks: true, { $0.max(axes: $1, keepDimensions: $2) }) {
        $0.max()!
      },
      reductionSamples("min", ofNothing: false, hasKinks: true, { $0.min(axes: $1, keepDimensions: $2) }) {
        $0.min()!
      },
      reductionSamples("sumOfSquares", { $0.sumOfSquares(axes: $1, keepDimensions: $2) }, reference: squares),
      reductionSamples("norm", in: 0.5..<2, ofNothing: false, { $0.norm(axes: $1, keepDimensions: $2) }) {
        squares($0).squareRoot()
      },
      reductionSamples("logSumExp", ofNothing: false, { $0.logSumExp(axes: $1, keepDimensions: $2) }) {
        Foundation.log(sum($0.map(Foundation.exp)))
      },
      reductionSamples("product", in: 0.7..<1.4, { $0.product(axes: $1, keepDimensions: $2) }) {
        $0.reduce(1, *)
      },
      OperationSamples(
        "norm",
        [[3, 4], [2, 33]].map { (shape: Shape) in
          OperationSample([.init(shape)], "\(shape) normalized") {
            $0[0].normalized()
          } reference: {
            $0[0].combine($0[0].fold(axes: [1], keepDimensions: true) { squares($0).squareRoot() }, /)
          }
        }),
    ]
  }

  /// Samples of a reduction: all axes, one, several, kept and dropped, one element, and none if that is defined.
  private static func reductionSamples(
    _ name: String, in range: Range<Float> = -2..<2, ofNothing: Bool = true,
    hasKinks: Bool = false,
    _ forward: @escaping (Variable, [Int]?, Bool) -> Variable, reference: @escaping ([Double]) -> Double
  ) -> OperationSamples {
    var cases: [(Shape, [Int]?, Bool)] = [
      ([], nil, false), ([1], nil, false), ([33], nil, false), ([5, 16], [0], false), ([3, 17], [-1], true),
      ([2, 3, 4], [0, 2], false), ([2, 3, 4], [1], true), ([2, 3, 4], nil, true), ([0, 3], [1], false),
    ]
    if ofNothing { cases.append(([0, 3], [0], false)) }
    return OperationSamples(
      name,
      cases.map { shape, axes, keep in
        OperationSample(
          [.init(shape, in: range)],
          "\(shape) over \(axes.map { "\($0)" } ?? "all")\(keep ? ", kept" : "")", hasKinks: hasKinks
        ) {
          forward($0[0], axes, keep)
        } reference: {
          $0[0].fold(axes: axes, keepDimensions: keep, reference)
        }
      })
  }
}
