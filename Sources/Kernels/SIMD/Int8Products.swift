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

private let stepsInBlock = 1024
/// Scales, and what is to be taken off.
private let trailingWords = 2

#if BFLOAT16
  private let stepsInWord = 4
#else
  private let stepsInWord = 1
#endif

/// Products of operands rounded to 8 bits.
public let int8Kernels = GemmKernels(
  .int8, stepsInGroup: stepsInWord, trailingWords: trailingWords, stepsInBlock: stepsInBlock,
  tileRows: tileRows, tileColumns: tileColumns,
  pack: { x, laneStride, depthStride, lanes, tile, depth, isOfRows, _, out in
    #if BFLOAT16
      if isOfRows && depthStride == 1 { return packContiguousRows(x, laneStride, lanes, tile, depth, out) }
    #endif
    packAny(x, laneStride, depthStride, lanes, tile, depth, isOfRows, out)
  }, multiplyBlock: multiplyByteBlock)

/// A row's or column's factor for numbers that are rounded, and the scale of what comes out; of the bits of the largest
/// absolute value. What is no number, or infinite, makes all sums so.
@_transparent
private func scales(_ largestBits: UInt32) -> (factor: Float, scale: Float) {
  let largest = Float(bitPattern: largestBits)
  if largestBits >= 0x7f80_0000 { return (0, .nan) }
  // The factor of smaller ones would not be finite.
  return largest < 0x1p-100 ? (0, 0) : (127 / largest, largest / 127)
}

private func packAny(
  _ x: UnsafePointer<Float>, _ laneStride: Int, _ depthStride: Int, _ lanes: Int, _ tile: Int, _ depth: Int,
  _ isOfRows: Bool, _ out: UnsafeMutablePointer<Float>
) {
  let words = (depth + stepsInWord - 1) / stepsInWord
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
    out[words * tile + lane] = scale
    out[(words + 1) * tile + lane] = Float(bitPattern: UInt32(bitPattern: isOfRows ? 0 : 128 * sum))
  }
}

private let multiplyByteBlock: GemmKernels.MultiplyBlock = {
  rows, columns, depth, alpha, a, b, beta, c, cRowStride, cColumnStride, buffer, ahead, aheadStride,
  aheadRuns, aheadCount in
  let words = depth - trailingWords
  let tiles = (columns + tileColumns - 1) / tileColumns * ((rows + tileRows - 1) / tileRows)
  var ahead = linesAhead(
    ahead, aheadStride, linesInRun: (aheadCount + 15) / 16, runs: aheadRuns,
    chunks: tiles * ((words + tileChunk - 1) / tileChunk))
  var column = 0
  while column < columns {
    let panelB = b + column * depth
    var row = 0
    while row < rows {
      let panelA = a + row * depth
      let height = Swift.min(tileRows, rows - row)
      if height <= 4 && tileRows > 4 {
        multiplyTile(rows: 4, words, 1, panelA, panelB, 0, buffer, tileColumns, &ahead, ofBytes: true)
      } else if height <= 8 && tileRows > 8 {
        multiplyTile(rows: 8, words, 1, panelA, panelB, 0, buffer, tileColumns, &ahead, ofBytes: true)
      } else {
        multiplyTile(rows: tileRows, words, 1, panelA, panelB, 0, buffer, tileColumns, &ahead, ofBytes: true)
      }
      storeScaled(
        buffer, height, Swift.min(tileColumns, columns - column), panelA + words * tileRows,
        panelB + words * tileColumns, alpha, beta, c + row * cRowStride + column * cColumnStride, cRowStride,
        cColumnStride)
      row += tileRows
    }
    column += tileColumns
  }
}

/// `c = alpha * scales * sums + beta * c` for the part of a tile that lies within C.
private func storeScaled(
  _ sums: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int, _ rowScales: UnsafePointer<Float>,
  _ columnScales: UnsafePointer<Float>, _ alpha: Float, _ beta: Float, _ c: UnsafeMutablePointer<Float>,
  _ cRowStride: Int, _ cColumnStride: Int
) {
  forEachVector(columns) { start, n in
    let scales = load(columnScales + start, stride: 1, n)
    #if BFLOAT16
      let excess = load(columnScales + tileColumns + start, stride: 1, n)
    #endif
    for i in 0..<rows {
      let from = sums + i * tileColumns + start
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

#if BFLOAT16
  /// Rows that are contiguous in depth, 16 rows by 64 numbers at a time.
  private func packContiguousRows(
    _ x: UnsafePointer<Float>, _ laneStride: Int, _ lanes: Int, _ tile: Int, _ depth: Int,
    _ out: UnsafeMutablePointer<Float>
  ) {
    let words = (depth + 3) / 4
    var first = 0
    while first < tile {
      let width = Swift.min(vectorWidth, tile - first)
      let present = Swift.max(0, Swift.min(width, lanes - first))
      let (from, to) = (x + first * laneStride, out + first)
      var (factors, rowScales) = (Vector(repeating: 0), Vector(repeating: 0))
      for lane in 0..<present {
        (factors[lane], rowScales[lane]) = scales(pairwise_largest_bits(from + lane * laneStride, depth))
      }
      for word in stride(from: 0, to: words, by: 16) {
        let count = Swift.min(64, depth - 4 * word)
        transposeSixteen { lane in
          guard lane < present else { return Vector(repeating: 0) }
          return pairwise_quantize(from + lane * laneStride + 4 * word, factors[lane], count)
        } body: { i, vector in
          if word + i < words { pairwise_store_first(to + (word + i) * tile, vector, width) }
        }
      }
      pairwise_store_first(to + words * tile, rowScales, width)
      pairwise_store_first(to + (words + 1) * tile, Vector(repeating: 0), width)
      first += vectorWidth
    }
  }
#endif
