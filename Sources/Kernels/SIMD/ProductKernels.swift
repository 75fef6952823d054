import KernelInterface

/// Matrix products in every precision, those of 16-bit numbers emulated: operands are rounded while they are packed, and
/// multiplied as numbers of single precision.
let productKernels = ProductKernels(
  float32: GemmKernels(
    .float32, tileRows: tileRows, tileColumns: tileColumns,
    pack: { x, laneStride, depthStride, lanes, tile, depth, _, _, out in
      packPanel(x, laneStride, depthStride, lanes, tile, depth, out)
    }, multiplyBlock: multiplyBlock,
    multiplyUnpacked: {
      rows, columns, depth, alpha, a, aRowStride, aColumnStride, b, bRowStride, beta, c, cRowStride, buffer in
      multiplyUnpackedPanel(
        rows, columns, depth, alpha, a, aRowStride, aColumnStride, b, bRowStride, beta, c, cRowStride, buffer)
    }),
  bfloat16: GemmKernels(
    .bfloat16, tileRows: tileRows, tileColumns: tileColumns,
    pack: { x, laneStride, depthStride, lanes, tile, depth, _, _, out in
      packRounded(x, laneStride, depthStride, lanes, tile, depth, out)
    }, multiplyBlock: multiplyBlock),
  bfloat16x3: GemmKernels(
    .bfloat16x3, wordsInGroup: 3, tileRows: tileRows, tileColumns: tileColumns,
    pack: { x, laneStride, depthStride, lanes, tile, depth, _, isSecond, out in
      packParts(x, laneStride, depthStride, lanes, tile, depth, isSecond, out)
    }, multiplyBlock: multiplyBlock),
  int8: int8Kernels)

/// A panel of numbers rounded to bfloat16.
private func packRounded(
  _ x: UnsafePointer<Float>, _ laneStride: Int, _ depthStride: Int, _ lanes: Int, _ tile: Int, _ depth: Int,
  _ out: UnsafeMutablePointer<Float>
) {
  packPanel(x, laneStride, depthStride, lanes, tile, depth, out)
  forEachVector(tile * depth) { start, n in
    store(roundedToBFloat16(load(out + start, stride: 1, n)), out + start, n)
  }
}

/// A panel of numbers in two parts, three words a step: high, high, low of the first factor meet high, low, high of the
/// second one.
private func packParts(
  _ x: UnsafePointer<Float>, _ laneStride: Int, _ depthStride: Int, _ lanes: Int, _ tile: Int, _ depth: Int,
  _ isSecond: Bool, _ out: UnsafeMutablePointer<Float>
) {
  packPanel(x, laneStride, depthStride, lanes, tile, depth, out)
  // From the last step on: its words lie behind the numbers of all others.
  for step in (0..<depth).reversed() {
    let (from, to) = (out + step * tile, out + 3 * step * tile)
    var buffer = (Vector(repeating: 0), Vector(repeating: 0))
    withUnsafeMutableBytes(of: &buffer) { numbers in
      let numbers = numbers.baseAddress!.assumingMemoryBound(to: Float.self)
      numbers.update(from: from, count: tile)
      forEachVector(tile) { start, n in
        let number = load(numbers + start, stride: 1, n)
        let high = roundedToBFloat16(number)
        let low = roundedToBFloat16(number - high)
        store(high, to + start, n)
        store(isSecond ? low : high, to + tile + start, n)
        store(isSecond ? high : low, to + 2 * tile + start, n)
      }
    }
  }
}
