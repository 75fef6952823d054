import KernelInterface

/// As the tables have it.
let multiplyBlock: GemmKernels.MultiplyBlock = {
  rows, columns, depth, alpha, a, b, beta, c, cRowStride, cColumnStride, buffer, ahead, aheadStride,
  aheadRuns,
  aheadCount in
  multiplyPackedBlock(
    rows, columns, depth, alpha, a, b, beta, c, cRowStride, cColumnStride, buffer, ahead, aheadStride,
    aheadRuns,
    aheadCount)
}

/// All tiles of a block. A panel of B stays in the first-level cache while the panels of A pass by.
private func multiplyPackedBlock(
  _ rows: Int, _ columns: Int, _ depth: Int, _ alpha: Float, _ a: UnsafePointer<Float>,
  _ b: UnsafePointer<Float>,
  _ beta: Float, _ c: UnsafeMutablePointer<Float>, _ cRowStride: Int, _ cColumnStride: Int,
  _ buffer: UnsafeMutablePointer<Float>, _ ahead: UnsafePointer<Float>, _ aheadStride: Int, _ aheadRuns: Int,
  _ aheadCount: Int
) {
  let tiles = (columns + tileColumns - 1) / tileColumns * ((rows + tileRows - 1) / tileRows)
  var ahead = linesAhead(
    ahead, aheadStride, linesInRun: (aheadCount + 15) / 16, runs: aheadRuns,
    chunks: tiles * ((depth + tileChunk - 1) / tileChunk))
  var column = 0
  while column < columns {
    let panelB = b + column * depth
    let width = min(tileColumns, columns - column)
    var row = 0
    while row < rows {
      let panelA = a + row * depth
      let height = min(tileRows, rows - row)
      let tile = c + row * cRowStride + column * cColumnStride
      let isWhole = height == tileRows && width == tileColumns && cColumnStride == 1
      if height <= 4 && tileRows > 4 {
        multiplyTile(rows: 4, depth, 1, panelA, panelB, 0, buffer, tileColumns, &ahead)
      } else if height <= 8 && tileRows > 8 {
        multiplyTile(rows: 8, depth, 1, panelA, panelB, 0, buffer, tileColumns, &ahead)
      } else {
        multiplyTile(
          rows: tileRows, depth, isWhole ? alpha : 1, panelA, panelB, isWhole ? beta : 0,
          isWhole ? tile : buffer,
          isWhole ? cRowStride : tileColumns, &ahead)
      }
      if !isWhole { storeTile(buffer, height, width, alpha, beta, tile, cRowStride, cColumnStride) }
      row += tileRows
    }
    column += tileColumns
  }
}

/// `c = alpha * tile + beta * c` for the part of a tile that lies within C, or for a C without contiguous rows.
///
/// Rounds exactly as the store of a whole tile does.
private func storeTile(
  _ tile: UnsafePointer<Float>, _ rows: Int, _ columns: Int, _ alpha: Float, _ beta: Float,
  _ c: UnsafeMutablePointer<Float>, _ cRowStride: Int, _ cColumnStride: Int
) {
  for i in 0..<rows {
    let from = tile + i * tileColumns
    let to = c + i * cRowStride
    if columns == tileColumns && cColumnStride == 1 {
      storeRow((loadVector(from), loadVector(from + TileVector.scalarCount)), to, alpha, beta)
    } else if beta == 0 {
      for j in 0..<columns { to[j * cColumnStride] = from[j] * alpha }
    } else {
      for j in 0..<columns { to[j * cColumnStride] = from[j] * alpha + to[j * cColumnStride] * beta }
    }
  }
}
