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

  /// Queries of a block.
  private func rows(of index: Int) -> Range<Int> {
    index * block..<Swift.min((index + 1) * block, sizes.queries)
  }

  /// Heads in one task, for about a quarter million multiply-adds.
  private var headsInTask: Int {
    262_144 / Swift.max(1, scoresPerHead * (sizes.features + sizes.values)) + 1
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
    // Runs of blocks of one head, for which keys and values are packed once: as long as leaves work for all threads.
    let wantedRuns = (8 * ThreadPool.threadCount + headCount - 1) / headCount
    let blocksInRun = (blockCount + wantedRuns - 1) / wantedRuns
    let runs = (blockCount + blocksInRun - 1) / blocksInRun
    let scoresSize = kept == nil ? Swift.min(block, sizes.queries) * sizes.keys : 0
    let panelsSize = blocksInRun > 1 ? panelsSize([.transposedKeys, .values]) : 0
    ThreadPool.parallelRanges(count: headCount * runs, grain: runs > 1 ? 1 : headsInTask) { tasks in
      withScratch(count: scoresSize + panelsSize) { scratch in
        for task in tasks {
          let head = Head(task / runs, of: self)
          var panels = panelsSize > 0 ? scratch + scoresSize : nil
          let transposedKeys = factor(.transposedKeys, operands, head, packedTo: &panels)
          let values = factor(.values, operands, head, packedTo: &panels)
          let start = task % runs * blocksInRun
          for index in start..<Swift.min(start + blocksInRun, blockCount) {
            let rows = rows(of: index)
            let scores =
              kept.map { $0 + scoresPerHead * head.index + rows.lowerBound * sizes.keys } ?? scratch
            computeProbabilities(operands, head, transposedKeys, rows, into: scores)
            gemm(
              m: rows.count, n: sizes.values, k: sizes.keys,
              a: MatrixView(scores, rowStride: sizes.keys, columnStride: 1), b: values,
              c: out + head.offset(row: rows.lowerBound, width: sizes.values, self),
              cRowStride: sizes.heads * sizes.values, cColumnStride: 1)
          }
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
    // The gradient of the scores, and the probabilities if they were not kept.
    let scoresSize = Swift.min(block, sizes.queries) * sizes.keys
    let blocksSize = kept == nil ? 2 * scoresSize : scoresSize
    let packed = (kept == nil ? [.transposedKeys] : []) + [SharedFactor.transposedValues, .keys]
    let panelsSize = blockCount > 1 ? panelsSize(packed) : 0
    ThreadPool.parallelRanges(count: headCount, grain: headsInTask) { heads in
      withScratch(count: blocksSize + panelsSize) { scratch in
        for index in heads {
          let head = Head(index, of: self)
          var panels = panelsSize > 0 ? scratch + blocksSize : nil
          let transposedKeys =
            kept == nil ? factor(.transposedKeys, operands, head, packedTo: &panels) : nil
          let transposedValues = factor(.transposedValues, operands, head, packedTo: &panels)
          let keys = factor(.keys, operands, head, packedTo: &panels)
          for index in 0..<blockCount {
            let rows = rows(of: index)
            if let transposedKeys {
              computeProbabilities(operands, head, transposedKeys, rows, into: scratch + scoresSize)
            }
            passBack(
              operands, head, keys, transposedValues, rows, gradient: slope,
              probabilities: kept.map { $0 + head.index * scoresPerHead + rows.lowerBound * sizes.keys }
                ?? UnsafePointer(scratch + scoresSize), scratch: scratch, to: targets)
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
    _ operands: Operands, _ head: Head, _ keys: MatrixView, _ transposedValues: MatrixView,
    _ rows: Range<Int>, gradient: UnsafePointer<Float>, probabilities: UnsafePointer<Float>,
    scratch: UnsafeMutablePointer<Float>, to targets: Targets
  ) {
    let (keyCount, features, values) = (sizes.keys, sizes.features, sizes.values)
    let beta: Float = rows.lowerBound == 0 ? 0 : 1
    let gradientRows = MatrixView(
      gradient + head.offset(row: rows.lowerBound, width: values, self), rowStride: sizes.heads * values,
      columnStride: 1)
    if let target = targets.value {
      gemm(
        m: keyCount, n: values, k: rows.count,
        a: MatrixView(probabilities, rowStride: 1, columnStride: keyCount), b: gradientRows, beta: beta,
        c: target + head.keyOffset(width: values, self), cRowStride: sizes.heads * values, cColumnStride: 1)
    }
    guard targets.query != nil || targets.key != nil else { return }
    gemm(
      m: rows.count, n: keyCount, k: values, a: gradientRows, b: transposedValues, c: scratch,
      cRowStride: keyCount, cColumnStride: 1)
    Kernels.table.row.softmaxDerivative(probabilities, scratch, scratch, rows.count, keyCount)
    if let target = targets.query {
      gemm(
        m: rows.count, n: features, k: keyCount, alpha: scale,
        a: MatrixView(scratch, rowStride: keyCount, columnStride: 1), b: keys,
        c: target + head.offset(row: rows.lowerBound, width: features, self),
        cRowStride: sizes.heads * features, cColumnStride: 1)
    }
    if let target = targets.key {
      gemm(
        m: keyCount, n: features, k: rows.count, alpha: scale,
        a: MatrixView(scratch, rowStride: 1, columnStride: keyCount),
        b: operands.query(head, row: rows.lowerBound), beta: beta,
        c: target + head.keyOffset(width: features, self), cRowStride: sizes.heads * features,
        cColumnStride: 1)
    }
  }

  private func computeProbabilities(
    _ operands: Operands, _ head: Head, _ transposedKeys: MatrixView, _ rows: Range<Int>,
    into scores: UnsafeMutablePointer<Float>
  ) {
    let (keys, count) = (sizes.keys, rows.count)
    gemm(
      m: count, n: keys, k: sizes.features, alpha: scale, a: operands.query(head, row: rows.lowerBound),
      b: transposedKeys, c: scores, cRowStride: keys, cColumnStride: 1)
    guard let mask = operands.mask else { return Kernels.table.row.softmax(scores, scores, count, keys) }
    let strides = operands.maskStrides
    let maskRows = mask + head.batch * strides[0] + head.position * strides[1] + rows.lowerBound * strides[2]
    Kernels.table.row.maskedSoftmax(scores, maskRows, strides[2], scores, count, keys)
    let reduce = Kernels.table.reduction.reduce
    // 0 / 0 where no key takes part.
    for row in 0..<count where scores[row * keys].isNaN {
      let largest = reduce(ReductionOperation.maximum.rawValue, maskRows + row * strides[2], 1, keys)
      if largest == -.infinity { Kernels.table.elementwise.fill(0, scores + row * keys, keys) }
    }
  }

  /// What the products of all blocks of a head have as their second factor.
  private enum SharedFactor {
    case keys, transposedKeys, values, transposedValues
  }

  private func size(of factor: SharedFactor) -> (rows: Int, columns: Int) {
    switch factor {
    case .keys: (sizes.keys, sizes.features)
    case .transposedKeys: (sizes.features, sizes.keys)
    case .values: (sizes.keys, sizes.values)
    case .transposedValues: (sizes.values, sizes.keys)
    }
  }

  /// Room for the panels of some factors.
  private func panelsSize(_ factors: [SharedFactor]) -> Int {
    factors.reduce(0) { $0 + packedSize(rows: size(of: $1).rows, columns: size(of: $1).columns).count }
  }

  /// A factor where it lies, with panels if there is memory for them, which moves on behind them.
  private func factor(
    _ factor: SharedFactor, _ operands: Operands, _ head: Head,
    packedTo memory: inout UnsafeMutablePointer<Float>?
  ) -> MatrixView {
    let matrix =
      switch factor {
      case .keys: operands.key(head)
      case .transposedKeys: operands.key(head).transposed
      case .values: operands.value(head)
      case .transposedValues: operands.value(head).transposed
      }
    guard let panels = memory else { return matrix }
    memory = panels + panelsSize([factor])
    return matrix.packed(rows: size(of: factor).rows, columns: size(of: factor).columns, to: panels)
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
