import KernelInterface

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@inline(__always) func scalarCombine(_ operation: ReductionOperation, _ accumulator: Float, _ x: Float)
  -> Float
{
  switch operation {
  case .sum: return accumulator + x
  case .product: return accumulator * x
  case .maximum: return accumulator > x || accumulator != accumulator ? accumulator : x
  case .minimum: return accumulator < x || accumulator != accumulator ? accumulator : x
  case .sumOfSquares: return accumulator + x * x
  case .sumOfAbsolutes: return accumulator + x.magnitude
  }
}

let reductionKernels = ReductionKernels(
  reduce: { operation, x, stride, count in
    let operation = ReductionOperation(rawValue: operation).unsafelyUnwrapped
    switch operation {
    case .sum, .sumOfSquares, .sumOfAbsolutes:
      var sum = 0.0
      for i in 0..<count {
        let value = Double(x[i * stride])
        sum += operation == .sum ? value : operation == .sumOfSquares ? value * value : value.magnitude
      }
      return Float(sum)
    case .product:
      var product = 1.0
      for i in 0..<count { product *= Double(x[i * stride]) }
      return Float(product)
    case .maximum:
      var result = -Float.infinity
      for i in 0..<count { result = scalarCombine(.maximum, result, x[i * stride]) }
      return result
    case .minimum:
      var result = Float.infinity
      for i in 0..<count { result = scalarCombine(.minimum, result, x[i * stride]) }
      return result
    }
  },
  accumulate: { operation, x, stride, accumulator, count in
    let operation = ReductionOperation(rawValue: operation).unsafelyUnwrapped
    for i in 0..<count { accumulator[i] = scalarCombine(operation, accumulator[i], x[i * stride]) }
  },
  argument: { operation, x, stride, count in
    let isMaximum = operation == ReductionOperation.maximum.rawValue
    var best = 0
    for i in 0..<count {
      let value = x[i * stride]
      let bestValue = x[best * stride]
      if bestValue != bestValue { return best }
      if value != value || (isMaximum ? value > bestValue : value < bestValue) { best = i }
    }
    return best
  },
  logSumExp: { x, stride, count in
    var maximum = -Float.infinity
    for i in 0..<count { maximum = scalarCombine(.maximum, maximum, x[i * stride]) }
    if maximum == -.infinity || maximum == .infinity || maximum != maximum { return maximum }
    var sum: Float = 0
    for i in 0..<count { sum += expf(x[i * stride] - maximum) }
    return maximum + logf(sum)
  },
  cumulativeSum: { x, stride, out, outStride, count in
    var sum = 0.0
    for i in 0..<count {
      sum += Double(x[i * stride])
      out[i * outStride] = Float(sum)
    }
  }
)
