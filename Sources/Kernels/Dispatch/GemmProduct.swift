/// One product on its way: the operands, and the steps that `gemm` chooses from.
struct GemmProduct {
  var m: Int
  var n: Int
  let k: Int
  let alpha: Float
  var a: MatrixView
  var b: MatrixView
  let beta: Float
  let c: UnsafeMutablePointer<Float>
  var cRowStride: Int
  var cColumnStride: Int
  var epilogue: GemmEpilogue

  /// Multiplications below which waking other threads costs more than it saves.
  static let smallestSharedWork = 48 * 48 * 256

  var isShared: Bool { m * n * k >= Self.smallestSharedWork }

  /// Computes the transpose of C instead: `C' = B' A'`.
  mutating func transpose() {
    swap(&m, &n)
    (a, b) = (b.transposed, a.transposed)
    swap(&cRowStride, &cColumnStride)
    swap(&epilogue.rowBias, &epilogue.columnBias)
    epilogue.residual = epilogue.residual?.transposed
  }

  /// Whether C has contiguous columns rather than rows, or fills the register tiles better when transposed.
  var isBetterTransposed: Bool {
    if cColumnStride != 1 && cRowStride == 1 { return true }
    let kernels = Kernels.table.gemm
    func padded(_ rows: Int, _ columns: Int) -> Int {
      (rows + kernels.tileRows - 1) / kernels.tileRows * kernels.tileRows
        * ((columns + kernels.tileColumns - 1) / kernels.tileColumns * kernels.tileColumns)
    }
    return 3 * padded(m, n) > 4 * padded(n, m)
  }

  /// `C = beta C`.
  func scaleTarget() {
    for i in 0..<m {
      for j in 0..<n {
        let target = c + i * cRowStride + j * cColumnStride
        target.pointee = beta == 0 ? 0 : beta * target.pointee
      }
    }
  }

  // MARK: Products with one vector

  /// Multiplies without packing if A or B is a vector and the other one has contiguous rows or columns.
  mutating func runAsVectorProduct() -> Bool {
    guard m == 1 || n == 1 else { return false }
    if n != 1 { transpose() }
    guard a.columnStride == 1 || a.rowStride == 1 else { return false }
    let product = self
    let kernels = Kernels.table.gemm
    let scratch = ThreadState.current.packing
    var x = b.pointer
    if b.rowStride != 1 {
      let copy = scratch.floats(k)
      Kernels.table.elementwise.copy(b.pointer, b.rowStride, copy, 1, k)
      x = UnsafePointer(copy)
    }
    let byRows = a.columnStride == 1
    let multiply = byRows ? kernels.multiplyRows : kernels.multiplyColumns
    let stride = byRows ? a.rowStride : a.columnStride
    // A multiple of the rows that the kernels take at a time, so that a row meets the same instructions in any range.
    let grain = isShared ? max(128, Self.smallestSharedWork / 4 / k / 128 * 128) : m
    ThreadPool.parallelRanges(count: m, grain: grain) { rows in
      multiply(
        rows.count, product.k, product.alpha, product.a.pointer + rows.lowerBound * product.a.rowStride,
        stride, x,
        product.beta, product.c + rows.lowerBound * product.cRowStride, product.cRowStride)
    }
    applyEpilogue(rows: 0..<m, columns: 0..<1)
    return true
  }
}
