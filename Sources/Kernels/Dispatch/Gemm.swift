/// A matrix in memory: where it starts and how far apart its rows and columns are, in elements.
public struct MatrixView {
  /// First element.
  public var pointer: UnsafePointer<Float>
  /// Distance between rows.
  public var rowStride: Int
  /// Distance between columns.
  public var columnStride: Int

  /// Views memory as a matrix.
  public init(_ pointer: UnsafePointer<Float>, rowStride: Int, columnStride: Int) {
    self.pointer = pointer
    self.rowStride = rowStride
    self.columnStride = columnStride
  }
}

/// C = epilogue(alpha A B + beta C), for A of `m` x `k`, B of `k` x `n` and C of `m` x `n`.
///
/// All strides are free (0 and negative ones too, except for C, whose elements must be distinct). C must not overlap
/// A or B. With `beta` 0 the old content of C is not read. The result does not depend on the number of threads.
public func gemm(
  m: Int, n: Int, k: Int, alpha: Float = 1, a: MatrixView, b: MatrixView, beta: Float = 0,
  c: UnsafeMutablePointer<Float>, cRowStride: Int, cColumnStride: Int, epilogue: GemmEpilogue = .none
) {
  for i in 0..<m {
    for j in 0..<n {
      var sum: Float = 0
      for p in 0..<k {
        sum +=
          a.pointer[i * a.rowStride + p * a.columnStride] * b.pointer[p * b.rowStride + j * b.columnStride]
      }
      let target = c + i * cRowStride + j * cColumnStride
      var value = alpha * sum + (beta == 0 ? 0 : beta * target.pointee)
      if let bias = epilogue.rowBias { value += bias[i] }
      if let bias = epilogue.columnBias { value += bias[j] }
      if let activation = epilogue.activation {
        var result = value
        Kernels.table.elementwise.unary(activation.rawValue, &value, 1, &result, 1)
        value = result
      }
      if let residual = epilogue.residual {
        value += residual.pointer[i * residual.rowStride + j * residual.columnStride]
      }
      target.pointee = value
    }
  }
}

/// `batchCount` products of one shape, `C_i = epilogue(alpha A_i B_i + beta C_i)`.
///
/// The offsets say how many elements after the given pointers the i-th matrices begin; `nil` means that all products
/// share the matrix. The i-th residual begins where C_i does, relative to its own pointer; biases are shared.
public func batchedGemm(
  batchCount: Int, aOffsets: UnsafePointer<Int>?, bOffsets: UnsafePointer<Int>?, cOffsets: UnsafePointer<Int>,
  m: Int, n: Int, k: Int, alpha: Float = 1, a: MatrixView, b: MatrixView, beta: Float = 0,
  c: UnsafeMutablePointer<Float>, cRowStride: Int, cColumnStride: Int, epilogue: GemmEpilogue = .none
) {
  for i in 0..<batchCount {
    var (a, b, epilogue) = (a, b, epilogue)
    a.pointer += aOffsets?[i] ?? 0
    b.pointer += bOffsets?[i] ?? 0
    epilogue.residual?.pointer += cOffsets[i]
    gemm(
      m: m, n: n, k: k, alpha: alpha, a: a, b: b, beta: beta, c: c + cOffsets[i], cRowStride: cRowStride,
      cColumnStride: cColumnStride, epilogue: epilogue)
  }
}
