import KernelInterface

@inline(__always)
private func repeating(_ value: Double) -> Vector { Vector(repeating: Float(value)) }

/// The end of every AdaFactor update: averages u into the momentum, if there is one, and applies it and the decay.
@_transparent
private func applyAdaFactor(
  _ u: Vector, _ p: UnsafeMutablePointer<Float>, _ shortMomentum: UnsafeMutablePointer<UInt16>?,
  _ momentum: UnsafeMutablePointer<Float>?, _ n: Int,
  beta1: Vector, complement1: Vector, rate: Vector, decay: Vector
) {
  var step = u
  if let shortMomentum {
    step = multiplyAdd(beta1, loadBFloat16(shortMomentum, n), complement1 * u)
    storeBFloat16(step, shortMomentum, n)
  } else if let momentum {
    step = multiplyAdd(beta1, load(momentum, stride: 1, n), complement1 * u)
    store(step, momentum, n)
  }
  let old = load(p, stride: 1, n)
  store(old - multiplyAdd(rate, step, decay * old), p, n)
}

/// The squares of a vector added to two halves of a sum, as single precision has no room for those of large numbers and
/// loses those of small ones.
private struct SquareSum {
  private var a = SIMD8<Double>(repeating: 0)
  private var b = SIMD8<Double>(repeating: 0)

  @_transparent
  mutating func add(_ x: Vector) {
    let (low, high) = halves(x)
    let (lowDouble, highDouble) = (SIMD8<Double>(low), SIMD8<Double>(high))
    a += lowDouble * lowDouble
    b += highDouble * highDouble
  }

  var total: Double {
    @inline(__always) get {
      let sums = a + b
      var total = 0.0
      for lane in 0..<8 { total += sums[lane] }
      return total
    }
  }
}

