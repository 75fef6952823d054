import KernelInterface

/// Eight of a vector's numbers at twice the precision: half of the sums, and room for squares of any `Float`.
private typealias Doubles = SIMD8<Double>

@_transparent
private func widened(_ x: SIMD8<Float>) -> Doubles {
  // Not the initialiser from another vector, which would be a generic function of the modules of all instruction sets.
  Doubles(
    Double(x[0]), Double(x[1]), Double(x[2]), Double(x[3]), Double(x[4]), Double(x[5]), Double(x[6]),
    Double(x[7]))
}

/// Distances of the numbers of a vector from pivots: exact but for the smallest digits of far apart numbers.
@_transparent
private func distances(_ x: Vector, _ pivots: (low: Doubles, high: Doubles)) -> (low: Doubles, high: Doubles)
{
  let x = halves(x)
  return (widened(x.low) - pivots.low, widened(x.high) - pivots.high)
}

@_transparent
private func horizontalSum(_ x: Doubles) -> Double {
  ((x[0] + x[4]) + (x[1] + x[5])) + ((x[2] + x[6]) + (x[3] + x[7]))
}

@_transparent
private func load(_ p: UnsafePointer<Double>) -> Doubles {
  UnsafeRawPointer(p).loadUnaligned(as: Doubles.self)
}

@_transparent
private func store(_ x: Doubles, _ p: UnsafeMutablePointer<Double>) {
  UnsafeMutableRawPointer(p).storeBytes(of: x, as: Doubles.self)
}

let momentKernels = MomentKernels(
  reduce: { x, stride, count, pivot, sums in
    let pivots = (low: Doubles(repeating: Double(pivot)), high: Doubles(repeating: Double(pivot)))
    var (sums0, sums1, squares0, squares1) = (Doubles.zero, Doubles.zero, Doubles.zero, Doubles.zero)
    var i = 0
    while i < count {
      let n = Swift.min(vectorWidth, count - i)
      let d = distances(load(x + i * stride, stride: stride, n, padding: pivot), pivots)
      sums0 += d.low
      sums1 += d.high
      squares0 += d.low * d.low
      squares1 += d.high * d.high
      i += n
    }
    sums[0] += horizontalSum(sums0 + sums1)
    sums[1] += horizontalSum(squares0 + squares1)
  },
  accumulate: { x, rowStride, rows, pivots, sums, squares, columns in
    forEachVector(columns) { column, n in
      let p = halves(load(pivots + column, stride: 1, n))
      let pivots = (low: widened(p.low), high: widened(p.high))
      let (sums, squares) = (sums + column, squares + column)
      var (sums0, sums1) = (load(sums), load(sums + 8))
      var (squares0, squares1) = (load(squares), load(squares + 8))
      for row in 0..<rows {
        let d = distances(load(x + row * rowStride + column, stride: 1, n), pivots)
        sums0 += d.low
        sums1 += d.high
        squares0 += d.low * d.low
        squares1 += d.high * d.high
      }
      store(sums0, sums)
      store(sums1, sums + 8)
      store(squares0, squares)
      store(squares1, squares + 8)
    }
  }
)
