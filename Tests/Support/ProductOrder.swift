/// One element of a product as `GemmBlocking` states it, number by number: blocks of 256 steps, each summed from zero,
/// `alpha` times the first plus `beta` times the old value, then `alpha` times each other one added.
///
/// - Parameter isFused: Whether a multiplication and the addition behind it are rounded once.
public func productInOrder(
  _ a: UnsafePointer<Float>, _ aStride: Int, _ b: UnsafePointer<Float>, _ bStride: Int, depth: Int,
  alpha: Float,
  beta: Float, old: Float, isFused: Bool
) -> Float {
  var result = beta == 0 ? 0 : beta * old
  for start in stride(from: 0, to: depth, by: 256) {
    var sum: Float = 0
    for step in start..<min(start + 256, depth) {
      let (x, y) = (a[step * aStride], b[step * bStride])
      sum = isFused ? sum.addingProduct(x, y) : sum + x * y
    }
    result = start == 0 && beta == 0 ? alpha * sum : alpha * sum + result
  }
  return result
}
