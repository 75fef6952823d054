import KernelInterface

/// `combine` over all vectors of a row; `identity` stands for lanes that are not there.
@inline(__always)
private func combineLanes(
  _ x: UnsafePointer<Float>, _ stride: Int, _ count: Int, identity: Float,
  _ combine: (Vector, Vector) -> Vector
) -> Vector {
  var a = Vector(repeating: identity)
  var b = a
  var i = 0
  if stride == 1 {
    while i + 2 * vectorWidth <= count {
      a = combine(a, load(x + i))
      b = combine(b, load(x + i + vectorWidth))
      i += 2 * vectorWidth
    }
  }
  while i < count {
    let n = Swift.min(vectorWidth, count - i)
    a = combine(a, load(x + i * stride, stride: stride, n, padding: identity))
    i += n
  }
  return combine(a, b)
}

@inline(__always)
private func product(_ x: UnsafePointer<Float>, _ stride: Int, _ count: Int) -> Float {
  horizontalProduct(combineLanes(x, stride, count, identity: 1) { $0 * $1 })
}

/// The largest number of a row, -infinity if there is none, NaN if there is one.
func largest(_ x: UnsafePointer<Float>, _ stride: Int, _ count: Int) -> Float {
  let lanes = combineLanes(x, stride, count, identity: -.infinity, maximum)
  var result = lanes[0]
  for lane in 1..<vectorWidth {
    let value = lanes[lane]
    if value > result || value != value { result = value }
  }
  return result
}

/// The smallest number of a row, infinity if there is none, NaN if there is one.
@inline(__always)
private func smallest(_ x: UnsafePointer<Float>, _ stride: Int, _ count: Int) -> Float {
  let lanes = combineLanes(x, stride, count, identity: .infinity, minimum)
  var result = lanes[0]
  for lane in 1..<vectorWidth {
    let value = lanes[lane]
    if value < result || value != value { result = value }
  }
  return result
}

@inline(__always)
private func sum(
  _ x: UnsafePointer<Float>, _ stride: Int, _ count: Int, _ function: (Vector) -> Vector
) -> Float {
  // Known to be 1, the stride is not asked for with every vector.
  stride == 1
    ? Float(blockedSum(count) { i, n in function(load(x + i, stride: 1, n)) })
    : Float(blockedSum(count) { i, n in function(load(x + i * stride, stride: stride, n)) })
}

@inline(__always)
private func accumulate(
  _ x: UnsafePointer<Float>, _ stride: Int, _ accumulator: UnsafeMutablePointer<Float>, _ count: Int,
  _ combine: (Vector, Vector) -> Vector
) {
  forEachVector(count) { i, n in
    let old = load(accumulator + i, stride: 1, n)
    store(combine(old, load(x + i * stride, stride: stride, n)), accumulator + i, n)
  }
}

/// Where the first number equal to `value` is, or the first NaN if `value` is one.
@inline(__always)
private func firstIndex(of value: Float, _ x: UnsafePointer<Float>, _ stride: Int, _ count: Int) -> Int {
  let wanted = Vector(repeating: value)
  let wantsNaN = value != value
  var i = 0
  while i + vectorWidth <= count {
    let v = load(x + i * stride, stride: stride, vectorWidth)
    if any(wantsNaN ? v .!= v : v .== wanted) { break }
    i += vectorWidth
  }
  while i < count {
    let candidate = x[i * stride]
    if wantsNaN ? candidate != candidate : candidate == value { return i }
    i += 1
  }
  return 0
}

let reductionKernels = ReductionKernels(
  reduce: { operation, x, stride, count in
    switch operationCase(operation, as: ReductionOperation.self) {
    case .sum: return sum(x, stride, count) { $0 }
    case .product: return product(x, stride, count)
    case .maximum: return largest(x, stride, count)
    case .minimum: return smallest(x, stride, count)
    case .sumOfSquares: return sum(x, stride, count) { $0 * $0 }
    }
  },
  accumulate: { operation, x, stride, accumulator, count in
    switch operationCase(operation, as: ReductionOperation.self) {
    case .sum: accumulate(x, stride, accumulator, count) { $0 + $1 }
    case .product: accumulate(x, stride, accumulator, count) { $0 * $1 }
    case .maximum: accumulate(x, stride, accumulator, count, maximum)
    case .minimum: accumulate(x, stride, accumulator, count, minimum)
    case .sumOfSquares: accumulate(x, stride, accumulator, count) { multiplyAdd($1, $1, $0) }
    }
  },
  argument: { operation, x, stride, count in
    let isMaximum = operation == ReductionOperation.maximum.rawValue
    let value = isMaximum ? largest(x, stride, count) : smallest(x, stride, count)
    return firstIndex(of: value, x, stride, count)
  },
  logSumExp: { x, stride, count in
    let maximum = largest(x, stride, count)
    // Infinite or NaN: the answer is known, and subtracting it would give NaN.
    if !maximum.isFinite { return maximum }
    let sum = sumOfExponentials(x, stride: stride, count, shift: maximum)
    return maximum + logarithm(Vector(repeating: Float(sum)))[0]
  },
  sumOfExponentials: { x, stride, count, shift in
    sumOfExponentials(x, stride: stride, count, shift: shift)
  },
  cumulativeSum: { x, stride, out, outStride, count in
    var sum = 0.0
    for i in 0..<count {
      sum += Double(x[i * stride])
      out[i * outStride] = Float(sum)
    }
  }
)
