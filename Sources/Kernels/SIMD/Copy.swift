import KernelInterface

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
func storeFour(_ vector: SIMD4<Float>, _ p: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(p).storeBytes(of: vector, as: SIMD4<Float>.self)
}

/// `out[j * outStride + i] = x[i * xStride + j]` for 4 x 4 numbers.
@inline(__always)
private func transposeFour(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int
) {
  transposeFour(x, xStride) { storeFour($1, out + $0 * outStride) }
}

/// Calls `body` with each of four numbers of four lanes, the lanes side by side.
@inline(__always)
func transposeFour(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ body: (_ number: Int, _ lanes: SIMD4<Float>) -> Void
) {
  let a = loadFour(x)
  let b = loadFour(x + xStride)
  let c = loadFour(x + 2 * xStride)
  let d = loadFour(x + 3 * xStride)
  body(0, SIMD4(a.x, b.x, c.x, d.x))
  body(1, SIMD4(a.y, b.y, c.y, d.y))
  body(2, SIMD4(a.z, b.z, c.z, d.z))
  body(3, SIMD4(a.w, b.w, c.w, d.w))
}

#if !AVX512
  /// Room for 16 x 16 numbers.
  private struct Tile {
    private typealias Rows = (Vector, Vector, Vector, Vector)
    private var rows: (Rows, Rows, Rows, Rows)

    @inline(__always)
    init() {
      let four = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
      rows = (four, four, four, four)
    }
  }

  /// `out[j * outStride + i] = x[i * xStride + j]` for 16 x 16 numbers, which are put together in a tile first: then every
  /// cache line is written once and whole, however far apart they are.
  @inline(__always)
  private func transposeSixteen(
    _ x: UnsafePointer<Float>, _ xStride: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int,
    _ tile: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<4 {
      for j in 0..<4 {
        transposeFour(x + 4 * i * xStride + 4 * j, xStride, tile + 4 * j * vectorWidth + 4 * i, vectorWidth)
      }
    }
    for j in 0..<vectorWidth { store(load(tile + j * vectorWidth), out + j * outStride) }
  }
#endif

/// `out[j * outStride + i] = x[i * xStride + j]`
@inline(__always)
func transpose(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int,
  _ rows: Int,
  _ columns: Int
) {
  #if AVX512
    transpose(x, xStride, out, outStride, rows, columns) {
      transposeSixteen($0, xStride, vectorWidth, $1, outStride, lastWidth: vectorWidth)
    }
  #else
    var tile = Tile()
    withUnsafeMutablePointer(to: &tile) {
      let tile = UnsafeMutableRawPointer($0).assumingMemoryBound(to: Float.self)
      transpose(x, xStride, out, outStride, rows, columns) {
        transposeSixteen($0, xStride, $1, outStride, tile)
      }
    }
  #endif
}

/// The same, given what transposes 16 x 16 numbers.
@inline(__always)
private func transpose(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int,
  _ rows: Int, _ columns: Int, _ transposeSquare: (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
) {
  var i = 0
  while i + vectorWidth <= rows {
    var j = 0
    while j + vectorWidth <= columns {
      transposeSquare(x + i * xStride + j, out + j * outStride + i)
      j += vectorWidth
    }
    var k = i
    while k < i + vectorWidth {
      transposeEdge(x + k * xStride, xStride, out + k, outStride, from: j, to: columns)
      k += 4
    }
    i += vectorWidth
  }
  while i + 4 <= rows {
    transposeEdge(x + i * xStride, xStride, out + i, outStride, from: 0, to: columns)
    i += 4
  }
  while i < rows {
    for j in 0..<columns { out[j * outStride + i] = x[i * xStride + j] }
    i += 1
  }
}

/// Four rows of a transpose.
@inline(__always)
private func transposeEdge(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int,
  from start: Int, to end: Int
) {
  var j = start
  while j + 4 <= end {
    transposeFour(x + j, xStride, out + j * outStride, outStride)
    j += 4
  }
  while j < end {
    for k in 0..<4 { out[j * outStride + k] = x[k * xStride + j] }
    j += 1
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
