import KernelInterface

/// The numbers `i` below `count` for which `start + i * step` lies in `0..<extent`: the positions of one tap, or the taps
/// of one position, that lie inside a plane.
@inline(__always)
func insideRange(_ start: Int, _ step: Int, _ extent: Int, _ count: Int) -> (first: Int, end: Int) {
  let first = start >= 0 ? 0 : min(count, (-start + step - 1) / step)
  let end = start >= extent ? first : max(first, min(count, (extent - start + step - 1) / step))
  return (first, end)
}

/// The taps of one position that lie inside the plane; `start` is the index in the plane of the first tap of all, which
/// may lie outside. Not a structure: the function that copies one would be shared by the modules of all instruction sets.
typealias InsideTaps = (start: Int, rows: (first: Int, end: Int), columns: (first: Int, end: Int))

@inline(__always)
func tapCount(_ taps: InsideTaps) -> Int {
  (taps.rows.end - taps.rows.first) * (taps.columns.end - taps.columns.first)
}

/// Calls `body` with each tap's index in the plane.
@inline(__always)
func forEachTap(_ w: WindowShape, _ taps: InsideTaps, _ body: (_ index: Int) -> Void) {
  for ky in taps.rows.first..<taps.rows.end {
    let line = taps.start + ky * w.dilationHeight * w.inputWidth
    for kx in taps.columns.first..<taps.columns.end { body(line + kx * w.dilationWidth) }
  }
}

/// Calls `body` for every position of a window, row by row.
@inline(__always)
func forEachPosition(_ w: WindowShape, _ body: (_ position: Int, _ taps: InsideTaps) -> Void) {
  let (rows, columns) = (w.outputHeight, w.outputWidth)
  for row in 0..<rows {
    let top = row * w.strideHeight - w.paddingTop
    let vertical = insideRange(top, w.dilationHeight, w.inputHeight, w.kernelHeight)
    for column in 0..<columns {
      let left = column * w.strideWidth - w.paddingLeft
      let horizontal = insideRange(left, w.dilationWidth, w.inputWidth, w.kernelWidth)
      body(row * columns + column, (top * w.inputWidth + left, vertical, horizontal))
    }
  }
}

/// Calls `body` for every tap and, within it, every one of some rows of positions: with the tap, the row's number among them,
/// the index in the plane that the tap meets at the row's first position, and the positions where it is inside.
@inline(__always)
func forEachTapRow(
  _ w: WindowShape, _ firstRow: Int, _ rows: Int,
  _ body: (_ tap: Int, _ row: Int, _ start: Int, _ inside: (first: Int, end: Int)) -> Void
) {
  let columns = w.outputWidth
  for ky in 0..<w.kernelHeight {
    for kx in 0..<w.kernelWidth {
      let left = kx * w.dilationWidth - w.paddingLeft
      let inside = insideRange(left, w.strideWidth, w.inputWidth, columns)
      for row in 0..<rows {
        let y = (firstRow + row) * w.strideHeight + ky * w.dilationHeight - w.paddingTop
        body(
          ky * w.kernelWidth + kx, row, y * w.inputWidth + left,
          y >= 0 && y < w.inputHeight ? inside : (0, 0))
      }
    }
  }
}
