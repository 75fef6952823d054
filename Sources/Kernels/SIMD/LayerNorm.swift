import KernelInterface

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

/// One row on its way back: with h = scale * g, the derivative is r (h - mean(h) - xhat mean(h xhat)).
private struct LayerNormBackwardRow {
  let x, g: UnsafePointer<Float>
  let out: UnsafeMutablePointer<Float>?
  let mean, reciprocalDeviation: Float
  /// -r mean(h)
  let constant: Float
  /// -r^2 mean(h xhat)
  let slope: Float

  @inline(__always)
  init(
    _ x: UnsafePointer<Float>, _ scale: UnsafePointer<Float>?, _ g: UnsafePointer<Float>, mean: Float,
    reciprocalDeviation: Float, _ out: UnsafeMutablePointer<Float>?, _ columns: Int
  ) {
    (self.x, self.g, self.out) = (x, g, out)
    (self.mean, self.reciprocalDeviation) = (mean, reciprocalDeviation)
    // The sums of h and of h (x - mean), in blocks as `blockedSum` has them.
    var (sum, dot) = (0.0, 0.0)
    if out != nil {
      let shift = Vector(repeating: mean)
      @inline(__always)
      func add(_ i: Int, _ n: Int, _ sums: inout Vector, _ dots: inout Vector) {
        var h = load(g + i, stride: 1, n)
        if let scale { h *= load(scale + i, stride: 1, n) }
        sums += h
        dots = multiplyAdd(h, load(x + i, stride: 1, n, padding: mean) - shift, dots)
      }
      var i = 0
      while i < columns {
        let end = Swift.min(i + 1024, columns)
        var (sums0, dots0, sums1, dots1) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
        while i + 2 * vectorWidth <= end {
          add(i, vectorWidth, &sums0, &dots0)
          add(i + vectorWidth, vectorWidth, &sums1, &dots1)
          i += 2 * vectorWidth
        }
        while i < end {
          let n = Swift.min(vectorWidth, end - i)
          add(i, n, &sums0, &dots0)
          i += n
        }
        sum += Double(horizontalSum(sums0 + sums1))
        dot += Double(horizontalSum(dots0 + dots1))
      }
    }
    let r = Double(reciprocalDeviation)
    constant = Float(-r * sum / Double(columns))
    slope = Float(-r * r * r * dot / Double(columns))
  }

  /// Stores a vector of the derivative, and adds to the derivatives of scale and offset.
  @_transparent
  func step(
    _ i: Int, _ n: Int, _ scale: Vector, _ scaleSum: inout Vector, _ offsetSum: inout Vector
  ) {
    let gradient = load(g + i, stride: 1, n)
    let difference = load(x + i, stride: 1, n) - Vector(repeating: mean)
    let factor = Vector(repeating: reciprocalDeviation)
    if let out {
      let far = multiplyAdd(difference, Vector(repeating: slope), constant)
      store(multiplyAdd(gradient * scale, factor, far), out + i, n)
    }
    scaleSum = multiplyAdd(gradient, difference * factor, scaleSum)
    offsetSum += gradient
  }
}

/// Adds a vector to sums in memory, if there are any.
@_transparent
private func add(_ x: Vector, to sums: UnsafeMutablePointer<Float>?, _ i: Int, _ n: Int) {
  if let sums { store(load(sums + i, stride: 1, n) + x, sums + i, n) }
}

/// The derivatives of some rows: with respect to the rows, if there is an `out`, and with respect to scale and offset,
/// added to the sums there are. Four rows at a time, so that the sums are read and written once for all four.
func layerNormDerivativeOfRows(
  _ x: UnsafePointer<Float>, _ scale: UnsafePointer<Float>?, _ g: UnsafePointer<Float>,
  _ mean: UnsafePointer<Float>, _ reciprocalDeviation: UnsafePointer<Float>,
  _ out: UnsafeMutablePointer<Float>?,
  _ scaleGradient: UnsafeMutablePointer<Float>?, _ offsetGradient: UnsafeMutablePointer<Float>?, _ rows: Int,
  _ columns: Int
) {
  func backward(_ row: Int) -> LayerNormBackwardRow {
    LayerNormBackwardRow(
      x + row * columns, scale, g + row * columns, mean: mean[row],
      reciprocalDeviation: reciprocalDeviation[row], out.map { $0 + row * columns }, columns)
  }
  let one = Vector(repeating: 1)
  var row = 0
  while row + 4 <= rows {
    let (a, b, c, d) = (backward(row), backward(row + 1), backward(row + 2), backward(row + 3))
    forEachVector(columns) { i, n in
      let scale = scale == nil ? one : load(scale! + i, stride: 1, n)
      var (scaleSum, offsetSum) = (Vector.zero, Vector.zero)
      a.step(i, n, scale, &scaleSum, &offsetSum)
      b.step(i, n, scale, &scaleSum, &offsetSum)
      c.step(i, n, scale, &scaleSum, &offsetSum)
      d.step(i, n, scale, &scaleSum, &offsetSum)
      add(scaleSum, to: scaleGradient, i, n)
      add(offsetSum, to: offsetGradient, i, n)
    }
    row += 4
  }
  while row < rows {
    let last = backward(row)
    forEachVector(columns) { i, n in
      let scale = scale == nil ? one : load(scale! + i, stride: 1, n)
      var (scaleSum, offsetSum) = (Vector.zero, Vector.zero)
      last.step(i, n, scale, &scaleSum, &offsetSum)
      add(scaleSum, to: scaleGradient, i, n)
      add(offsetSum, to: offsetGradient, i, n)
    }
    row += 1
  }
}
