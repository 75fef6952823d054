/// Normalises one row, which stays in the cache over its three passes; returns mean and reciprocal deviation.
@inline(__always)
func layerNormRow(
  _ x: UnsafePointer<Float>, _ scale: UnsafePointer<Float>?, _ offset: UnsafePointer<Float>?,
  _ epsilon: Float,
  _ out: UnsafeMutablePointer<Float>, _ columns: Int
) -> (mean: Float, reciprocalDeviation: Float) {
  let mean = Float(blockedSum(columns) { i, n in load(x + i, stride: 1, n) } / Double(columns))
  let shift = Vector(repeating: mean)
  let squares = blockedSum(columns) { i, n in
    let difference = load(x + i, stride: 1, n, padding: mean) - shift
    return difference * difference
  }
  let reciprocalDeviation = Float(1 / (squares / Double(columns) + Double(epsilon)).squareRoot())
  let factor = Vector(repeating: reciprocalDeviation)
  forEachVector(columns) { i, n in
    var y = (load(x + i, stride: 1, n) - shift) * factor
    if let scale { y *= load(scale + i, stride: 1, n) }
    if let offset { y += load(offset + i, stride: 1, n) }
    store(y, out + i, n)
  }
  return (mean, reciprocalDeviation)
}

/// Derivative with respect to one row: r (h - mean(h) - xhat mean(h xhat)) with h = scale * g.
@inline(__always)
func layerNormInputDerivativeRow(
  _ x: UnsafePointer<Float>, _ scale: UnsafePointer<Float>?, _ g: UnsafePointer<Float>, mean: Float,
  reciprocalDeviation: Float, _ out: UnsafeMutablePointer<Float>, _ columns: Int
) {
  let shift = Vector(repeating: mean)
  let factor = Vector(repeating: reciprocalDeviation)
  var dots = Vector(repeating: 0)
  // Two sums in one pass over the row: `blockedSum` takes the first, this the second.
  var dot = 0.0
  let sum = blockedSum(columns) { i, n in
    var h = load(g + i, stride: 1, n)
    if let scale { h *= load(scale + i, stride: 1, n) }
    dots = multiplyAdd(h, (load(x + i, stride: 1, n, padding: mean) - shift) * factor, dots)
    if i & 1023 >= 1008 || i + n == columns {
      dot += Double(horizontalSum(dots))
      dots = Vector(repeating: 0)
    }
    return h
  }
  let meanOfGradient = Vector(repeating: Float(sum / Double(columns)))
  let meanOfProduct = Vector(repeating: -Float(dot / Double(columns)))
  forEachVector(columns) { i, n in
    var h = load(g + i, stride: 1, n)
    if let scale { h *= load(scale + i, stride: 1, n) }
    let normalised = (load(x + i, stride: 1, n) - shift) * factor
    store(factor * multiplyAdd(normalised, meanOfProduct, h - meanOfGradient), out + i, n)
  }
}

/// Adds the derivatives with respect to scale and offset, 16 columns at a time, blocks of 64 rows in registers.
@inline(__always)
func layerNormParameterDerivativeOfRows(
  _ x: UnsafePointer<Float>, _ g: UnsafePointer<Float>, _ mean: UnsafePointer<Float>,
  _ reciprocalDeviation: UnsafePointer<Float>, _ scaleGradient: UnsafeMutablePointer<Float>,
  _ offsetGradient: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int
) {
  var top = 0
  while top < rows {
    let bottom = Swift.min(top + 64, rows)
    forEachVector(columns) { i, n in
      var scaleSum = Vector(repeating: 0)
      var offsetSum = Vector(repeating: 0)
      for row in top..<bottom {
        let gradient = load(g + row * columns + i, stride: 1, n)
        let difference = load(x + row * columns + i, stride: 1, n) - Vector(repeating: mean[row])
        scaleSum = multiplyAdd(gradient, difference * Vector(repeating: reciprocalDeviation[row]), scaleSum)
        offsetSum += gradient
      }
      store(load(scaleGradient + i, stride: 1, n) + scaleSum, scaleGradient + i, n)
      store(load(offsetGradient + i, stride: 1, n) + offsetSum, offsetGradient + i, n)
    }
    top = bottom
  }
}
