import KernelInterface

/// A depthwise convolution of 16 channels, a tile of neighbouring columns at a time.
func convolveBlock(_ work: UnsafePointer<BlockConvolution>) {
  let it = work.pointee
  let width = BlockedKernels.width
  var lane = 0
  while lane < width {
    for row in 0..<it.rows {
      let out = it.out + row * it.columns * width + lane
      // Strides of one and two pixels are constants, so that addresses need no arithmetic.
      if it.window.strideWidth == 1 {
        convolveRow(it, 1, lane, row, out)
      } else if it.window.strideWidth == 2 {
        convolveRow(it, 2, lane, row, out)
      } else {
        convolveRow(it, it.window.strideWidth, lane, row, out)
      }
    }
    lane += TileVector.scalarCount
  }
}

@inline(__always)
private func convolveRow(
  _ it: BlockConvolution, _ stride: Int, _ lane: Int, _ row: Int, _ out: UnsafeMutablePointer<Float>
) {
  let width = BlockedKernels.width
  let top = it.top + row * it.window.strideHeight
  let taps = insideRange(top, it.window.dilationHeight, it.height, it.window.kernelHeight)
  let x = it.x + top * it.rowStride + lane
  forEachTile(it.columns) { column, size in
    let from = x + column * stride * width
    let to = out + column * width
    if size == tilePixels {
      convolveTile(tilePixels, it, stride, lane, taps, from, to)
    } else if size == halfTilePixels {
      convolveTile(halfTilePixels, it, stride, lane, taps, from, to)
    } else {
      convolveTile(1, it, stride, lane, taps, from, to)
    }
  }
}

/// The sums of a tile, of which the first `columns` count.
private struct ColumnSums {
  private var s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13: TileVector

  @inline(__always)
  init(_ bias: TileVector) {
    (s0, s1, s2, s3, s4, s5, s6) = (bias, bias, bias, bias, bias, bias, bias)
    (s7, s8, s9, s10, s11, s12, s13) = (bias, bias, bias, bias, bias, bias, bias)
  }

  @inline(__always)
  mutating func addTap(
    _ columns: Int, _ weight: TileVector, _ x: UnsafePointer<Float>, _ step: Int
  ) {
    s0 = multiplyAdd(weight, loadVector(x), s0)
    if columns > 1 { s1 = multiplyAdd(weight, loadVector(x + step), s1) }
    if columns > 2 { s2 = multiplyAdd(weight, loadVector(x + 2 * step), s2) }
    if columns > 3 { s3 = multiplyAdd(weight, loadVector(x + 3 * step), s3) }
    if columns > 4 { s4 = multiplyAdd(weight, loadVector(x + 4 * step), s4) }
    if columns > 5 { s5 = multiplyAdd(weight, loadVector(x + 5 * step), s5) }
    if columns > 6 { s6 = multiplyAdd(weight, loadVector(x + 6 * step), s6) }
    if columns > 7 { s7 = multiplyAdd(weight, loadVector(x + 7 * step), s7) }
    if columns > 8 { s8 = multiplyAdd(weight, loadVector(x + 8 * step), s8) }
    if columns > 9 { s9 = multiplyAdd(weight, loadVector(x + 9 * step), s9) }
    if columns > 10 { s10 = multiplyAdd(weight, loadVector(x + 10 * step), s10) }
    if columns > 11 { s11 = multiplyAdd(weight, loadVector(x + 11 * step), s11) }
    if columns > 12 { s12 = multiplyAdd(weight, loadVector(x + 12 * step), s12) }
    if columns > 13 { s13 = multiplyAdd(weight, loadVector(x + 13 * step), s13) }
  }

