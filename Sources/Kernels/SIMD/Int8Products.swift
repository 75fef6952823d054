#if BFLOAT16
  import CPUFeatures
#endif
import KernelInterface

/// Products of operands rounded to 8 bits.
public let int8Kernels = GemmKernels(
  .int8, stepsInGroup: byteStepsInWord, trailingWords: byteTrailingWords, stepsInBlock: byteStepsInBlock,
  tileRows: tileRows, tileColumns: tileColumns,
  pack: { x, laneStride, depthStride, lanes, tile, depth, isOfRows, _, out in
    #if BFLOAT16
      if isOfRows && depthStride == 1 { return packContiguousRows(x, laneStride, lanes, tile, depth, out) }
    #endif
    let scales = out + (depth + byteStepsInWord - 1) / byteStepsInWord * tile
    packBytes(x, laneStride, depthStride, lanes, tile, depth, isOfRows, out, scales, scales + tile)
  }, multiplyBlock: multiplyByteBlock)

private let multiplyByteBlock: GemmKernels.MultiplyBlock = {
  rows, columns, depth, alpha, a, b, beta, c, cRowStride, cColumnStride, buffer, ahead, aheadStride,
  aheadRuns, aheadCount in
  let words = depth - byteTrailingWords
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
        panelB + words * tileColumns, tileColumns, alpha, beta, c + row * cRowStride + column * cColumnStride,
        cRowStride,
        cColumnStride)
      row += tileRows
    }
    column += tileColumns
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
