/// C = epilogue(alpha A B + beta C), for A of `m` x `k`, B of `k` x `n` and C of `m` x `n`.
///
/// All strides are free (0 and negative ones too, except for C, whose elements must be distinct). C must not overlap
/// A or B. With `beta` 0 the old content of C is not read. An element of the result depends on its row of A, its column of
/// B and its old value alone, to the last bit: see ``GemmBlocking``.
public func gemm(
  m: Int, n: Int, k: Int, alpha: Float = 1, a: MatrixView, b: MatrixView, beta: Float = 0,
  c: UnsafeMutablePointer<Float>, cRowStride: Int, cColumnStride: Int, epilogue: GemmEpilogue = .none
) {
  guard m > 0, n > 0 else { return }
  if let panels = b.panels, panels.layout.precision == .int8, Kernels.table.gemm.precision != .int8,
    panels.layout == Kernels.table.products.int8.layout
  {
    // What was packed in 8 bits is multiplied so.
    return Kernels.with(.int8, forGradients: Kernels.precision.gradients) {
      gemm(
        m: m, n: n, k: k, alpha: alpha, a: a, b: b, beta: beta, c: c, cRowStride: cRowStride,
        cColumnStride: cColumnStride, epilogue: epilogue)
    }
  }
  var product = GemmProduct(
    m: m, n: n, k: k, alpha: alpha, a: a, b: b, beta: beta, c: c, cRowStride: cRowStride,
    cColumnStride: cColumnStride, epilogue: epilogue)
  // Without anything to sum, one step of depth with alpha 0 would still read A and B.
  if k == 0 {
    product.scaleTarget()
    product.applyEpilogue(rows: 0..<m, columns: 0..<n)
  } else if product.hasPanels || !product.runUnpacked() {
    if product.b.hasNumbers && product.isBetterTransposed { product.transpose() }
    product.runPacked()
  }
}

/// `batchCount` products of one shape, `C_i = epilogue(alpha A_i B_i + beta C_i)`.
///
/// The offsets say how many elements after the given pointers the i-th matrices begin; `nil` means that all products
/// share the matrix. Biases are shared.
public func batchedGemm(
  batchCount: Int, aOffsets: UnsafePointer<Int>?, bOffsets: UnsafePointer<Int>?, cOffsets: UnsafePointer<Int>,
  m: Int, n: Int, k: Int, alpha: Float = 1, a: MatrixView, b: MatrixView, beta: Float = 0,
  c: UnsafeMutablePointer<Float>, cRowStride: Int, cColumnStride: Int, epilogue: GemmEpilogue = .none
) {
  func multiply(_ i: Int) {
    var (a, b) = (a, b)
    a.pointer += aOffsets?[i] ?? 0
    b.pointer += bOffsets?[i] ?? 0
    gemm(
      m: m, n: n, k: k, alpha: alpha, a: a, b: b, beta: beta, c: c + cOffsets[i], cRowStride: cRowStride,
      cColumnStride: cColumnStride, epilogue: epilogue)
  }
  let work = max(m * n * k, 1)
  if work * batchCount < GemmProduct.smallestSharedWork {
    for i in 0..<batchCount { multiply(i) }
  } else if work < 4 * GemmProduct.smallestSharedWork || batchCount >= 8 * ThreadPool.threadCount {
    // One thread for each product: a region inside a region is not shared any further.
    ThreadPool.parallelRanges(count: batchCount, grain: max(1, GemmProduct.smallestSharedWork / work)) {
      range in
      for i in range { multiply(i) }
    }
  } else {
    for i in 0..<batchCount { multiply(i) }
  }
}