  /// Adds three or five neighbouring taps of windows side by side, so that every column is loaded once. Sums beyond the tile
  /// cost nothing, as nobody asks for them.
  @inline(__always)
  mutating func addTaps(
    _ columns: Int, _ taps: Int, _ weight: UnsafePointer<Float>, _ x: UnsafePointer<Float>
  ) {
    let width = BlockedKernels.width
    let w0 = loadVector(weight)
    let w1 = loadVector(weight + width)
    let w2 = loadVector(weight + 2 * width)
    let w3 = taps > 3 ? loadVector(weight + 3 * width) : TileVector.zero
    let w4 = taps > 3 ? loadVector(weight + 4 * width) : TileVector.zero
    /// The sums are those of the windows that meet the column at their first tap, their second, and so on.
    @inline(__always)
    func addColumn(
      _ column: Int, _ s0: inout TileVector, _ s1: inout TileVector, _ s2: inout TileVector,
      _ s3: inout TileVector, _ s4: inout TileVector
    ) {
      guard column < columns + taps - 1 else { return }
      let x = loadVector(x + column * width)
      s0 = multiplyAdd(w0, x, s0)
      s1 = multiplyAdd(w1, x, s1)
      s2 = multiplyAdd(w2, x, s2)
      if taps > 3 {
        s3 = multiplyAdd(w3, x, s3)
        s4 = multiplyAdd(w4, x, s4)
      }
    }
    // Windows to the left and to the right of the tile.
    var (a, b, c, d) = (s0, s0, s0, s0)
    addColumn(0, &s0, &a, &b, &c, &d)
    addColumn(1, &s1, &s0, &a, &b, &c)
    addColumn(2, &s2, &s1, &s0, &a, &b)
    addColumn(3, &s3, &s2, &s1, &s0, &a)
    addColumn(4, &s4, &s3, &s2, &s1, &s0)
    addColumn(5, &s5, &s4, &s3, &s2, &s1)
    addColumn(6, &s6, &s5, &s4, &s3, &s2)
    addColumn(7, &s7, &s6, &s5, &s4, &s3)
    addColumn(8, &s8, &s7, &s6, &s5, &s4)
    addColumn(9, &s9, &s8, &s7, &s6, &s5)
    addColumn(10, &s10, &s9, &s8, &s7, &s6)
    addColumn(11, &s11, &s10, &s9, &s8, &s7)
    addColumn(12, &s12, &s11, &s10, &s9, &s8)
    addColumn(13, &s13, &s12, &s11, &s10, &s9)
    addColumn(14, &a, &s13, &s12, &s11, &s10)
    addColumn(15, &b, &a, &s13, &s12, &s11)
    addColumn(16, &c, &b, &a, &s13, &s12)
    addColumn(17, &d, &c, &b, &a, &s13)
  }

  @inline(__always)
  func store(
    _ columns: Int, _ bounds: (lowest: Float, highest: Float), _ out: UnsafeMutablePointer<Float>
  ) {
    let step = BlockedKernels.width
    storeVector(clamp(s0, bounds), out)
    if columns > 1 { storeVector(clamp(s1, bounds), out + step) }
    if columns > 2 { storeVector(clamp(s2, bounds), out + 2 * step) }
    if columns > 3 { storeVector(clamp(s3, bounds), out + 3 * step) }
    if columns > 4 { storeVector(clamp(s4, bounds), out + 4 * step) }
    if columns > 5 { storeVector(clamp(s5, bounds), out + 5 * step) }
    if columns > 6 { storeVector(clamp(s6, bounds), out + 6 * step) }
    if columns > 7 { storeVector(clamp(s7, bounds), out + 7 * step) }
    if columns > 8 { storeVector(clamp(s8, bounds), out + 8 * step) }
    if columns > 9 { storeVector(clamp(s9, bounds), out + 9 * step) }
    if columns > 10 { storeVector(clamp(s10, bounds), out + 10 * step) }
    if columns > 11 { storeVector(clamp(s11, bounds), out + 11 * step) }
    if columns > 12 { storeVector(clamp(s12, bounds), out + 12 * step) }
    if columns > 13 { storeVector(clamp(s13, bounds), out + 13 * step) }
  }
}

@inline(__always)
private func convolveTile(
  _ columns: Int, _ it: BlockConvolution, _ stride: Int, _ lane: Int, _ taps: (first: Int, end: Int),
  _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>
) {
  let width = BlockedKernels.width
  let (tapsInRow, step) = (it.window.kernelWidth, it.window.dilationWidth)
  let areNeighbours = stride == 1 && step == 1
  var sums = ColumnSums(loadVector(it.bias + lane))
  for row in taps.first..<taps.end {
    let weight = it.weight + row * tapsInRow * width + lane
    let x = x + row * it.window.dilationHeight * it.rowStride
    if areNeighbours && tapsInRow == 5 {
      sums.addTaps(columns, 5, weight, x)
    } else if areNeighbours && tapsInRow == 3 {
      sums.addTaps(columns, 3, weight, x)
    } else {
      for tap in 0..<tapsInRow {
        sums.addTap(columns, loadVector(weight + tap * width), x + tap * step * width, stride * width)
      }
    }
  }
  sums.store(columns, it.bounds, out)
}
