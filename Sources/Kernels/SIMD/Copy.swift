@inline(__always)
func copy(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int,
  _ count: Int
) {
  if xStride == 1 && outStride == 1 {
    let bytes = count * MemoryLayout<Float>.stride
    UnsafeMutableRawPointer(out).copyMemory(from: UnsafeRawPointer(x), byteCount: bytes)
  } else if xStride == 0 && outStride == 1 {
    let vector = Vector(repeating: count > 0 ? x[0] : 0)
    forEachVector(count) { i, n in store(vector, out + i, n) }
  } else {
    for i in 0..<count { out[i * outStride] = x[i * xStride] }
  }
}

@inline(__always)
private func loadFour(_ p: UnsafePointer<Float>) -> SIMD4<Float> {
  UnsafeRawPointer(p).loadUnaligned(as: SIMD4<Float>.self)
}

@inline(__always)
private func storeFour(_ vector: SIMD4<Float>, _ p: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(p).storeBytes(of: vector, as: SIMD4<Float>.self)
}

/// `out[j * outStride + i] = x[i * xStride + j]` for 4 x 4 numbers.
@inline(__always)
private func transposeFour(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int
) {
  let a = loadFour(x)
  let b = loadFour(x + xStride)
  let c = loadFour(x + 2 * xStride)
  let d = loadFour(x + 3 * xStride)
  storeFour(SIMD4(a.x, b.x, c.x, d.x), out)
  storeFour(SIMD4(a.y, b.y, c.y, d.y), out + outStride)
  storeFour(SIMD4(a.z, b.z, c.z, d.z), out + 2 * outStride)
  storeFour(SIMD4(a.w, b.w, c.w, d.w), out + 3 * outStride)
}

/// `out[j * outStride + i] = x[i * xStride + j]`, in tiles whose lines stay in the first-level cache.
@inline(__always)
private func transpose(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int,
  _ rows: Int,
  _ columns: Int
) {
  let tile = 32
  var top = 0
  while top < rows {
    let bottom = Swift.min(top + tile, rows)
    var left = 0
    while left < columns {
      let right = Swift.min(left + tile, columns)
      var i = top
      while i + 4 <= bottom {
        var j = left
        while j + 4 <= right {
          transposeFour(x + i * xStride + j, xStride, out + j * outStride + i, outStride)
          j += 4
        }
        while j < right {
          for k in 0..<4 { out[j * outStride + i + k] = x[(i + k) * xStride + j] }
          j += 1
        }
        i += 4
      }
      while i < bottom {
        for j in left..<right { out[j * outStride + i] = x[i * xStride + j] }
        i += 1
      }
      left = right
    }
    top = bottom
  }
}

@inline(__always)
func copyMatrix(
  _ x: UnsafePointer<Float>, _ xRowStride: Int, _ xColumnStride: Int, _ out: UnsafeMutablePointer<Float>,
  _ outRowStride: Int, _ outColumnStride: Int, _ rows: Int, _ columns: Int
) {
  if xColumnStride == 1 && outRowStride == 1 {
    transpose(x, xRowStride, out, outColumnStride, rows, columns)
  } else if xRowStride == 1 && outColumnStride == 1 {
    transpose(x, xColumnStride, out, outRowStride, columns, rows)
  } else if outRowStride == 1 {
    for j in 0..<columns {
      copy(x + j * xColumnStride, xRowStride, out + j * outColumnStride, 1, rows)
    }
  } else {
    for i in 0..<rows {
      copy(x + i * xRowStride, xColumnStride, out + i * outRowStride, outColumnStride, columns)
    }
  }
}
