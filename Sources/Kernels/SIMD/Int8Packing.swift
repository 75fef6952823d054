#if BFLOAT16
  import CPUFeatures
#endif
import KernelInterface

// Products of whole numbers of -127 to 127. Those of a row or column within a block of depth have one scale, which stands behind
// them, and behind that what is to be taken off its sums. Sums of a block are exact, with single precision too: the largest is
// 1,024 · 127² < 2^24. So every level computes the same numbers.
//
// The instruction for bytes takes those of rows without sign: they are 128 larger, and the sums of a column by 128 times the sum
// of its numbers.

/// Steps of depth in a block.
let byteStepsInBlock = 1024
/// Words behind a block's: scales, and what is to be taken off.
let byteTrailingWords = 2

/// Steps of depth in a word: bytes, or a number of single precision.
#if BFLOAT16
  let byteStepsInWord = 4
#else
  let byteStepsInWord = 1
#endif

/// A row's or column's factor for numbers that are rounded, and the scale of what comes out; of the bits of the largest
/// absolute value. What is no number, or infinite, makes all sums so.
@_transparent
func scales(_ largestBits: UInt32) -> (factor: Float, scale: Float) {
  let largest = Float(bitPattern: largestBits)
  if largestBits >= 0x7f80_0000 { return (0, .nan) }
  // The factor of smaller ones would not be finite.
  return largest < 0x1p-100 ? (0, 0) : (127 / largest, largest / 127)
}

/// Lanes of any strides: words of `tile` lanes in `out`, and for each lane its scale and what is to be taken off.
func packBytes(
  _ x: UnsafePointer<Float>, _ laneStride: Int, _ depthStride: Int, _ lanes: Int, _ tile: Int, _ depth: Int,
  _ isOfRows: Bool, _ out: UnsafeMutablePointer<Float>, _ scalesOut: UnsafeMutablePointer<Float>,
  _ excessOut: UnsafeMutablePointer<Float>
) {
  let words = (depth + byteStepsInWord - 1) / byteStepsInWord
  for i in 0..<words * tile { out[i] = 0 }
  for lane in 0..<tile {
    var largest: UInt32 = 0
    if lane < lanes {
      for p in 0..<depth {
        largest = Swift.max(largest, x[lane * laneStride + p * depthStride].bitPattern & 0x7fff_ffff)
      }
    }
    let (factor, scale) = scales(largest)
    var sum: Int32 = 0
    for p in 0..<(lane < lanes ? depth : 0) {
      // To the nearest whole number, ties to even. Zero times what is no number is none.
      let number = x[lane * laneStride + p * depthStride]
      let whole = factor == 0 ? 0 : Int32((number * factor + 0x1.8p23) - 0x1.8p23)
      sum += whole
      #if BFLOAT16
        UnsafeMutableRawPointer(out).storeBytes(
          of: UInt8(truncatingIfNeeded: isOfRows ? whole + 128 : whole),
          toByteOffset: (p / 4 * tile + lane) * 4 + p % 4, as: UInt8.self)
      #else
        out[p * tile + lane] = Float(whole)
      #endif
    }
    scalesOut[lane] = scale
    excessOut[lane] = Float(bitPattern: UInt32(bitPattern: isOfRows ? 0 : 128 * sum))
  }
}

/// `c = alpha * scales * sums + beta * c` for the part of a tile that lies within C.
func storeScaled(
  _ sums: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int, _ rowScales: UnsafePointer<Float>,
  _ columnScales: UnsafePointer<Float>, _ tileWidth: Int, _ alpha: Float, _ beta: Float,
  _ c: UnsafeMutablePointer<Float>,
  _ cRowStride: Int, _ cColumnStride: Int
) {
  forEachVector(columns) { start, n in
    let scales = load(columnScales + start, stride: 1, n)
    #if BFLOAT16
      let excess = load(columnScales + tileWidth + start, stride: 1, n)
    #endif
    for i in 0..<rows {
      let from = sums + i * tileWidth + start
      let to = c + i * cRowStride + start * cColumnStride
      #if BFLOAT16
        let sum = pairwise_difference_as_numbers(load(from), excess)
      #else
        let sum = load(from, stride: 1, n)
      #endif
      var result = sum * (scales * rowScales[i]) * alpha
      if beta != 0 { result = result + load(to, stride: cColumnStride, n) * beta }
      if cColumnStride == 1 {
        store(result, to, n)
      } else {
        // The sums are not needed any more.
        store(result, from, n)
        for j in 0..<n { to[j * cColumnStride] = from[j] }
      }
    }
  }
}
