import KernelInterface

@inline(__always)
private func store(_ value: Float, _ alpha: Float, _ beta: Float, _ y: UnsafeMutablePointer<Float>) {
  y.pointee = beta == 0 ? alpha * value : alpha * value + beta * y.pointee
}

/// `y = alpha M x + beta y` for contiguous rows: dot products, four rows at a time to read `x` less often.
func multiplyVectorByRows(
  _ rows: Int, _ depth: Int, _ alpha: Float, _ matrix: UnsafePointer<Float>, _ stride: Int,
  _ x: UnsafePointer<Float>, _ beta: Float, _ y: UnsafeMutablePointer<Float>, _ yStride: Int
) {
  let width = TileVector.scalarCount
  let vectorised = depth / (2 * width) * (2 * width)
  var row = 0
  while row < rows {
    // The last rows are computed again rather than differently.
    let first = max(0, min(row, rows - 4))
    let m0 = matrix + first * stride
    let m1 = rows - first > 1 ? m0 + stride : m0
    let m2 = rows - first > 2 ? m1 + stride : m1
    let m3 = rows - first > 3 ? m2 + stride : m2
    var (s0, s1, s2, s3) = (zeroRow, zeroRow, zeroRow, zeroRow)
    var p = 0
    while p < vectorised {
      let low = loadVector(x + p)
      let high = loadVector(x + p + width)
      s0.low = multiplyAdd(loadVector(m0 + p), low, s0.low)
      s0.high = multiplyAdd(loadVector(m0 + p + width), high, s0.high)
      s1.low = multiplyAdd(loadVector(m1 + p), low, s1.low)
      s1.high = multiplyAdd(loadVector(m1 + p + width), high, s1.high)
      s2.low = multiplyAdd(loadVector(m2 + p), low, s2.low)
      s2.high = multiplyAdd(loadVector(m2 + p + width), high, s2.high)
      s3.low = multiplyAdd(loadVector(m3 + p), low, s3.low)
      s3.high = multiplyAdd(loadVector(m3 + p + width), high, s3.high)
      p += 2 * width
    }
    var t0 = sumOfLanes(s0.low + s0.high)
    var t1 = sumOfLanes(s1.low + s1.high)
    var t2 = sumOfLanes(s2.low + s2.high)
    var t3 = sumOfLanes(s3.low + s3.high)
    while p < depth {
      t0 += m0[p] * x[p]
      t1 += m1[p] * x[p]
      t2 += m2[p] * x[p]
      t3 += m3[p] * x[p]
      p += 1
    }
    let end = min(first + 4, rows)
    if first >= row { store(t0, alpha, beta, y + first * yStride) }
    if first + 1 >= row && first + 1 < end { store(t1, alpha, beta, y + (first + 1) * yStride) }
    if first + 2 >= row && first + 2 < end { store(t2, alpha, beta, y + (first + 2) * yStride) }
    if first + 3 >= row && first + 3 < end { store(t3, alpha, beta, y + (first + 3) * yStride) }
    row += 4
  }
}

/// `y = alpha M x + beta y` for contiguous columns: a sum of columns, as many rows at a time as stay in registers.
func multiplyVectorByColumns(
  _ rows: Int, _ depth: Int, _ alpha: Float, _ matrix: UnsafePointer<Float>, _ stride: Int,
  _ x: UnsafePointer<Float>, _ beta: Float, _ y: UnsafeMutablePointer<Float>, _ yStride: Int
) {
  let width = TileVector.scalarCount
  var row = 0
  while row + 4 * width <= rows {
    var (s0, s1) = (zeroRow, zeroRow)
    for p in 0..<depth {
      let m = matrix + row + p * stride
      addProduct(&s0, x[p], loadVector(m), loadVector(m + width))
      addProduct(&s1, x[p], loadVector(m + 2 * width), loadVector(m + 3 * width))
    }
    for i in 0..<width {
      store(s0.low[i], alpha, beta, y + (row + i) * yStride)
      store(s0.high[i], alpha, beta, y + (row + width + i) * yStride)
      store(s1.low[i], alpha, beta, y + (row + 2 * width + i) * yStride)
      store(s1.high[i], alpha, beta, y + (row + 3 * width + i) * yStride)
    }
    row += 4 * width
  }
  while row + width <= rows {
    var sum = TileVector.zero
    for p in 0..<depth {
      sum = multiplyAdd(TileVector(repeating: x[p]), loadVector(matrix + row + p * stride), sum)
    }
    for i in 0..<width { store(sum[i], alpha, beta, y + (row + i) * yStride) }
    row += width
  }
  while row < rows {
    var sum: Float = 0
    for p in 0..<depth { sum += x[p] * matrix[row + p * stride] }
    store(sum, alpha, beta, y + row * yStride)
    row += 1
  }
}
