import Kernels

/// softmax(scale · Q Kᵀ + mask) V for every head (Vaswani et al. 2017).
///
/// Heads are read and written where they lie, and a block of rows of scores is in memory at a time.
///
/// - Parameters:
///   - query: `[B, Tq, H, D]`.
///   - key: `[B, Tk, H, D]`.
///   - value: `[B, Tk, H, E]`.
///   - mask: Added to the scores; broadcasts to `[B, H, Tq, Tk]`; -infinity excludes a key. Rows that exclude every key
///     give 0.
///   - scale: 1 / √D if not given.
/// - Returns: `[B, Tq, H, E]`.
public func scaledDotProductAttention(
  query: Tensor, key: Tensor, value: Tensor, mask: Tensor? = nil, scale: Float? = nil
) -> Tensor {
  Attention(query: query, key: key, value: value, mask: mask, scale: scale)
    .output(keepingProbabilities: false).output
}

extension Tensor {
  /// A mask for attention in which query i sees keys up to i: 0 there, else -infinity. With more keys than queries the
  /// last query sees all keys.
  public static func causalMask(queries: Int, keys: Int? = nil) -> Tensor {
    let keys = keys ?? queries
    let last = Tensor.arange(0, Float(queries)).unsqueeze(1) + Float(keys - queries)
    return `where`(Tensor.arange(0, Float(keys)) .<= last, Tensor(0), Tensor(-.infinity))
  }
}

