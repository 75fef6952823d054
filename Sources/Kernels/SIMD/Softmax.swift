import KernelInterface

/// Sum of `exp(x - shift)` over a row of any stride; stores the exponentials too if there is an `out`, which may be
/// `x`. One column may be left out of the sum.
///
/// Written out, not in terms of `blockedSum`: a closure of this size would be called for every vector.
func sumOfExponentials(
  _ x: UnsafePointer<Float>, stride: Int, _ count: Int, shift: Float, except column: Int = -1,
  out: UnsafeMutablePointer<Float>? = nil
) -> Double {
  let shift = Vector(repeating: shift)
  var total = 0.0
  var i = 0
  while i < count {
    let end = Swift.min(i + 1024, count)
    var a = Vector(repeating: 0)
    var b = a
    // Below zero the distance to the column is a large number too.
    while stride == 1 && i + 2 * vectorWidth <= end && UInt(bitPattern: column &- i) >= 2 * UInt(vectorWidth)
    {
      let first = exponential(load(x + i) - shift)
      let second = exponential(load(x + i + vectorWidth) - shift)
      if let out {
        store(first, out + i)
        store(second, out + i + vectorWidth)
      }
      a += first
      b += second
      i += 2 * vectorWidth
    }
    while i < end {
      let n = Swift.min(vectorWidth, end - i)
      var e = exponential(load(x + i * stride, stride: stride, n, padding: -.infinity) - shift)
      if let out { store(e, out + i, n) }
      let lane = column &- i
      if lane >= 0 && lane < vectorWidth { e[lane] = 0 }
      a += e
      // In turns, as above: zeros behind the last number, such as those of hidden keys, change no sum.
      (a, b) = (b, a)
      i += n
    }
    total += Double(horizontalSum(a + b))
  }
  return total
}

/// One row of softmax; `out` may be `x`.
@inline(__always)
func softmaxRow(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ columns: Int) {
  let sum = sumOfExponentials(x, stride: 1, columns, shift: largest(x, 1, columns), out: out)
  let factor = Vector(repeating: Float(1 / sum))
  forEachVector(columns) { i, n in store(load(out + i, stride: 1, n) * factor, out + i, n) }
}

/// One row of log-softmax; `out` may be `x`.
@inline(__always)
func logSoftmaxRow(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ columns: Int) {
  let largest = largest(x, 1, columns)
  let sum = sumOfExponentials(x, stride: 1, columns, shift: largest)
  let shift = Vector(repeating: largest)
  let logSum = logarithm(Vector(repeating: Float(sum)))
  forEachVector(columns) { i, n in store((load(x + i, stride: 1, n) - shift) - logSum, out + i, n) }
}

/// `out = y * (g - sum(y * g))` for one row; `out` may be `g`.
@inline(__always)
func softmaxDerivativeRow(
  _ y: UnsafePointer<Float>, _ g: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ columns: Int
) {
  let dot = blockedSum(columns) { i, n in load(y + i, stride: 1, n) * load(g + i, stride: 1, n) }
  let shift = Vector(repeating: Float(dot))
  forEachVector(columns) { i, n in
    store(load(y + i, stride: 1, n) * (load(g + i, stride: 1, n) - shift), out + i, n)
  }
}

/// `out = x + mask` for one row; `out` may be `x`.
@inline(__always)
func addMask(
  _ x: UnsafePointer<Float>, _ mask: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ columns: Int
) {
  forEachVector(columns) { i, n in store(load(x + i, stride: 1, n) + load(mask + i, stride: 1, n), out + i, n)
  }
}

/// `out = g - exp(y) * sum(g)` for one row; `out` may be `g`.
@inline(__always)
func logSoftmaxDerivativeRow(
  _ y: UnsafePointer<Float>, _ g: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ columns: Int
) {
  let factor = Vector(repeating: -Float(blockedSum(columns) { i, n in load(g + i, stride: 1, n) }))
  forEachVector(columns) { i, n in
    let e = exponential(load(y + i, stride: 1, n))
    store(multiplyAdd(e, factor, load(g + i, stride: 1, n)), out + i, n)
  }
}
