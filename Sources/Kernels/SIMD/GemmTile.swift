import CPUFeatures
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

#if AVX512
  let tileRows = 14
#elseif arch(arm64)
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

/// One row of a tile, in two registers. A tuple: a structure would bring functions to copy it, which the modules of all
/// instruction sets share.
typealias TileRow = (low: TileVector, high: TileVector)

var zeroRow: TileRow {
  @_transparent get { (TileVector(repeating: 0), TileVector(repeating: 0)) }
}

/// Of one word each: a number, or in the module of 16-bit products a pair of them or four of 8 bits.
@_transparent
func addProduct(
  _ row: inout TileRow, _ a: Float, _ low: TileVector, _ high: TileVector, _ ofBytes: Bool = false
) {
  let a = TileVector(repeating: a)
  #if BFLOAT16
    if ofBytes {
      row.low = pairwise_add_byte_products(row.low, a, low)
      row.high = pairwise_add_byte_products(row.high, a, high)
      return
    }
    row.low = pairwise_add_bfloat16_products(row.low, a, low)
    row.high = pairwise_add_bfloat16_products(row.high, a, high)
  #else
    row.low = multiplyAdd(a, low, row.low)
    row.high = multiplyAdd(a, high, row.high)
  #endif
}

/// Stores `alpha * row + beta * c`, or sums of bytes as they are.
@_transparent
func storeRow(
  _ row: TileRow, _ c: UnsafeMutablePointer<Float>, _ alpha: Float, _ beta: Float, _ ofBytes: Bool = false
) {
  let width = TileVector.scalarCount
  if ofBytes {
    storeVector(row.low, c)
    storeVector(row.high, c + width)
  } else if beta == 0 {
    storeVector(row.low * alpha, c)
    storeVector(row.high * alpha, c + width)
  } else {
    storeVector(row.low * alpha + loadVector(c) * beta, c)
    storeVector(row.high * alpha + loadVector(c + width) * beta, c + width)
  }
}

/// Steps of a tile between two looks ahead.
let tileChunk = 32

/// The first `rows` rows of a tile, a literal: `c = alpha a b + beta c` for one packed panel of A and one of B, or whole numbers
/// `c = a b` for panels of bytes.
@_transparent
func multiplyTile(
  rows: Int, _ depth: Int, _ alpha: Float, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
  _ beta: Float, _ c: UnsafeMutablePointer<Float>, _ cRowStride: Int, _ ahead: inout LinesAhead,
  ofBytes: Bool = false
) {
  var (r0, r1, r2, r3, r4, r5) = (zeroRow, zeroRow, zeroRow, zeroRow, zeroRow, zeroRow)
  #if AVX512 || arch(arm64)
    var (r6, r7, r8, r9, r10, r11) = (zeroRow, zeroRow, zeroRow, zeroRow, zeroRow, zeroRow)
  #endif
  #if AVX512
    var (r12, r13) = (zeroRow, zeroRow)
  #endif
  for i in 0..<rows {
    pairwise_prefetch(c + i * cRowStride)
    pairwise_prefetch(c + i * cRowStride + tileColumns - 1)
  }
  var (a, b) = (a, b)
  var left = depth
  while left > 0 {
    bringCloser(&ahead)
    for _ in 0..<min(left, tileChunk) {
      let low = loadVector(b)
      let high = loadVector(b + TileVector.scalarCount)
      // Panels come from the second-level cache; eight steps hide its latency.
      pairwise_prefetch(a + 8 * tileRows)
      pairwise_prefetch(b + 8 * tileColumns)
      #if AVX512
        pairwise_prefetch(b + 8 * tileColumns + 16)
      #endif
      addProduct(&r0, a[0], low, high, ofBytes)
      addProduct(&r1, a[1], low, high, ofBytes)
      addProduct(&r2, a[2], low, high, ofBytes)
      addProduct(&r3, a[3], low, high, ofBytes)
      if rows > 4 {
        addProduct(&r4, a[4], low, high, ofBytes)
        addProduct(&r5, a[5], low, high, ofBytes)
      }
      #if AVX512 || arch(arm64)
        if rows > 6 {
          addProduct(&r6, a[6], low, high, ofBytes)
          addProduct(&r7, a[7], low, high, ofBytes)
        }
        if rows > 8 {
          addProduct(&r8, a[8], low, high, ofBytes)
          addProduct(&r9, a[9], low, high, ofBytes)
          addProduct(&r10, a[10], low, high, ofBytes)
          addProduct(&r11, a[11], low, high, ofBytes)
        }
      #endif
      #if AVX512
        if rows > 12 {
          addProduct(&r12, a[12], low, high, ofBytes)
          addProduct(&r13, a[13], low, high, ofBytes)
        }
      #endif
      a += tileRows
      b += tileColumns
    }
    left -= tileChunk
  }
  storeRow(r0, c, alpha, beta, ofBytes)
  storeRow(r1, c + cRowStride, alpha, beta, ofBytes)
  storeRow(r2, c + 2 * cRowStride, alpha, beta, ofBytes)
  storeRow(r3, c + 3 * cRowStride, alpha, beta, ofBytes)
  if rows > 4 {
    storeRow(r4, c + 4 * cRowStride, alpha, beta, ofBytes)
    storeRow(r5, c + 5 * cRowStride, alpha, beta, ofBytes)
  }
  #if AVX512 || arch(arm64)
    if rows > 6 {
      storeRow(r6, c + 6 * cRowStride, alpha, beta, ofBytes)
      storeRow(r7, c + 7 * cRowStride, alpha, beta, ofBytes)
    }
    if rows > 8 {
      storeRow(r8, c + 8 * cRowStride, alpha, beta, ofBytes)
      storeRow(r9, c + 9 * cRowStride, alpha, beta, ofBytes)
      storeRow(r10, c + 10 * cRowStride, alpha, beta, ofBytes)
      storeRow(r11, c + 11 * cRowStride, alpha, beta, ofBytes)
    }
  #endif
  #if AVX512
    if rows > 12 {
      storeRow(r12, c + 12 * cRowStride, alpha, beta, ofBytes)
      storeRow(r13, c + 13 * cRowStride, alpha, beta, ofBytes)
    }
  #endif
}
