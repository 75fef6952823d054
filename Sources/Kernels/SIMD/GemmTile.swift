import KernelInterface

// The register tile of a product: two vectors wide, and as many rows as leave registers for two vectors of B and one
// number of A. 32 registers: 24 or 28 accumulators; 16 registers: 12.

#if AVX512
  typealias TileVector = SIMD16<Float>
#elseif AVX2
  typealias TileVector = SIMD8<Float>
#else
  typealias TileVector = SIMD4<Float>
#endif

#if AVX512 || arch(arm64)
  let tileRows = 12
#else
  let tileRows = 6
#endif

let tileColumns = 2 * TileVector.scalarCount

#if !AVX512
  /// As `multiplyAdd` of 16 numbers, which is what AVX-512 uses.
  @inline(__always)
  func multiplyAdd(_ a: TileVector, _ b: TileVector, _ c: TileVector) -> TileVector {
    #if AVX2 || arch(arm64)
      c.addingProduct(a, b)
    #else
      c + a * b
    #endif
  }
#endif

@inline(__always)
func loadVector(_ pointer: UnsafePointer<Float>) -> TileVector {
  UnsafeRawPointer(pointer).loadUnaligned(as: TileVector.self)
}

@inline(__always)
func storeVector(_ vector: TileVector, _ pointer: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: vector, as: TileVector.self)
}

/// Sum of the lanes, by halves. The library's `sum()` would be one symbol shared by the modules of all instruction sets.
@inline(__always)
func sumOfLanes(_ x: TileVector) -> Float {
  #if AVX512
    let eight = x.lowHalf + x.highHalf
    let four = eight.lowHalf + eight.highHalf
  #elseif AVX2
    let four = x.lowHalf + x.highHalf
  #else
    let four = x
  #endif
  let two = four.lowHalf + four.highHalf
  return two.x + two.y
}

/// One row of a tile, in two registers.
struct TileRow {
  var low = TileVector.zero
  var high = TileVector.zero

  @inline(__always)
  mutating func add(_ a: Float, _ low: TileVector, _ high: TileVector) {
    let a = TileVector(repeating: a)
    self.low = multiplyAdd(a, low, self.low)
    self.high = multiplyAdd(a, high, self.high)
  }

  /// Stores `alpha * row + beta * c`.
  @inline(__always)
  func store(_ c: UnsafeMutablePointer<Float>, _ alpha: Float, _ beta: Float) {
    let width = TileVector.scalarCount
    if beta == 0 {
      storeVector(low * alpha, c)
      storeVector(high * alpha, c + width)
    } else {
      storeVector(low * alpha + loadVector(c) * beta, c)
      storeVector(high * alpha + loadVector(c + width) * beta, c + width)
    }
  }
}

/// A whole tile: `c = alpha a b + beta c` for one packed panel of A and one of B.
@inline(__always)
func multiplyTile(
  _ depth: Int, _ alpha: Float, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ beta: Float,
  _ c: UnsafeMutablePointer<Float>, _ cRowStride: Int
) {
  var (r0, r1, r2, r3, r4, r5) = (TileRow(), TileRow(), TileRow(), TileRow(), TileRow(), TileRow())
  #if AVX512 || arch(arm64)
    var (r6, r7, r8, r9, r10, r11) = (TileRow(), TileRow(), TileRow(), TileRow(), TileRow(), TileRow())
  #endif
  var (a, b) = (a, b)
  for _ in 0..<depth {
    let low = loadVector(b)
    let high = loadVector(b + TileVector.scalarCount)
    r0.add(a[0], low, high)
    r1.add(a[1], low, high)
    r2.add(a[2], low, high)
    r3.add(a[3], low, high)
    r4.add(a[4], low, high)
    r5.add(a[5], low, high)
    #if AVX512 || arch(arm64)
      r6.add(a[6], low, high)
      r7.add(a[7], low, high)
      r8.add(a[8], low, high)
      r9.add(a[9], low, high)
      r10.add(a[10], low, high)
      r11.add(a[11], low, high)
    #endif
    a += tileRows
    b += tileColumns
  }
  r0.store(c, alpha, beta)
  r1.store(c + cRowStride, alpha, beta)
  r2.store(c + 2 * cRowStride, alpha, beta)
  r3.store(c + 3 * cRowStride, alpha, beta)
  r4.store(c + 4 * cRowStride, alpha, beta)
  r5.store(c + 5 * cRowStride, alpha, beta)
  #if AVX512 || arch(arm64)
    r6.store(c + 6 * cRowStride, alpha, beta)
    r7.store(c + 7 * cRowStride, alpha, beta)
    r8.store(c + 8 * cRowStride, alpha, beta)
    r9.store(c + 9 * cRowStride, alpha, beta)
    r10.store(c + 10 * cRowStride, alpha, beta)
    r11.store(c + 11 * cRowStride, alpha, beta)
  #endif
}
