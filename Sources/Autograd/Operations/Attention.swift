import Kernels

/// softmax(scale · Q Kᵀ + mask) V for every head (Vaswani et al. 2017).
///
/// Heads are read and written where they lie: nothing is transposed in memory. Up to 256 K scores a head the
/// probabilities are kept for the backward sweep (`B H Tq Tk` numbers); beyond that a block of rows at a time is
/// computed and computed again in the sweep, so that memory does not grow with `Tq Tk`.
///
/// - Parameters:
///   - query: `[B, Tq, H, D]`.
///   - key: `[B, Tk, H, D]`.
///   - value: `[B, Tk, H, E]`.
///   - mask: Added to the scores; broadcasts to `[B, H, Tq, Tk]`; -infinity excludes a key. Rows that exclude every key
///     give 0. A constant.
///   - scale: 1 / √D if not given.
/// - Returns: `[B, Tq, H, E]`.
public func scaledDotProductAttention(
  query: Variable, key: Variable, value: Variable, mask: Tensor? = nil, scale: Float? = nil
) -> Variable {
  scaledDotProductAttention(
    query: query, key: key, value: value, mask: mask, scale: scale, keptScoresPerHead: 256 * 1024)
}

/// As above, with another bound below which probabilities are kept.
package func scaledDotProductAttention(
  query: Variable, key: Variable, value: Variable, mask: Tensor? = nil, scale: Float? = nil,
  keptScoresPerHead: Int
) -> Variable {
  let inputs = [query, key, value]
  let attention = Attention(
    query: query.value, key: key.value, value: value.value, mask: mask, scale: scale)
  let isRecorded = Recording.isEnabled && inputs.contains(where: \.requiresGradient)
  let keeps = isRecorded && attention.sizes.queries * attention.sizes.keys <= keptScoresPerHead
  let (output, probabilities) = attention.forward(keepingProbabilities: keeps)
  let (expandedMask, scale) = (attention.mask, attention.scale)
  return record(
    "scaledDotProductAttention", inputs, value: output,
    fused: { context in
      Attention(
        query: context.input(0).value, key: context.input(1).value, value: context.input(2).value,
        mask: expandedMask, scale: scale
      ).backward(
        context.gradient.value, probabilities: probabilities,
        needed: (context.needs(0), context.needs(1), context.needs(2)))
    },
    composition: {
      composedAttention(query: $0[0], key: $0[1], value: $0[2], mask: expandedMask, scale: scale)
    })
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

func composedAttention(
  query: Variable, key: Variable, value: Variable, mask: Tensor?, scale: Float
) -> Variable {
  var scores = matmul(query.permute([0, 2, 1, 3]), key.permute([0, 2, 3, 1])) * scale
  guard let mask else {
    return matmul(scores.softmax(axis: -1), value.permute([0, 2, 1, 3])).permute([0, 2, 1, 3])
  }
  let seesAny = (mask .> -Float.infinity).sum(axes: [-1], keepDimensions: true) .> 0
  scores = scores + Variable(`where`(seesAny, mask, Tensor(0)))
  let probabilities = scores.softmax(axis: -1) * Variable(seesAny)
  return matmul(probabilities, value.permute([0, 2, 1, 3])).permute([0, 2, 1, 3])
}

/// The work of attention on plain tensors: heads in parallel, blocks of rows small enough for the cache.
private struct Attention {
  let query, key, value: Tensor
  let mask: Tensor?
  let scale: Float
  let sizes: (batch: Int, queries: Int, keys: Int, heads: Int, features: Int, values: Int)
  /// Rows of scores computed at a time.
  let block: Int

  init(query: Tensor, key: Tensor, value: Tensor, mask: Tensor?, scale: Float?) {
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

  private var headCount: Int { sizes.batch * sizes.heads }
  private var blockCount: Int { (sizes.queries + block - 1) / block }

  /// Heads or blocks in one task, for about a quarter million multiply-adds.
  private func grain(rows: Int) -> Int {
    262_144 / Swift.max(1, rows * sizes.keys * (sizes.features + sizes.values)) + 1
  }

  /// The output, and the probabilities `[B, H, Tq, Tk]` if they are to be kept.
  func forward(keepingProbabilities: Bool) -> (output: Tensor, probabilities: Tensor?) {
    let outputShape: Shape = [sizes.batch, sizes.queries, sizes.heads, sizes.values]
    if outputShape.elementCount == 0 || sizes.keys == 0 { return (.zeros(outputShape), nil) }
    let keptShape: Shape = [sizes.batch, sizes.heads, sizes.queries, sizes.keys]
    let made = Tensor.make([outputShape, keepingProbabilities ? keptShape : nil]) { output, kept, _ in
      withOperands { operands in
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
                a: MatrixView(scores, rowStride: sizes.keys, columnStride: 1),
                b: operands.value(head), c: output! + head.offset(row: first, width: sizes.values, self),
                cRowStride: sizes.heads * sizes.values, cColumnStride: 1)
            }
          }
        }
      }
    }
    return (made[0]!, made[1])
  }

  /// Gradients with respect to query, key and value, nil where not needed; probabilities that were not kept are
  /// computed again.
  func backward(
    _ gradient: Tensor, probabilities: Tensor?, needed: (query: Bool, key: Bool, value: Bool)
  ) -> [Tensor?] {
    let shapes = [
      needed.query ? query.shape : nil, needed.key ? key.shape : nil, needed.value ? value.shape : nil,
    ]
    if query.count == 0 || key.count == 0 || value.count == 0 { return shapes.map { $0.map(Tensor.zeros) } }
    let gradient = gradient.contiguous()
    return Tensor.make(shapes) { queryGradient, keyGradient, valueGradient in
      let targets = Targets(query: queryGradient, key: keyGradient, value: valueGradient)
      withOperands { operands in
        gradient.withUnsafeStrided { gradient in
          probabilities.withAddress { kept in
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
                    let probabilities =
                      kept.map { $0 + (index * sizes.queries + first) * sizes.keys }
                      ?? UnsafePointer(scratch + scores)
                    passBack(
                      operands, head, first: first, count: count, gradient: gradient,
                      probabilities: probabilities, scratch: scratch, to: targets)
                  }
                }
              }
            }
          }
        }
      }
    }
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
    Kernels.table.row.attentionSoftmax(scores, 1, rows, strides[2], scores, count, keys)
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

  private func withOperands(_ body: (Operands) -> Void) {
    query.withUnsafeStrided { query in
      key.withUnsafeStrided { key in
        value.withUnsafeStrided { value in
          mask.withAddress { mask in
            body(
              Operands(
                query: query, key: key, value: value, mask: mask, queryStrides: self.query.strides,
                keyStrides: self.key.strides, valueStrides: self.value.strides,
                maskStrides: self.mask?.strides ?? []))
          }
        }
      }
    }
  }
}
