#if TILES
  import CPUFeatures
  import KernelInterface

  // Products of 16-bit numbers by the matrix unit. A panel of 32 rows or columns is two of 16 each, one behind the other; of 16
  // words of depth, a panel of columns has the words of one step after those of another, a panel of rows those of one row
  // after those of another.

  /// Rows and columns whose sums stay in the unit.
  private let side = 32
  /// Rows, columns and words of depth that one of its instructions takes.
  private let tileSide = 16

  /// Products of operands rounded to bfloat16, at the level `amx`.
  public let bfloat16Kernels = GemmKernels(
    .bfloat16, stepsInGroup: 32, wordsInGroup: 16, tileRows: side, tileColumns: side,
    pack: { x, laneStride, depthStride, lanes, _, depth, isOfRows, _, out in
      if isOfRows && depthStride == 1 {
        packContiguousRows(x, laneStride, lanes, depth, out)
      } else {
        packPanel(x, laneStride, lanes, (depth + 1) / 2, (depth + 31) / 32, isOfRows, out) { x, lanes, out in
          packPairs(x, laneStride, depthStride, lanes, tileSide, depth, out)
        }
      }
    }, multiplyBlock: multiplyBlock)

  /// Products of operands in two parts, at the level `amx`.
  public let bfloat16x3Kernels = GemmKernels(
    .bfloat16x3, stepsInGroup: 32, wordsInGroup: 48, tileRows: side, tileColumns: side,
    pack: { x, laneStride, depthStride, lanes, _, depth, isOfRows, isSecond, out in
      packPanel(x, laneStride, lanes, 3 * ((depth + 1) / 2), (depth + 31) / 32 * 3, isOfRows, out) {
        x, lanes, out in
        packPairsOfParts(x, laneStride, depthStride, lanes, tileSide, depth, isSecond, out)
      }
    }, multiplyBlock: multiplyBlock)

  /// Two halves of so many words, of which `pack` writes each, filled up to whole tiles with zeros.
  @inline(__always)
  private func packPanel(
    _ x: UnsafePointer<Float>, _ laneStride: Int, _ lanes: Int, _ words: Int, _ tiles: Int, _ isOfRows: Bool,
    _ out: UnsafeMutablePointer<Float>,
    pack: (_ x: UnsafePointer<Float>, _ lanes: Int, _ out: UnsafeMutablePointer<Float>) -> Void
  ) {
    for half in 0..<2 {
      let first = half * tileSide
      let out = out + first * tiles * tileSide
      pack(x + first * laneStride, Swift.max(0, Swift.min(tileSide, lanes - first)), out)
      for word in words..<tiles * tileSide { store(Vector(repeating: 0), out + word * tileSide) }
      if isOfRows { transposeTiles(out, count: tiles) }
    }
  }

  /// Rows side by side become rows below each other, or the other way round.
  func transposeTiles(_ tiles: UnsafeMutablePointer<Float>, count: Int) {
    for tile in 0..<count {
      let words = tiles + tile * tileSide * tileSide
      transposeSixteen({ load(words + $0 * tileSide) }) { row, vector in
        store(vector, words + row * tileSide)
      }
    }
  }

  /// Rows that are contiguous in depth lie in tiles as in memory.
  private func packContiguousRows(
    _ x: UnsafePointer<Float>, _ laneStride: Int, _ lanes: Int, _ depth: Int,
    _ out: UnsafeMutablePointer<Float>
  ) {
    let tiles = (depth + 31) / 32
    for half in 0..<2 {
      for tile in 0..<tiles {
        let (first, last) = (Swift.min(16, depth - 32 * tile), Swift.max(0, depth - 32 * tile - 16))
        let to = out + (half * tiles + tile) * tileSide * tileSide
        for i in 0..<tileSide {
          let row = half * tileSide + i
          let numbers = x + row * laneStride + 32 * tile
          let isWhole = row < lanes && last >= 16
          store(
            isWhole
              ? pairwise_round_to_bfloat16(load(numbers), load(numbers + 16))
              : row < lanes
                ? pairwise_round_to_bfloat16(
                  pairwise_load_first(numbers, first), pairwise_load_first(numbers + 16, last))
                : Vector(repeating: 0), to + i * tileSide)
        }
      }
    }
  }

  private let multiplyBlock: GemmKernels.MultiplyBlock = {
    rows, columns, depth, alpha, a, b, beta, c, cRowStride, cColumnStride, buffer, ahead, aheadStride,
    aheadRuns, aheadCount in
    pairwise_tiles_configure()
    let squares = (columns + side - 1) / side * ((rows + side - 1) / side)
    var ahead = linesAhead(
      ahead, aheadStride, linesInRun: (aheadCount + 15) / 16, runs: aheadRuns,
      chunks: squares * depth / tileSide)
    // Sums go on from C where that is what is asked for, wherever they stand: so they round alike.
    let continues = alpha == 1 && beta == 1
    var column = 0
    while column < columns {
      let width = Swift.min(side, columns - column)
      var row = 0
      while row < rows {
        let height = Swift.min(side, rows - row)
        let target = c + row * cRowStride + column * cColumnStride
        let isDirect =
          height == side && width == side && cColumnStride == 1 && alpha == 1 && (beta == 0 || continues)
        let (sums, stride) = isDirect ? (target, cRowStride) : (buffer, side)
        if continues {
          if !isDirect { loadPart(height, width, target, cRowStride, cColumnStride, buffer) }
          pairwise_tiles_load_sums(sums, stride)
        } else {
          pairwise_tiles_clear_sums()
        }
        var (panelA, panelB) = (a + row * depth, b + column * depth)
        for _ in 0..<depth / tileSide {
          bringCloser(&ahead)
          pairwise_tiles_add_products(
            panelA, tileSide * depth, height > tileSide, panelB, tileSide * depth, width > tileSide)
          panelA += tileSide * tileSide
          panelB += tileSide * tileSide
        }
        pairwise_tiles_store_sums(sums, stride)
        if !isDirect {
          storePart(
            height, width, continues ? 1 : alpha, buffer, continues ? 0 : beta, target, cRowStride,
            cColumnStride)
        }
        row += side
      }
      column += side
    }
    pairwise_tiles_release()
  }

  /// The part of C that sums go on from.
  private func loadPart(
    _ rows: Int, _ columns: Int, _ c: UnsafePointer<Float>, _ cRowStride: Int, _ cColumnStride: Int,
    _ sums: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<rows {
      for j in 0..<columns { sums[i * side + j] = c[i * cRowStride + j * cColumnStride] }
    }
  }

  /// `c = alpha * sums + beta * c`, of a square or the part of one that lies within C.
  private func storePart(
    _ rows: Int, _ columns: Int, _ alpha: Float, _ sums: UnsafePointer<Float>, _ beta: Float,
    _ c: UnsafeMutablePointer<Float>, _ cRowStride: Int, _ cColumnStride: Int
  ) {
    for i in 0..<rows {
      let (from, to) = (sums + i * side, c + i * cRowStride)
      if cColumnStride == 1 {
        for j in stride(from: 0, to: columns, by: vectorWidth) {
          let count = Swift.min(vectorWidth, columns - j)
          var sum = load(from + j) * alpha
          if beta != 0 { sum = sum + pairwise_load_first(to + j, count) * beta }
          pairwise_store_first(to + j, sum, count)
        }
      } else {
        for j in 0..<columns {
          let number = to + j * cColumnStride
          number.pointee = beta == 0 ? from[j] * alpha : from[j] * alpha + number.pointee * beta
        }
      }
    }
  }
#endif
