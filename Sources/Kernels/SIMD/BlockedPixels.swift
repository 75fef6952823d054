import KernelInterface

// Tiles of pixels: as many as leave registers for two vectors of weights, in sizes that fit the rows of common images
// (7, 14, 28, ... pixels). Each pixel's sum is the same in every tile.

#if AVX512 || arch(arm64)
  let tilePixels = 14
  let halfTilePixels = 7
#else
  let tilePixels = 6
  let halfTilePixels = 2
#endif

let blockedKernels = BlockedKernels(
  multiplyPixels: { multiplyPixels($0.assumingMemoryBound(to: PixelProducts.self)) },
  convolveBlock: { convolveBlock($0.assumingMemoryBound(to: BlockConvolution.self)) },
  blockPlanes: { x, stride, lanes, pixels, places, out in blockPlanes(x, stride, lanes, pixels, places, out)
  },
  unblockPlanes: { x, pixels, out, stride, lanes in unblockPlanes(x, pixels, out, stride, lanes) }
)

/// Calls `body` with the first pixel and the size of every tile of a row; the sizes are `tilePixels`, `halfTilePixels`
/// and 1.
@inline(__always)
func forEachTile(_ pixels: Int, _ body: (_ first: Int, _ size: Int) -> Void) {
  var pixel = 0
  while pixel + tilePixels <= pixels {
    body(pixel, tilePixels)
    pixel += tilePixels
  }
  while pixel + halfTilePixels <= pixels {
    body(pixel, halfTilePixels)
    pixel += halfTilePixels
  }
  while pixel < pixels {
    body(pixel, 1)
    pixel += 1
  }
}

@_transparent
func clamp(_ x: TileVector, _ bounds: (lowest: Float, highest: Float)) -> TileVector {
  let low = TileVector(repeating: bounds.lowest)
  let high = TileVector(repeating: bounds.highest)
  let raised = x.replacing(with: low, where: x .< low)
  return raised.replacing(with: high, where: raised .> high)
}

/// What one tile of pixels multiplies: two vectors of output channels (one, if the last block of AVX-512 is alone).
private struct PanelOfWeights {
  let weight: UnsafePointer<Float>
  let bias: UnsafePointer<Float>
  /// From the first vector of weights to the second.
  let weightStep: Int
  /// From the first vector of outputs to the second.
  let outStep: Int
}

private func multiplyPixels(_ work: UnsafePointer<PixelProducts>) {
  let it = work.pointee
  let width = BlockedKernels.width
  let blockWeights = it.depthBlocks * width * width
  #if AVX512
    var block = 0
    while block < it.blocks {
      let panel = PanelOfWeights(
        weight: it.weight + block * blockWeights, bias: it.bias + block * width, weightStep: blockWeights,
        outStep: it.outBlockStride)
      if block + 1 < it.blocks {
        multiplyPanel(it, panel, isPair: true, block * it.outBlockStride)
      } else {
        multiplyPanel(it, panel, isPair: false, block * it.outBlockStride)
      }
      block += 2
    }
  #else
    let step = TileVector.scalarCount
    for block in 0..<it.blocks {
      var lane = 0
      while lane < width {
        let panel = PanelOfWeights(
          weight: it.weight + block * blockWeights + lane, bias: it.bias + block * width + lane,
          weightStep: step, outStep: step)
        multiplyPanel(it, panel, isPair: true, block * it.outBlockStride + lane)
        lane += 2 * step
      }
    }
  #endif
}

@inline(__always)
private func multiplyPanel(
  _ it: PixelProducts, _ panel: PanelOfWeights, isPair: Bool, _ outOffset: Int
) {
  let width = BlockedKernels.width
  for row in 0..<it.rows {
    forEachTile(it.pixels) { pixel, size in
      let x = it.x + row * it.xRowStride + pixel * width
      let offset = outOffset + row * it.outRowStride + pixel * width
      let out = it.out + offset
      let residual = it.residual.map { $0 + offset }
      if size == tilePixels {
        multiplyTile(tilePixels, isPair, it, panel, x, out, residual)
      } else if size == halfTilePixels {
        multiplyTile(halfTilePixels, isPair, it, panel, x, out, residual)
      } else {
        multiplyTile(1, isPair, it, panel, x, out, residual)
      }
    }
  }
}

/// The sums of one pixel, in two registers.
private struct PixelSum {
  var low: TileVector
  var high: TileVector

