import CPUFeatures
import KernelInterface

// The register tile of a matrix product, whose rows are windows: what they meet at a step lies side by side in a plane, and is
// read there. Sums are those of `multiplyTile`.

func multiplyWindows(_ work: UnsafePointer<WindowProducts>) {
  // Constants, so that addresses need no arithmetic.
  if work.pointee.columnStep == 1 {
    multiplyWindowRows(work.pointee, 1)
  } else {
    multiplyWindowRows(work.pointee, 2)
  }
}

@_transparent
private func multiplyWindowRows(_ it: WindowProducts, _ columnStep: Int) {
  let half = tileRows / 2
  var ahead = linesAhead(it.nextOutput, it.x, chunks: it.rows * ((it.columns + tileRows - 1) / tileRows))
  for row in 0..<it.rows {
    var x = it.x + row * it.rowStep
    var out = it.out + row * it.outRowStep
    var left = it.columns
    while left > half {
      bringCloser(&ahead)
      multiplyWindowTile(rows: tileRows, it, columnStep, x, half * columnStep, out, half * tileColumns)
      x += tileRows * columnStep
      out += tileRows * tileColumns
      left -= tileRows
    }
    // What is left of a row, at most half a tile, goes with that of the next row.
    if left <= 0 || row % 2 == 1 { continue }
    bringCloser(&ahead)
    if row + 1 < it.rows {
      multiplyWindowTile(rows: tileRows, it, columnStep, x, it.rowStep, out, it.outRowStep)
    } else {
      multiplyWindowTile(rows: half, it, columnStep, x, 0, out, 0)
    }
  }
}

@_transparent
private func storeWindow(_ row: TileRow, _ it: WindowProducts, _ out: UnsafeMutablePointer<Float>) {
  let width = TileVector.scalarCount
  var row = row
  if it.isAdded {
    row.low += loadVector(out)
    row.high += loadVector(out + width)
  }
  if let bias = it.bias {
    row.low += loadVector(bias)
    row.high += loadVector(bias + width)
  }
  storeVector(row.low, out)
  storeVector(row.high, out + width)
}

/// The first `rows` rows of a tile, all or the first half: a literal. The second half begins so many numbers after the first.
@_transparent
private func multiplyWindowTile(
  rows: Int, _ it: WindowProducts, _ step: Int, _ x: UnsafePointer<Float>, _ second: Int,
  _ out: UnsafeMutablePointer<Float>, _ outSecond: Int
) {
  var (a0, a1, a2, b0, b1, b2) = (zeroRow, zeroRow, zeroRow, zeroRow, zeroRow, zeroRow)
  #if AVX512 || arch(arm64)
    var (a3, a4, a5, b3, b4, b5) = (zeroRow, zeroRow, zeroRow, zeroRow, zeroRow, zeroRow)
  #endif
  #if AVX512
    var (a6, b6) = (zeroRow, zeroRow)
  #endif
  let isWhole = rows == tileRows
  let y = x + second
  var weight = it.weight
  for index in 0..<it.steps {
    let a = x + it.offsets[index]
    let b = y + it.offsets[index]
    let low = loadVector(weight)
    let high = loadVector(weight + TileVector.scalarCount)
    // Weights come from the second-level cache; eight steps hide its latency.
    pairwise_prefetch(weight + 8 * tileColumns)
    #if AVX512
      pairwise_prefetch(weight + 8 * tileColumns + 16)
    #endif
    addProduct(&a0, a[0], low, high)
    addProduct(&a1, a[step], low, high)
    addProduct(&a2, a[2 * step], low, high)
    #if AVX512 || arch(arm64)
      addProduct(&a3, a[3 * step], low, high)
      addProduct(&a4, a[4 * step], low, high)
      addProduct(&a5, a[5 * step], low, high)
    #endif
    #if AVX512
      addProduct(&a6, a[6 * step], low, high)
    #endif
    if isWhole {
      addProduct(&b0, b[0], low, high)
      addProduct(&b1, b[step], low, high)
      addProduct(&b2, b[2 * step], low, high)
      #if AVX512 || arch(arm64)
        addProduct(&b3, b[3 * step], low, high)
        addProduct(&b4, b[4 * step], low, high)
        addProduct(&b5, b[5 * step], low, high)
      #endif
      #if AVX512
        addProduct(&b6, b[6 * step], low, high)
      #endif
    }
    weight += tileColumns
  }
  storeWindow(a0, it, out)
  storeWindow(a1, it, out + tileColumns)
  storeWindow(a2, it, out + 2 * tileColumns)
  #if AVX512 || arch(arm64)
    storeWindow(a3, it, out + 3 * tileColumns)
    storeWindow(a4, it, out + 4 * tileColumns)
    storeWindow(a5, it, out + 5 * tileColumns)
  #endif
  #if AVX512
    storeWindow(a6, it, out + 6 * tileColumns)
  #endif
  if isWhole {
    let out = out + outSecond
    storeWindow(b0, it, out)
    storeWindow(b1, it, out + tileColumns)
    storeWindow(b2, it, out + 2 * tileColumns)
    #if AVX512 || arch(arm64)
      storeWindow(b3, it, out + 3 * tileColumns)
      storeWindow(b4, it, out + 4 * tileColumns)
      storeWindow(b5, it, out + 5 * tileColumns)
    #endif
    #if AVX512
      storeWindow(b6, it, out + 6 * tileColumns)
    #endif
  }
}
