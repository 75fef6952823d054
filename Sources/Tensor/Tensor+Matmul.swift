import Kernels

/// Matrix product with broadcasting of the leading axes, as NumPy's `matmul`; vectors become a row on the left, a column
/// on the right. Transposed and sliced operands are read through their strides. An element depends on its row and its
/// column alone, to the last bit, not on how many others are computed with it.
public func matmul(_ a: Tensor, _ b: Tensor) -> Tensor { a.matmul(b) }

/// x Wᵀ + b, with the bias and the activation applied while the product is in cache.
///
/// - Parameters:
///   - x: `[..., inputs]`.
///   - weight: `[outputs, inputs]`, as PyTorch keeps it.
///   - bias: `[outputs]`.
///   - activation: Applied to the sum.
/// - Returns: `[..., outputs]`.
public func linear(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, activation: Activation? = nil
) -> Tensor {
  guard x.rank >= 1, weight.rank == 2, x.shape[x.rank - 1] == weight.shape[1] else {
    programmerError("linear: an input of shape \(x.shape) for a weight of shape \(weight.shape)")
  }
  if let bias, bias.shape != [weight.shape[0]] {
    programmerError("linear: a bias of shape \(bias.shape) for a weight of shape \(weight.shape)")
  }
  return x.matmul(weight.transpose(), bias: bias, activation: activation)
}

extension Tensor {
  /// Matrix product with broadcasting of the leading axes; see ``matmul(_:_:)``.
  public func matmul(_ other: Tensor) -> Tensor { matmul(other, bias: nil) }

  /// A bias for each column (`[n]`) and an activation, applied while the product is still in cache.
  package func matmul(
    _ other: Tensor, bias: Tensor?, activation: Activation? = nil, scale: Float = 1
  ) -> Tensor {
    if rank == 0 || other.rank == 0 {
      programmerError("matmul: shapes \(shape) and \(other.shape) need at least one axis each")
    }
    if rank == 2 && other.rank == 2 || rank > 2 && other.rank == 2 && isContiguous {
      return multiplyRows(other, bias: bias, activation: activation, scale: scale)
    }
    let a = rank == 1 ? unsqueeze(0) : self
    let b = other.rank == 1 ? other.unsqueeze(1) : other
    let (m, k, n) = (a.shape[a.rank - 2], a.shape[a.rank - 1], b.shape[b.rank - 1])
    if b.shape[b.rank - 2] != k { programmerError("matmul: inner sizes differ: \(shape) and \(other.shape)") }
    let aBatch = Shape(a.shape[..<(a.rank - 2)])
    let bBatch = Shape(b.shape[..<(b.rank - 2)])
    guard let batch = aBatch.broadcast(with: bBatch) else {
      programmerError("matmul: leading axes of \(shape) and \(other.shape) do not broadcast")
    }
    let bias = bias?.contiguous()
    if let bias, bias.shape != [n] {
      programmerError("matmul: a bias of shape \(bias.shape) for \(n) columns")
    }
    let result = Tensor(uninitialized: batch + [m, n])
    result.fillWithProduct(a, b, batch: batch, bias: bias, activation: activation, scale: scale)
    var shape = result.shape
    if other.rank == 1 { shape.remove(at: shape.count - 1) }
    if rank == 1 { shape.remove(at: shape.count - (other.rank == 1 ? 1 : 2)) }
    return Tensor(storage: result.storage, shape: shape, strides: shape.contiguousStrides, offset: 0)
  }

  /// A copy of a matrix `[n, k]` that also holds its numbers in the order in which products by its transpose `[k, n]` read
  /// them: they need not be packed each time, for up to twice the memory. A write makes an ordinary tensor of it.
  ///
  /// - Parameters:
  ///   - precision: That of products now if not given.
  ///   - keepingNumbers: Whether the numbers themselves are there too. If not, who asks for them gets those that were
  ///     packed, rounded.
  package func packedForProducts(precision: WeightPrecision? = nil, keepingNumbers: Bool = true) -> Tensor {
    if rank != 2 || count == 0 { programmerError("packedForProducts: shape \(shape) is not a matrix") }
    if let precision {
      return Kernels.with(precision.kernel) { packedForProducts(keepingNumbers: keepingNumbers) }
    }
    if !keepingNumbers, storage.isPacked, storage.panels?.layout == Kernels.table.gemm.layout, isContiguous {
      return self
    }
    let source = contiguous()
    let panels = PackedMatrix(source.matrixView, shape: shape)
    withExtendedLifetime(source) {}
    let packed = Storage(shape, panels: panels, hasMemory: keepingNumbers)
    let result = Tensor(storage: packed, layout: packed.layout)
    if keepingNumbers { StridedCopy.run(from: source, to: result) }
    return result
  }

  /// Whether products by the transpose use numbers of 8 bits.
  package var isPackedInBytes: Bool { storage.panels?.layout.precision == .int8 }

