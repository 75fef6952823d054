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

let optimizerKernels = OptimizerKernels(
  sgd: { p, g, momentumBuffer, count, rate, momentum, decay, nesterov in
    let rate = repeating(-rate)
    let momentum = repeating(momentum)
    let decay = repeating(decay)
    forEachVector(count) { i, n in
      let old = load(p + i, stride: 1, n)
      var d = multiplyAdd(decay, old, load(g + i, stride: 1, n))
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
  adaFactorRow: { p, g, rowFactor, columnFactors, shortMomentum, momentum, count, beta1, rate, decay in
    let factor = Vector(repeating: rowFactor)
    let (beta, complement) = (repeating(beta1), repeating(1 - beta1))
    let (rate, decay) = (repeating(rate), repeating(decay))
    forEachVector(count) { i, n in
      let u = load(g + i, stride: 1, n) * factor * load(columnFactors + i, stride: 1, n)
      applyAdaFactor(
        u, p + i, shortMomentum.map { $0 + i }, momentum.map { $0 + i }, n, beta1: beta,
        complement1: complement,
        rate: rate, decay: decay)
    }
  },
  adaFactor: { p, g, v, shortMomentum, momentum, count, epsilon, beta1, beta2, rate, decay in
    let epsilon = Vector(repeating: epsilon)
    let (beta, complement) = (repeating(beta1), repeating(1 - beta1))
    let (decay2, complement2) = (repeating(beta2), repeating(1 - beta2))
    let (rate, decay) = (repeating(rate), repeating(decay))
    forEachVector(count) { i, n in
      let gradient = load(g + i, stride: 1, n)
      let square = multiplyAdd(gradient, gradient, epsilon)
      let second = multiplyAdd(decay2, load(v + i, stride: 1, n), complement2 * square)
      store(second, v + i, n)
      applyAdaFactor(
        gradient / second.squareRoot(), p + i, shortMomentum.map { $0 + i }, momentum.map { $0 + i }, n,
        beta1: beta, complement1: complement, rate: rate, decay: decay)
    }
  },
  sumOfSquares: { x, count in
    // In single precision the squares of large numbers would overflow, those of small ones vanish.
    var (a, b) = (SIMD8<Double>(repeating: 0), SIMD8<Double>(repeating: 0))
    forEachVector(count) { i, n in
      let (low, high) = halves(load(x + i, stride: 1, n))
      let (lowDouble, highDouble) = (SIMD8<Double>(low), SIMD8<Double>(high))
      a += lowDouble * lowDouble
      b += highDouble * highDouble
    }
    let sums = a + b
    var total = 0.0
    for lane in 0..<8 { total += sums[lane] }
    return total
  }
)
