import KernelInterface

let rowKernels = RowKernels(
  softmax: { x, out, rows, columns in
    for row in 0..<rows { softmaxRow(x + row * columns, out + row * columns, columns) }
  },
  logSoftmax: { x, out, rows, columns in
    for row in 0..<rows { logSoftmaxRow(x + row * columns, out + row * columns, columns) }
  },
  softmaxDerivative: { y, g, out, rows, columns in
    for row in 0..<rows {
      softmaxDerivativeRow(y + row * columns, g + row * columns, out + row * columns, columns)
    }
  },
  logSoftmaxDerivative: { y, g, out, rows, columns in
    for row in 0..<rows {
      logSoftmaxDerivativeRow(y + row * columns, g + row * columns, out + row * columns, columns)
    }
  },
  maskedSoftmax: { x, mask, maskRowStride, out, rows, columns in
    for row in 0..<rows {
      let y = out + row * columns
      addMask(x + row * columns, mask + row * maskRowStride, y, columns)
      softmaxRow(y, y, columns)
    }
  },
  layerNorm: { x, scale, offset, epsilon, out, mean, reciprocalDeviation, rows, columns in
    for row in 0..<rows {
      let start = row * columns
      (mean[row], reciprocalDeviation[row]) = layerNormRow(
        x + start, scale, offset, epsilon, out + start, columns)
    }
  },
  layerNormDerivative: {
    x, scale, g, mean, reciprocalDeviation, out, scaleGradient, offsetGradient, rows, columns in
    layerNormDerivativeOfRows(
      x, scale, g, mean, reciprocalDeviation, out, scaleGradient, offsetGradient, rows, columns)
  }
)