  /// The product of all rows with one matrix.
  private func multiplyRows(
    _ other: Tensor, bias: Tensor?, activation: Activation?, scale: Float
  ) -> Tensor {
    let (k, n) = (other.shape[0], other.shape[1])
    if shape[rank - 1] != k { programmerError("matmul: inner sizes differ: \(shape) and \(other.shape)") }
    var target = shape
    target[rank - 1] = n
    let result = Tensor(uninitialized: target)
    if result.count == 0 { return result }
    let rowStride = rank == 2 ? strides[0] : k
    withBias(bias, columns: n) { bias in
      gemm(
        m: result.count / n, n: n, k: k, alpha: scale,
        a: MatrixView(pointer, rowStride: rowStride, columnStride: strides[rank - 1]), b: other.factorView,
        c: result.pointer, cRowStride: n, cColumnStride: 1,
        epilogue: GemmEpilogue(columnBias: bias, activation: activation?.kernel))
    }
    withExtendedLifetime((storage, other.storage)) {}
    return result
  }

  private func withBias(_ bias: Tensor?, columns: Int, _ body: (UnsafePointer<Float>?) -> Void) {
    guard let bias else { return body(nil) }
    if bias.rank != 1 || bias.count != columns {
      programmerError("matmul: a bias of shape \(bias.shape) for \(columns) columns")
    }
    bias.withUnsafeScalars { body($0.baseAddress) }
  }

  /// Adds the matrix product `a b` to self, in place where nobody else sees self; leading axes must agree.
  package mutating func addProduct(_ a: Tensor, _ b: Tensor, scale: Float = 1) {
    let batch = Shape(shape[..<(rank - 2)])
    if a.shape[a.rank - 1] != b.shape[b.rank - 2]
      || shape != batch + [a.shape[a.rank - 2], b.shape[b.rank - 1]]
    {
      programmerError("addProduct: shapes \(a.shape) and \(b.shape) into \(shape)")
    }
    makeUnique()
    fillWithProduct(a, b, batch: batch, bias: nil, activation: nil, scale: scale, beta: 1)
  }

  private func fillWithProduct(
    _ a: Tensor, _ b: Tensor, batch: Shape, bias: Tensor?, activation: Activation?, scale: Float,
    beta: Float = 0
  ) {
    if count == 0 { return }
    let n = shape[rank - 1]
    let epilogue = GemmEpilogue(
      columnBias: bias.map { UnsafePointer($0.pointer) }, activation: activation?.kernel)
    // One matrix on the right serves all rows on the left: one large product instead of many.
    if b.rank == 2, a.rank > 2, let rows = a.rowsAsOne() {
      gemm(
        m: rows.shape[0], n: n, k: rows.shape[1], alpha: scale, a: rows.matrixView, b: b.factorView,
        beta: beta,
        c: pointer, cRowStride: n, cColumnStride: 1, epilogue: epilogue)
    } else if batch.elementCount == 1 {
      gemm(
        m: shape[rank - 2], n: n, k: a.shape[a.rank - 1], alpha: scale, a: a.matrixView, b: b.factorView,
        beta: beta,
        c: pointer, cRowStride: n, cColumnStride: 1, epilogue: epilogue)
    } else {
      batchedGemm(
        batchCount: batch.elementCount, aOffsets: a.batchOffsets(batch), bOffsets: b.batchOffsets(batch),
        cOffsets: (0..<batch.elementCount).map { $0 * shape[rank - 2] * n }, m: shape[rank - 2], n: n,
        k: a.shape[a.rank - 1], alpha: scale, a: a.matrixView, b: b.factorView, beta: beta, c: pointer,
        cRowStride: n,
        cColumnStride: 1, epilogue: epilogue)
    }
    withExtendedLifetime((storage, a.storage, b.storage, bias)) {}
  }

  /// The last two axes.
  private var matrixView: MatrixView {
    MatrixView(pointer, rowStride: strides[rank - 2], columnStride: strides[rank - 1])
  }

  /// The last two axes of the second operand of a product, with panels if it has any.
  private var factorView: MatrixView {
    guard isTransposeOfStorage, let panels = storage.panels else { return matrixView }
    // Those that were unpacked later are never read for it: rounded again they might be others.
    if storage.isPacked && panels.isUsable {
      return MatrixView(panels: panels.pointer, layout: panels.layout)
    }
    var view = matrixView
    view.panels = (panels.pointer, panels.layout)
    return view
  }

  private var isTransposeOfStorage: Bool {
    offset == 0 && shape == Shape(storage.layout.shape.reversed())
      && strides == Shape(storage.layout.strides.reversed())
  }

  /// All leading axes merged into the rows, where one stride walks them.
  private func rowsAsOne() -> Tensor? {
    var rows = 1
    var stride = strides[rank - 2]
    for axis in (0..<rank - 1).reversed() where shape[axis] != 1 {
      if rows == 1 {
        stride = strides[axis]
      } else if strides[axis] != stride * rows {
        return nil
      }
      rows *= shape[axis]
    }
    return Tensor(
      storage: storage, shape: [rows, shape[rank - 1]], strides: [stride, strides[rank - 1]], offset: offset)
  }

  private func batchOffsets(_ batch: Shape) -> [Int] {
    let leading = Tensor(
      storage: storage, shape: Shape(shape[..<(rank - 2)]), strides: Shape(strides[..<(rank - 2)]), offset: 0)
    let strides = StridedIteration.strides(of: leading, broadcastTo: batch)
    return (0..<batch.elementCount).map { batch.offset(of: $0, strides: strides) }
  }
}
