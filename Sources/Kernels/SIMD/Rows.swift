import KernelInterface

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

let rowKernels = RowKernels(
  softmax: { x, out, rows, columns in
    for row in 0..<rows {
      let x = x + row * columns
      let out = out + row * columns
      var maximum = -Float.infinity
      for j in 0..<columns { maximum = max(maximum, x[j]) }
      var sum: Float = 0
      for j in 0..<columns {
        out[j] = expf(x[j] - maximum)
        sum += out[j]
      }
      for j in 0..<columns { out[j] /= sum }
    }
  },
  logSoftmax: { x, out, rows, columns in
    for row in 0..<rows {
      let x = x + row * columns
      let out = out + row * columns
      var maximum = -Float.infinity
      for j in 0..<columns { maximum = max(maximum, x[j]) }
      var sum: Float = 0
      for j in 0..<columns { sum += expf(x[j] - maximum) }
      let logSum = logf(sum)
      for j in 0..<columns { out[j] = (x[j] - maximum) - logSum }
    }
  },
  softmaxDerivative: { y, g, out, rows, columns in
    for row in 0..<rows {
      let offset = row * columns
      var sum: Float = 0
      for j in offset..<offset + columns { sum += y[j] * g[j] }
      for j in offset..<offset + columns { out[j] = y[j] * (g[j] - sum) }
    }
  },
  logSoftmaxDerivative: { y, g, out, rows, columns in
    for row in 0..<rows {
      let offset = row * columns
      var sum: Float = 0
      for j in offset..<offset + columns { sum += g[j] }
      for j in offset..<offset + columns { out[j] = g[j] - expf(y[j]) * sum }
    }
  },
  layerNorm: { x, scale, offset, epsilon, out, mean, reciprocalDeviation, rows, columns in
    for row in 0..<rows {
      let x = x + row * columns
      let out = out + row * columns
      var sum = 0.0
      for j in 0..<columns { sum += Double(x[j]) }
      let m = Float(sum / Double(columns))
      var squares = 0.0
      for j in 0..<columns { squares += Double((x[j] - m) * (x[j] - m)) }
      let r = 1 / (Float(squares / Double(columns)) + epsilon).squareRoot()
      mean[row] = m
      reciprocalDeviation[row] = r
      for j in 0..<columns {
        var y = (x[j] - m) * r
        if let scale { y *= scale[j] }
        if let offset { y += offset[j] }
        out[j] = y
      }
    }
  },
  layerNormInputDerivative: { x, scale, g, mean, reciprocalDeviation, out, rows, columns in
    for row in 0..<rows {
      let x = x + row * columns
      let g = g + row * columns
      let out = out + row * columns
      let m = mean[row]
      let r = reciprocalDeviation[row]
      var sum: Float = 0
      var dot: Float = 0
      for j in 0..<columns {
        let scaled = scale.map { $0[j] * g[j] } ?? g[j]
        sum += scaled
        dot += scaled * (x[j] - m) * r
      }
      sum /= Float(columns)
      dot /= Float(columns)
      for j in 0..<columns {
        let scaled = scale.map { $0[j] * g[j] } ?? g[j]
        out[j] = r * (scaled - sum - (x[j] - m) * r * dot)
      }
    }
  },
  layerNormParameterDerivative: {
    x, g, mean, reciprocalDeviation, scaleGradient, offsetGradient, rows, columns in
    for row in 0..<rows {
      let x = x + row * columns
      let g = g + row * columns
      for j in 0..<columns {
        scaleGradient[j] += g[j] * (x[j] - mean[row]) * reciprocalDeviation[row]
        offsetGradient[j] += g[j]
      }
    }
  }
)