  @inline(__always)
  mutating func add(_ x: Float, _ low: TileVector, _ high: TileVector, _ isPair: Bool) {
    let x = TileVector(repeating: x)
    self.low = multiplyAdd(x, low, self.low)
    if isPair { self.high = multiplyAdd(x, high, self.high) }
  }

  @inline(__always)
  func store(
    _ pixel: Int, _ it: PixelProducts, _ outStep: Int, _ isPair: Bool, _ out: UnsafeMutablePointer<Float>,
    _ residual: UnsafePointer<Float>?
  ) {
    let start = pixel * BlockedKernels.width
    storeBounded(low, it, out + start, residual.map { $0 + start })
    if isPair { storeBounded(high, it, out + start + outStep, residual.map { $0 + start + outStep }) }
  }

  @inline(__always)
  private func storeBounded(
    _ sum: TileVector, _ it: PixelProducts, _ out: UnsafeMutablePointer<Float>,
    _ residual: UnsafePointer<Float>?
  ) {
    var value = clamp(sum, it.bounds)
    if let residual { value += loadVector(residual) }
    storeVector(value, out)
  }
}

@inline(__always)
private func multiplyTile(
  _ pixels: Int, _ isPair: Bool, _ it: PixelProducts, _ panel: PanelOfWeights, _ x: UnsafePointer<Float>,
  _ out: UnsafeMutablePointer<Float>, _ residual: UnsafePointer<Float>?
) {
  let width = BlockedKernels.width
  let bias = PixelSum(
    low: loadVector(panel.bias),
    high: isPair ? loadVector(panel.bias + TileVector.scalarCount) : TileVector.zero)
  var (s0, s1, s2, s3, s4, s5) = (bias, bias, bias, bias, bias, bias)
  #if AVX512 || arch(arm64)
    var (s6, s7, s8, s9, s10, s11, s12, s13) = (bias, bias, bias, bias, bias, bias, bias, bias)
  #endif
  var (block, weight) = (x, panel.weight)
  for _ in 0..<it.depthBlocks {
    for k in 0..<width {
      let low = loadVector(weight)
      let high = isPair ? loadVector(weight + panel.weightStep) : low
      let x = block + k
      s0.add(x[0], low, high, isPair)
      if pixels > 1 { s1.add(x[width], low, high, isPair) }
      if pixels > 2 { s2.add(x[2 * width], low, high, isPair) }
      if pixels > 3 { s3.add(x[3 * width], low, high, isPair) }
      if pixels > 4 { s4.add(x[4 * width], low, high, isPair) }
      if pixels > 5 { s5.add(x[5 * width], low, high, isPair) }
      #if AVX512 || arch(arm64)
        if pixels > 6 { s6.add(x[6 * width], low, high, isPair) }
        if pixels > 7 { s7.add(x[7 * width], low, high, isPair) }
        if pixels > 8 { s8.add(x[8 * width], low, high, isPair) }
        if pixels > 9 { s9.add(x[9 * width], low, high, isPair) }
        if pixels > 10 { s10.add(x[10 * width], low, high, isPair) }
        if pixels > 11 { s11.add(x[11 * width], low, high, isPair) }
        if pixels > 12 { s12.add(x[12 * width], low, high, isPair) }
        if pixels > 13 { s13.add(x[13 * width], low, high, isPair) }
      #endif
      weight += width
    }
    block += it.xBlockStride
  }
  let step = panel.outStep
  s0.store(0, it, step, isPair, out, residual)
  if pixels > 1 { s1.store(1, it, step, isPair, out, residual) }
  if pixels > 2 { s2.store(2, it, step, isPair, out, residual) }
  if pixels > 3 { s3.store(3, it, step, isPair, out, residual) }
  if pixels > 4 { s4.store(4, it, step, isPair, out, residual) }
  if pixels > 5 { s5.store(5, it, step, isPair, out, residual) }
  #if AVX512 || arch(arm64)
    if pixels > 6 { s6.store(6, it, step, isPair, out, residual) }
    if pixels > 7 { s7.store(7, it, step, isPair, out, residual) }
    if pixels > 8 { s8.store(8, it, step, isPair, out, residual) }
    if pixels > 9 { s9.store(9, it, step, isPair, out, residual) }
    if pixels > 10 { s10.store(10, it, step, isPair, out, residual) }
    if pixels > 11 { s11.store(11, it, step, isPair, out, residual) }
    if pixels > 12 { s12.store(12, it, step, isPair, out, residual) }
    if pixels > 13 { s13.store(13, it, step, isPair, out, residual) }
  #endif
}
