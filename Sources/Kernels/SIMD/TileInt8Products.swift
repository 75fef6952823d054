#if TILES
  import CPUFeatures
  import KernelInterface

  // Products of bytes by the matrix unit. Panels lie as those of 16-bit numbers do, a word being four steps; scales, and what is to be
  // taken off, stand behind both halves.

  /// Words of depth in a tile.
  private let tileWords = 16
  /// Rows or columns in a tile, and in a panel.
  private let (half, side) = (16, 32)

  /// Products of operands rounded to 8 bits, at the level `amx`.
  public let int8Kernels = GemmKernels(
    .int8, stepsInGroup: byteStepsInWord * tileWords, wordsInGroup: tileWords,
    trailingWords: byteTrailingWords, stepsInBlock: byteStepsInBlock, tileRows: side, tileColumns: side,
    pack: { x, laneStride, depthStride, lanes, _, depth, isOfRows, _, out in
      let words = (depth + 63) / 64 * tileWords
      let scales = out + words * side
      for first in [0, half] {
        let (from, to) = (x + first * laneStride, out + first * words)
        let present = Swift.max(0, Swift.min(half, lanes - first))
        if isOfRows && depthStride == 1 {
          packContiguousRows(from, laneStride, present, depth, words, to, scales + first)
        } else {
          packBytes(
            from, laneStride, depthStride, present, half, depth, isOfRows, to, scales + first,
            scales + side + first)
          for word in (depth + 3) / 4..<words { store(Vector(repeating: 0), to + word * half) }
          if isOfRows { transposeTiles(to, count: words / tileWords) }
        }
      }
    }, multiplyBlock: multiplyBlock)

  /// Rows lie in tiles as in memory; of them nothing is to be taken off.
  private func packContiguousRows(
    _ x: UnsafePointer<Float>, _ stride: Int, _ rows: Int, _ depth: Int, _ words: Int,
    _ out: UnsafeMutablePointer<Float>, _ scalesOut: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<half {
      let numbers = x + row * stride
      let (factor, scale) = row < rows ? scales(pairwise_largest_bits(numbers, depth)) : (0, 0)
      scalesOut[row] = scale
      for tile in 0..<words / tileWords {
        store(
          row < rows
            ? pairwise_quantize(numbers + 64 * tile, factor, depth - 64 * tile) : Vector(repeating: 0),
          out + (tile * tileWords + row) * half)
      }
    }
  }

  private let multiplyBlock: GemmKernels.MultiplyBlock = {
    rows, columns, depth, alpha, a, b, beta, c, cRowStride, cColumnStride, buffer, ahead, aheadStride,
    aheadRuns, aheadCount in
    pairwise_tiles_configure()
    let words = depth - byteTrailingWords
    let squares = (columns + side - 1) / side * ((rows + side - 1) / side)
    var ahead = linesAhead(
      ahead, aheadStride, linesInRun: (aheadCount + 15) / 16, runs: aheadRuns,
      chunks: squares * words / tileWords)
    for column in stride(from: 0, to: columns, by: side) {
      let width = Swift.min(side, columns - column)
      for row in stride(from: 0, to: rows, by: side) {
        let height = Swift.min(side, rows - row)
        var (panelA, panelB) = (a + row * depth, b + column * depth)
        let (scalesA, scalesB) = (panelA + words * side, panelB + words * side)
        pairwise_tiles_clear_sums()
        for _ in 0..<words / tileWords {
          bringCloser(&ahead)
          pairwise_tiles_add_byte_products(
            panelA, half * words, height > half, panelB, half * words, width > half)
          panelA += half * tileWords
          panelB += half * tileWords
        }
        pairwise_tiles_store_sums(buffer, side)
        storeScaled(
          buffer, height, width, scalesA, scalesB, side, alpha, beta,
          c + row * cRowStride + column * cColumnStride, cRowStride, cColumnStride)
      }
    }
    pairwise_tiles_release()
  }
#endif
