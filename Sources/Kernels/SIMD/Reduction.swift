import KernelInterface

let reductionKernels = ReductionKernels(
  reduce: { _, x, stride, count in
    var sum: Float = 0
    for i in 0..<count { sum += x[i * stride] }
    return sum
  },
  accumulate: { _, x, stride, accumulator, count in
    for i in 0..<count { accumulator[i] += x[i * stride] }
  },
  argument: { _, x, stride, count in 0 },
  logSumExp: { x, stride, count in 0 },
  cumulativeSum: { x, stride, out, outStride, count in }
)
