import KernelInterface

/// `C = alpha A B + beta C` for up to a tile's width of columns, read where they lie, four rows at a time.
///
/// Eight sums keep the multipliers busy; rows of B are read from the first-level cache.
func multiplyUnpackedPanel(
  _ rows: Int, _ columns: Int, _ depth: Int, _ alpha: Float, _ a: UnsafePointer<Float>, _ aRowStride: Int,
  _ aColumnStride: Int, _ b: UnsafePointer<Float>, _ bRowStride: Int, _ beta: Float,
  _ c: UnsafeMutablePointer<Float>, _ cRowStride: Int, _ buffer: UnsafeMutablePointer<Float>
) {
  let isWhole = columns == tileColumns
  var row = 0
  while row < rows {
    let height = min(4, rows - row)
    let a0 = a + row * aRowStride
    // Beyond the end the last row is read again.
    let a1 = height > 1 ? a0 + aRowStride : a0
    let a2 = height > 2 ? a1 + aRowStride : a1
    let a3 = height > 3 ? a2 + aRowStride : a2
    var (r0, r1, r2, r3) = (zeroRow, zeroRow, zeroRow, zeroRow)
    var b = b
    var offset = 0
    for _ in 0..<depth {
      let low = loadVector(b)
      let high = loadVector(b + TileVector.scalarCount)
      addProduct(&r0, a0[offset], low, high)
      addProduct(&r1, a1[offset], low, high)
      addProduct(&r2, a2[offset], low, high)
      addProduct(&r3, a3[offset], low, high)
      offset += aColumnStride
      b += bRowStride
    }
    let target = c + row * cRowStride
    if isWhole {
      storeRow(r0, target, alpha, beta)
      if height > 1 { storeRow(r1, target + cRowStride, alpha, beta) }
      if height > 2 { storeRow(r2, target + 2 * cRowStride, alpha, beta) }
      if height > 3 { storeRow(r3, target + 3 * cRowStride, alpha, beta) }
    } else {
      storeRow(r0, buffer, alpha, 0)
      storeRow(r1, buffer + tileColumns, alpha, 0)
      storeRow(r2, buffer + 2 * tileColumns, alpha, 0)
      storeRow(r3, buffer + 3 * tileColumns, alpha, 0)
      addRows(buffer, height, columns, beta, target, cRowStride)
    }
    row += 4
  }
}

/// `c = rows + beta * c` for the part of a tile that lies within C.
private func addRows(
  _ rows: UnsafePointer<Float>, _ height: Int, _ columns: Int, _ beta: Float,
  _ c: UnsafeMutablePointer<Float>, _ cRowStride: Int
) {
  for i in 0..<height {
    let from = rows + i * tileColumns
    let to = c + i * cRowStride
    if beta == 0 {
      for j in 0..<columns { to[j] = from[j] }
    } else {
      for j in 0..<columns { to[j] = from[j] + to[j] * beta }
    }
  }
}