/// The operands of ``scaledDotProductAttention(query:key:value:mask:scale:)``, and the work: heads in parallel, blocks of
/// rows small enough for the cache.
package struct Attention {
  private let query, key, value: Tensor
  /// As it broadcasts: `[B, H, Tq, Tk]`.
  package let mask: Tensor?
  /// What the scores are multiplied by.
  package let scale: Float
  private let sizes: (batch: Int, queries: Int, keys: Int, heads: Int, features: Int, values: Int)
  /// Rows of scores computed at a time.
  private let block: Int

  /// Traps when the shapes do not fit.
  package init(query: Tensor, key: Tensor, value: Tensor, mask: Tensor?, scale: Float?) {
    guard query.rank == 4, key.rank == 4, value.rank == 4,
      query.shape[0] == key.shape[0], query.shape[2] == key.shape[2], query.shape[3] == key.shape[3],
      key.shape[..<3].elementsEqual(value.shape[..<3])
    else {
      programmerError(
        "scaledDotProductAttention: query \(query.shape), key \(key.shape) and value \(value.shape) are not "
          + "[B, Tq, H, D], [B, Tk, H, D] and [B, Tk, H, E]")
    }
    sizes = (
      query.shape[0], query.shape[1], key.shape[1], query.shape[2], query.shape[3], value.shape[3]
    )
    let scores: Shape = [sizes.batch, sizes.heads, sizes.queries, sizes.keys]
    if let mask, mask.shape.broadcast(with: scores) != scores {
      programmerError(
        "scaledDotProductAttention: a mask of shape \(mask.shape) does not broadcast to \(scores)")
    }
    (self.query, self.key, self.value) = (query, key, value)
    // The kernel reads rows of the mask without gaps; the other axes may repeat.
    let keys = sizes.keys
    self.mask = mask.map { mask in
      let rows = mask.expand(to: Shape((mask.rank == 0 ? [] : mask.shape.dropLast()) + [keys]))
      return (rows.strides[rows.rank - 1] == 1 ? rows : rows.contiguous()).expand(to: scores)
    }
    self.scale = scale ?? 1 / Float(Swift.max(sizes.features, 1)).squareRoot()
    block = Swift.max(16, Swift.min(sizes.queries, 65_536 / Swift.max(sizes.keys, 1) / 16 * 16))
  }

  /// Scores of one head: its queries times its keys.
  package var scoresPerHead: Int { sizes.queries * sizes.keys }

  private var headCount: Int { sizes.batch * sizes.heads }
  private var blockCount: Int { (sizes.queries + block - 1) / block }

  /// Heads or blocks in one task, for about a quarter million multiply-adds.
  private func grain(rows: Int) -> Int {
    262_144 / Swift.max(1, rows * sizes.keys * (sizes.features + sizes.values)) + 1
  }

  /// The output, and the probabilities `[B, H, Tq, Tk]` if they are to be kept for the derivative.
  package func output(keepingProbabilities: Bool) -> (output: Tensor, probabilities: Tensor?) {
    let outputShape: Shape = [sizes.batch, sizes.queries, sizes.heads, sizes.values]
    if outputShape.elementCount == 0 || sizes.keys == 0 { return (.zeros(outputShape), nil) }
    let output = Tensor(uninitialized: outputShape)
    let probabilities =
      keepingProbabilities
      ? Tensor(uninitialized: [sizes.batch, sizes.heads, sizes.queries, sizes.keys]) : nil
    let (operands, out, kept) = (operands, output.pointer, probabilities?.pointer)
    let rows = Swift.min(block, sizes.queries)
    ThreadPool.parallelRanges(count: headCount * blockCount, grain: grain(rows: rows)) { tasks in
      withScratch(count: kept == nil ? rows * sizes.keys : 0) { scratch in
        for task in tasks {
          let head = Head(task / blockCount, of: self)
          let first = task % blockCount * block
          let count = Swift.min(block, sizes.queries - first)
          let scores = kept.map { $0 + (head.index * sizes.queries + first) * sizes.keys } ?? scratch
          computeProbabilities(operands, head, first: first, count: count, into: scores)
          gemm(
            m: count, n: sizes.values, k: sizes.keys,
            a: MatrixView(scores, rowStride: sizes.keys, columnStride: 1), b: operands.value(head),
            c: out + head.offset(row: first, width: sizes.values, self),
            cRowStride: sizes.heads * sizes.values, cColumnStride: 1)
        }
      }
    }
    withExtendedLifetime(self) {}
    return (output, probabilities)
  }

  /// Gradients with respect to query, key and value, nil where not needed, given that of the output; probabilities that
  /// were not kept are computed again.
  package func derivative(
    _ gradient: Tensor, probabilities: Tensor?, needed: (query: Bool, key: Bool, value: Bool)
  ) -> [Tensor?] {
    let isEmpty = query.count == 0 || key.count == 0 || value.count == 0
    func make(_ isNeeded: Bool, _ shape: Shape) -> Tensor? {
      isNeeded ? isEmpty ? .zeros(shape) : Tensor(uninitialized: shape) : nil
    }
    let gradients = [
      make(needed.query, query.shape), make(needed.key, key.shape), make(needed.value, value.shape),
    ]
    if isEmpty { return gradients }
    let gradient = gradient.contiguous()
    let targets = Targets(
      query: gradients[0]?.pointer, key: gradients[1]?.pointer, value: gradients[2]?.pointer)
    let (operands, slope, kept) = (operands, gradient.readPointer, probabilities?.readPointer)
    ThreadPool.parallelRanges(count: headCount, grain: grain(rows: sizes.queries)) { heads in
      let scores = Swift.min(block, sizes.queries) * sizes.keys
      withScratch(count: kept == nil ? 2 * scores : scores) { scratch in
        for index in heads {
          let head = Head(index, of: self)
          for first in stride(from: 0, to: sizes.queries, by: block) {
            let count = Swift.min(block, sizes.queries - first)
            if kept == nil {
              computeProbabilities(operands, head, first: first, count: count, into: scratch + scores)
            }
            passBack(
              operands, head, first: first, count: count, gradient: slope,
              probabilities: kept.map { $0 + (index * sizes.queries + first) * sizes.keys }
                ?? UnsafePointer(scratch + scores), scratch: scratch, to: targets)
          }
        }
      }
    }
    withExtendedLifetime((self, gradient, probabilities)) {}
    return gradients
  }

  private struct Targets {
    let query, key, value: UnsafeMutablePointer<Float>?
  }

  /// The gradients of one block of rows; those of keys and values add up over the blocks.
  private func passBack(
    _ operands: Operands, _ head: Head, first: Int, count: Int, gradient: UnsafePointer<Float>,
    probabilities: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>, to targets: Targets
  ) {
    let (keys, features, values) = (sizes.keys, sizes.features, sizes.values)
    let beta: Float = first == 0 ? 0 : 1
    let gradientRows = MatrixView(
      gradient + head.offset(row: first, width: values, self), rowStride: sizes.heads * values,
      columnStride: 1)
    if let target = targets.value {
      gemm(
        m: keys, n: values, k: count, a: MatrixView(probabilities, rowStride: 1, columnStride: keys),
        b: gradientRows, beta: beta, c: target + head.keyOffset(width: values, self),
        cRowStride: sizes.heads * values, cColumnStride: 1)
    }
    guard targets.query != nil || targets.key != nil else { return }
    gemm(
      m: count, n: keys, k: values, a: gradientRows, b: operands.value(head).transposed, c: scratch,
      cRowStride: keys, cColumnStride: 1)
    Kernels.table.row.softmaxDerivative(probabilities, scratch, scratch, count, keys)
    if let target = targets.query {
      gemm(
        m: count, n: features, k: keys, alpha: scale,
        a: MatrixView(scratch, rowStride: keys, columnStride: 1), b: operands.key(head),
        c: target + head.offset(row: first, width: features, self), cRowStride: sizes.heads * features,
        cColumnStride: 1)
    }
    if let target = targets.key {
      gemm(
        m: keys, n: features, k: count, alpha: scale,
        a: MatrixView(scratch, rowStride: 1, columnStride: keys), b: operands.query(head, row: first),
        beta: beta, c: target + head.keyOffset(width: features, self), cRowStride: sizes.heads * features,
        cColumnStride: 1)
    }
  }

  private func computeProbabilities(
    _ operands: Operands, _ head: Head, first: Int, count: Int, into scores: UnsafeMutablePointer<Float>
  ) {
    let keys = sizes.keys
    gemm(
      m: count, n: keys, k: sizes.features, alpha: scale, a: operands.query(head, row: first),
      b: operands.key(head).transposed, c: scores, cRowStride: keys, cColumnStride: 1)
    guard let mask = operands.mask else { return Kernels.table.row.softmax(scores, scores, count, keys) }
    let strides = operands.maskStrides
    let rows = mask + head.batch * strides[0] + head.position * strides[1] + first * strides[2]
    Kernels.table.row.maskedSoftmax(scores, rows, strides[2], scores, count, keys)
    let reduce = Kernels.table.reduction.reduce
    // 0 / 0 where no key takes part.
    for row in 0..<count where scores[row * keys].isNaN {
      let largest = reduce(ReductionOperation.maximum.rawValue, rows + row * strides[2], 1, keys)
      if largest == -.infinity { Kernels.table.elementwise.fill(0, scores + row * keys, keys) }
    }
  }

  /// One head of one sequence.
  private struct Head {
    let index, batch, position: Int

    init(_ index: Int, of attention: Attention) {
      self.index = index
      batch = index / attention.sizes.heads
      position = index % attention.sizes.heads
    }

    /// Where a query's row begins in a contiguous `[B, Tq, H, width]`.
    func offset(row: Int, width: Int, _ attention: Attention) -> Int {
      ((batch * attention.sizes.queries + row) * attention.sizes.heads + position) * width
    }

    /// Where the first key's row begins in a contiguous `[B, Tk, H, width]`.
    func keyOffset(width: Int, _ attention: Attention) -> Int {
      (batch * attention.sizes.keys * attention.sizes.heads + position) * width
    }
  }

  /// Addresses of the inputs, each read through its own strides.
  private struct Operands {
    let query, key, value: UnsafePointer<Float>
    let mask: UnsafePointer<Float>?
    let queryStrides, keyStrides, valueStrides, maskStrides: Shape

    func query(_ head: Head, row: Int) -> MatrixView {
      var view = Operands.matrix(query, queryStrides, head)
      view.pointer += row * queryStrides[1]
      return view
    }

    func key(_ head: Head) -> MatrixView { Operands.matrix(key, keyStrides, head) }
    func value(_ head: Head) -> MatrixView { Operands.matrix(value, valueStrides, head) }

    private static func matrix(_ pointer: UnsafePointer<Float>, _ strides: Shape, _ head: Head) -> MatrixView
    {
      MatrixView(
        pointer + head.batch * strides[0] + head.position * strides[2], rowStride: strides[1],
        columnStride: strides[3])
    }
  }

  private var operands: Operands {
    Operands(
      query: query.readPointer, key: key.readPointer, value: value.readPointer, mask: mask?.readPointer,
      queryStrides: query.strides, keyStrides: key.strides, valueStrides: value.strides,
      maskStrides: mask?.strides ?? [])
  }
}

/// Calls `body` with room for `count` numbers from the pool.
func withScratch(count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  let scratch = Tensor(uninitialized: [count])
  body(scratch.pointer)
  withExtendedLifetime(scratch) {}
}
