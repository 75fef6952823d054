import KernelInterface

/// A depthwise convolution of 16 channels, a tile of neighbouring columns at a time.
func convolveBlock(_ work: UnsafePointer<BlockConvolution>) {
  let it = work.pointee
  let width = BlockedKernels.width
  let chunks = it.rows * (width / TileVector.scalarCount)
  var input = linesAhead(it.nextInput, it.x, chunks: chunks)
  var output = linesAhead(it.nextOutput, it.x, chunks: chunks)
  var lane = 0
  while lane < width {
    for row in 0..<it.rows {
      bringCloser(&input)
      bringCloser(&output)
      let x = it.x + row * it.rowStride + lane
      let out = it.out + row * it.columns * width + lane
      // Strides of one and two pixels are constants, so that addresses need no arithmetic.
      if it.columnStride == width {
        convolveRow(it, width, lane, x, out)
      } else if it.columnStride == 2 * width {
        convolveRow(it, 2 * width, lane, x, out)
      } else {
        for column in 0..<it.columns {
          convolveTile(1, it, width, lane, x + column * it.columnStride, out + column * width)
        }
      }
    }
    lane += TileVector.scalarCount
  }
}

@inline(__always)
private func convolveRow(
  _ it: BlockConvolution, _ columnStride: Int, _ lane: Int, _ x: UnsafePointer<Float>,
  _ out: UnsafeMutablePointer<Float>
) {
  forEachTile(it.columns) { column, size in
    let from = x + column * columnStride
    let to = out + column * BlockedKernels.width
    if size == tilePixels {
      convolveTile(tilePixels, it, columnStride, lane, from, to)
    } else if size == halfTilePixels {
      convolveTile(halfTilePixels, it, columnStride, lane, from, to)
    } else {
      convolveTile(1, it, columnStride, lane, from, to)
    }
  }
}

@inline(__always)
private func convolveTile(
  _ columns: Int, _ it: BlockConvolution, _ columnStride: Int, _ lane: Int, _ x: UnsafePointer<Float>,
  _ out: UnsafeMutablePointer<Float>
) {
  let width = BlockedKernels.width
  let bias = loadVector(it.bias + lane)
  var (s0, s1, s2, s3, s4, s5) = (bias, bias, bias, bias, bias, bias)
  #if AVX512 || arch(arm64)
    var (s6, s7, s8, s9, s10, s11, s12, s13) = (bias, bias, bias, bias, bias, bias, bias, bias)
  #endif
  for tap in 0..<it.taps {
    let weight = loadVector(it.weight + tap * width + lane)
    let from = x + it.offsets[tap]
    s0 = multiplyAdd(weight, loadVector(from), s0)
    if columns > 1 { s1 = multiplyAdd(weight, loadVector(from + columnStride), s1) }
    if columns > 2 { s2 = multiplyAdd(weight, loadVector(from + 2 * columnStride), s2) }
    if columns > 3 { s3 = multiplyAdd(weight, loadVector(from + 3 * columnStride), s3) }
    if columns > 4 { s4 = multiplyAdd(weight, loadVector(from + 4 * columnStride), s4) }
    if columns > 5 { s5 = multiplyAdd(weight, loadVector(from + 5 * columnStride), s5) }
    #if AVX512 || arch(arm64)
      if columns > 6 { s6 = multiplyAdd(weight, loadVector(from + 6 * columnStride), s6) }
      if columns > 7 { s7 = multiplyAdd(weight, loadVector(from + 7 * columnStride), s7) }
      if columns > 8 { s8 = multiplyAdd(weight, loadVector(from + 8 * columnStride), s8) }
      if columns > 9 { s9 = multiplyAdd(weight, loadVector(from + 9 * columnStride), s9) }
      if columns > 10 { s10 = multiplyAdd(weight, loadVector(from + 10 * columnStride), s10) }
      if columns > 11 { s11 = multiplyAdd(weight, loadVector(from + 11 * columnStride), s11) }
      if columns > 12 { s12 = multiplyAdd(weight, loadVector(from + 12 * columnStride), s12) }
      if columns > 13 { s13 = multiplyAdd(weight, loadVector(from + 13 * columnStride), s13) }
    #endif
  }
  storeVector(clamp(s0, it.bounds), out)
  if columns > 1 { storeVector(clamp(s1, it.bounds), out + width) }
  if columns > 2 { storeVector(clamp(s2, it.bounds), out + 2 * width) }
  if columns > 3 { storeVector(clamp(s3, it.bounds), out + 3 * width) }
  if columns > 4 { storeVector(clamp(s4, it.bounds), out + 4 * width) }
  if columns > 5 { storeVector(clamp(s5, it.bounds), out + 5 * width) }
  #if AVX512 || arch(arm64)
    if columns > 6 { storeVector(clamp(s6, it.bounds), out + 6 * width) }
    if columns > 7 { storeVector(clamp(s7, it.bounds), out + 7 * width) }
    if columns > 8 { storeVector(clamp(s8, it.bounds), out + 8 * width) }
    if columns > 9 { storeVector(clamp(s9, it.bounds), out + 9 * width) }
    if columns > 10 { storeVector(clamp(s10, it.bounds), out + 10 * width) }
    if columns > 11 { storeVector(clamp(s11, it.bounds), out + 11 * width) }
    if columns > 12 { storeVector(clamp(s12, it.bounds), out + 12 * width) }
    if columns > 13 { storeVector(clamp(s13, it.bounds), out + 13 * width) }
  #endif
}
