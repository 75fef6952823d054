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
  /// Whether the factors have changed their places.
  var isTransposed = false

  /// Multiplications below which waking other threads costs more than it saves.
  static let smallestSharedWork = 48 * 48 * 256

  var isShared: Bool { m * n * k >= Self.smallestSharedWork }

  /// Computes the transpose of C instead: `C' = B' A'`.
  mutating func transpose() {
    swap(&m, &n)
    (a, b) = (b.transposed, a.transposed)
    swap(&cRowStride, &cColumnStride)
    swap(&epilogue.rowBias, &epilogue.columnBias)
    isTransposed.toggle()
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
}
