#if AVX512
  private typealias Vector = SIMD16<Float>
#elseif AVX2
  private typealias Vector = SIMD8<Float>
#else
  private typealias Vector = SIMD4<Float>
#endif

/// Multiply-adds in registers alone, on as many independent sums as hide their latency: what no product can exceed.
public enum MultiplyAdds {
  /// Floating-point operations of one iteration.
  public static let flopsPerIteration = 12 * 2 * Vector.scalarCount

  /// Runs the loop; the result only keeps the compiler from removing it.
  @inline(never)
  public static func run(iterations: Int, factor: Float) -> Float {
    let factor = Vector(repeating: factor)
    let term = Vector(repeating: 1)
    var (a, b, c, d, e, f) = (term, term, term, term, term, term)
    var (g, h, i, j, k, l) = (term, term, term, term, term, term)
    for _ in 0..<iterations {
      a = multiplyAdd(term, a, factor)
      b = multiplyAdd(term, b, factor)
      c = multiplyAdd(term, c, factor)
      d = multiplyAdd(term, d, factor)
      e = multiplyAdd(term, e, factor)
      f = multiplyAdd(term, f, factor)
      g = multiplyAdd(term, g, factor)
      h = multiplyAdd(term, h, factor)
      i = multiplyAdd(term, i, factor)
      j = multiplyAdd(term, j, factor)
      k = multiplyAdd(term, k, factor)
      l = multiplyAdd(term, l, factor)
    }
    let sum = a + b + c + d + e + f + g + h + i + j + k + l
    return sum[0]
  }

  @_transparent
  private static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
    #if AVX512 || AVX2 || arch(arm64)
      sum.addingProduct(a, b)
    #else
      // Plain x86-64 has no fused multiply-add: it would be a call.
      sum + a * b
    #endif
  }
}
