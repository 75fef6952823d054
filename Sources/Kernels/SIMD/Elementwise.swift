import KernelInterface

let elementwiseKernels = ElementwiseKernels(
  unary: { operation, x, xStride, out, count in
    for i in 0..<count { out[i] = -x[i * xStride] }
  },
  binary: { operation, a, aStride, b, bStride, out, count in
    for i in 0..<count { out[i] = a[i * aStride] + b[i * bStride] }
  },
  select: { condition, conditionStride, a, aStride, b, bStride, out, count in
    for i in 0..<count { out[i] = condition[i * conditionStride] != 0 ? a[i * aStride] : b[i * bStride] }
  },
  copy: { x, xStride, out, outStride, count in
    for i in 0..<count { out[i * outStride] = x[i * xStride] }
  },
  copyMatrix: { x, xRowStride, xColumnStride, out, outRowStride, outColumnStride, rows, columns in
    for i in 0..<rows {
      for j in 0..<columns {
        out[i * outRowStride + j * outColumnStride] = x[i * xRowStride + j * xColumnStride]
      }
    }
  },
  addScaled: { scale, x, y, count in
    for i in 0..<count { y[i] += scale * x[i] }
  },
  fill: { value, out, count in
    for i in 0..<count { out[i] = value }
  }
)
