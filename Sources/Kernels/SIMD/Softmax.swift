/// One row of softmax; `out` may be `x`.
@inline(__always)
func softmaxRow(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ columns: Int) {
  let shift = Vector(repeating: largest(x, 1, columns))
  let sum = blockedSum(columns) { i, n in
    let e = exponential(load(x + i, stride: 1, n, padding: -.infinity) - shift)
    store(e, out + i, n)
    return e
  }
  let factor = Vector(repeating: Float(1 / sum))
  forEachVector(columns) { i, n in store(load(out + i, stride: 1, n) * factor, out + i, n) }
}

/// One row of log-softmax; `out` may be `x`.
@inline(__always)
func logSoftmaxRow(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ columns: Int) {
  let shift = Vector(repeating: largest(x, 1, columns))
  let sum = blockedSum(columns) { i, n in
    exponential(load(x + i, stride: 1, n, padding: -.infinity) - shift)
  }
  let logSum = logarithm(Vector(repeating: Float(sum)))
  forEachVector(columns) { i, n in store((load(x + i, stride: 1, n) - shift) - logSum, out + i, n) }
}

/// `out = scale * y * (g - sum(y * g))` for one row; `out` may be `g`.
@inline(__always)
func softmaxDerivativeRow(
  _ y: UnsafePointer<Float>, _ g: UnsafePointer<Float>, scale: Float = 1, _ out: UnsafeMutablePointer<Float>,
  _ columns: Int
) {
  let dot = blockedSum(columns) { i, n in load(y + i, stride: 1, n) * load(g + i, stride: 1, n) }
  let shift = Vector(repeating: Float(dot))
  let scale = Vector(repeating: scale)
  forEachVector(columns) { i, n in
    store(load(y + i, stride: 1, n) * (load(g + i, stride: 1, n) - shift) * scale, out + i, n)
  }
}

/// `out = scale * x + mask` for one row; `out` may be `x`.
@inline(__always)
func scaleAndMask(
  _ x: UnsafePointer<Float>, _ scale: Float, _ mask: UnsafePointer<Float>?,
  _ out: UnsafeMutablePointer<Float>,
  _ columns: Int
) {
  let scale = Vector(repeating: scale)
  forEachVector(columns) { i, n in
    var logits = load(x + i, stride: 1, n) * scale
    if let mask { logits += load(mask + i, stride: 1, n) }
    store(logits, out + i, n)
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