let optimizerKernels = OptimizerKernels(
  sgd: { p, g, momentumBuffer, count, rate, momentum, decay, nesterov, isDecoupled in
    let keep = repeating(isDecoupled ? 1 - rate * decay : 1)
    let coupled = repeating(isDecoupled ? 0 : decay)
    let rate = repeating(-rate)
    let momentum = repeating(momentum)
    forEachVector(count) { i, n in
      let old = load(p + i, stride: 1, n) * keep
      var d = multiplyAdd(coupled, old, load(g + i, stride: 1, n))
      if let momentumBuffer {
        let m = multiplyAdd(momentum, load(momentumBuffer + i, stride: 1, n), d)
        store(m, momentumBuffer + i, n)
        d = nesterov ? multiplyAdd(momentum, m, d) : m
      }
      store(multiplyAdd(rate, d, old), p + i, n)
    }
  },
  adam: {
    p, g, m, v, count, rate, beta1, beta2, epsilon, decay, correction1, correction2, isDecoupled in
    let step = repeating(-rate / correction1)
    let deviation = repeating(1 / correction2.squareRoot())
    let keep = repeating(isDecoupled ? 1 - rate * decay : 1)
    let coupled = repeating(isDecoupled ? 0 : decay)
    let (decay1, decay2) = (repeating(beta1), repeating(beta2))
    let (complement1, complement2) = (repeating(1 - beta1), repeating(1 - beta2))
    let epsilon = repeating(epsilon)
    forEachVector(count) { i, n in
      let old = load(p + i, stride: 1, n) * keep
      let gradient = multiplyAdd(coupled, old, load(g + i, stride: 1, n))
      let first = multiplyAdd(decay1, load(m + i, stride: 1, n), complement1 * gradient)
      let second = multiplyAdd(decay2, load(v + i, stride: 1, n), complement2 * gradient * gradient)
      store(first, m + i, n)
      store(second, v + i, n)
      let denominator = multiplyAdd(second.squareRoot(), deviation, epsilon)
      store(multiplyAdd(step, first / denominator, old), p + i, n)
    }
  },
  lion: { p, g, m, count, rate, beta1, beta2, decay in
    let keep = repeating(1 - rate * decay)
    let (down, up) = (repeating(-rate), repeating(rate))
    let (beta1, complement1) = (repeating(beta1), repeating(1 - beta1))
    let (beta2, complement2) = (repeating(beta2), repeating(1 - beta2))
    forEachVector(count) { i, n in
      let gradient = load(g + i, stride: 1, n)
      let momentum = load(m + i, stride: 1, n)
      let direction = multiplyAdd(beta1, momentum, complement1 * gradient)
      // A NaN is neither above nor below zero, and must not pass for a zero.
      let move = select(direction .> .zero, down, select(direction .< .zero, up, direction))
      store(multiplyAdd(load(p + i, stride: 1, n), keep, move), p + i, n)
      store(multiplyAdd(beta2, momentum, complement2 * gradient), m + i, n)
    }
  },
  average: { a, p, count, share in
    let share = repeating(share)
    forEachVector(count) { i, n in
      let old = load(a + i, stride: 1, n)
      store(multiplyAdd(share, load(p + i, stride: 1, n) - old, old), a + i, n)
    }
  },
  squareMeans: { g, epsilon, rowMeans, columnSums, rows, columns in
    let epsilon = Vector(repeating: epsilon)
    for row in 0..<rows {
      let g = g + row * columns
      let sum = blockedSum(columns) { i, n in
        // Lanes beyond the end must not count epsilon.
        let gradient = load(g + i, stride: 1, n)
        let present =
          n == vectorWidth ? epsilon : select(laneNumbers .< Int32(truncatingIfNeeded: n), epsilon, .zero)
        let square = multiplyAdd(gradient, gradient, present)
        store(load(columnSums + i, stride: 1, n) + square, columnSums + i, n)
        return square
      }
      rowMeans[row] = Float(sum / Double(columns))
    }
  },
  adaFactorRow: {
    p, g, rowFactor, columnFactors, limit, shortMomentum, momentum, count, beta1, rate, decay in
    let (factor, limit) = (Vector(repeating: rowFactor), Vector(repeating: limit))
    let (beta, complement) = (repeating(beta1), repeating(1 - beta1))
    let (rate, decay) = (repeating(rate), repeating(decay))
    forEachVector(count) { i, n in
      let scale = minimum(factor * load(columnFactors + i, stride: 1, n), limit)
      applyAdaFactor(
        load(g + i, stride: 1, n) * scale, p + i, shortMomentum.map { $0 + i }, momentum.map { $0 + i }, n,
        beta1: beta, complement1: complement, rate: rate, decay: decay)
    }
  },
  adaFactorRowSquares: { g, rowFactor, columnFactors, limit, count in
    let (factor, limit) = (Vector(repeating: rowFactor), Vector(repeating: limit))
    var sum = SquareSum()
    forEachVector(count) { i, n in
      let scale = minimum(factor * load(columnFactors + i, stride: 1, n), limit)
      sum.add(load(g + i, stride: 1, n) * scale)
    }
    return sum.total
  },
  adaFactor: {
    p, g, v, shortMomentum, momentum, count, epsilon, least, scale, beta1, beta2, rate, decay in
    let (epsilon, least) = (Vector(repeating: epsilon), Vector(repeating: least))
    let (beta, complement) = (repeating(beta1), repeating(1 - beta1))
    let (decay2, complement2) = (repeating(beta2), repeating(1 - beta2))
    let (scale, rate, decay) = (repeating(scale), repeating(rate), repeating(decay))
    let isAveraged = beta2 == 1
    forEachVector(count) { i, n in
      let gradient = load(g + i, stride: 1, n)
      var second = load(v + i, stride: 1, n)
      if !isAveraged {
        second = multiplyAdd(decay2, second, complement2 * multiplyAdd(gradient, gradient, epsilon))
        store(second, v + i, n)
      }
      applyAdaFactor(
        scale * gradient / maximum(second, least).squareRoot(), p + i, shortMomentum.map { $0 + i },
        momentum.map { $0 + i }, n, beta1: beta, complement1: complement, rate: rate, decay: decay)
    }
  },
  adaFactorSquares: { g, v, count, epsilon, least, beta2 in
    let (epsilon, least) = (Vector(repeating: epsilon), Vector(repeating: least))
    let (decay2, complement2) = (repeating(beta2), repeating(1 - beta2))
    var sum = SquareSum()
    forEachVector(count) { i, n in
      let gradient = load(g + i, stride: 1, n)
      let square = multiplyAdd(gradient, gradient, epsilon)
      let second = multiplyAdd(decay2, load(v + i, stride: 1, n), complement2 * square)
      store(second, v + i, n)
      let direction = gradient / maximum(second, least).squareRoot()
      // Lanes beyond the end hold 0 / 0 where nothing is added to squares.
      sum.add(
        n == vectorWidth ? direction : select(laneNumbers .< Int32(truncatingIfNeeded: n), direction, .zero))
    }
    return sum.total
  },
  sumOfSquares: { x, count in
    var sum = SquareSum()
    forEachVector(count) { i, n in sum.add(load(x + i, stride: 1, n)) }
    return sum.total
  }
)
