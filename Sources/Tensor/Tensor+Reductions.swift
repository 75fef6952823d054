import Kernels

/// Reductions over any axes; `nil` means all. Of no elements: sum 0, product 1, mean NaN, log-sum-exp -infinity; there
/// is no largest or smallest.
extension Tensor {
  /// Sum.
  public func sum(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    reduce(.sum, axes, keepDimensions, named: "sum")
  }

  /// Product.
  public func product(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    reduce(.product, axes, keepDimensions, named: "product")
  }

  /// Largest element; NaN if any is NaN. Traps when there is none to choose.
  public func max(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    requireElements(along: shape.axes(axes, of: "max"), of: "max")
    return reduce(.maximum, axes, keepDimensions, named: "max")
  }

  /// Smallest element; NaN if any is NaN. Traps when there is none to choose.
  public func min(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    requireElements(along: shape.axes(axes, of: "min"), of: "min")
    return reduce(.minimum, axes, keepDimensions, named: "min")
  }

  /// Sum of squares.
  public func sumOfSquares(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    reduce(.sumOfSquares, axes, keepDimensions, named: "sumOfSquares")
  }

  /// Arithmetic mean.
  public func mean(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    sum(axes: axes, keepDimensions: keepDimensions) / Float(reducedCount(axes, of: "mean"))
  }

  /// log(Σ eˣ) without overflow; -infinity where every element is.
  public func logSumExp(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    let target = reducedShape(axes, keepDimensions, of: "logSumExp")
    if axes == [] { return self }
    let lines = lines(along: shape.axes(axes, of: "logSumExp"))
    let result = Tensor(uninitialized: target)
    let (out, kernel) = (result.pointer, Kernels.table.reduction.logSumExp)
    lines.forEachLine { out[$0] = kernel($1, $2, $3) }
    return result
  }

  /// 1 where an element is not 0, else 0, also of no elements. NaN is not 0.
  public func any(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    (self .!= 0).sum(axes: axes, keepDimensions: keepDimensions) .> 0
  }

  /// 1 where no element is 0, also of no elements, else 0. NaN is not 0.
  public func all(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    (self .== 0).sum(axes: axes, keepDimensions: keepDimensions) .== 0
  }

  /// Position of the first largest element along an axis; a NaN counts as largest.
  public func argmax(axis: Int = -1) -> IndexTensor { argument(.maximum, axis, named: "argmax") }

  /// Position of the first smallest element along an axis; a NaN counts as smallest.
  public func argmin(axis: Int = -1) -> IndexTensor { argument(.minimum, axis, named: "argmin") }

  /// Largest elements along an axis and their positions.
  public func maxWithIndices(axis: Int = -1) -> (values: Tensor, indices: IndexTensor) {
    (max(axes: [axis]), argmax(axis: axis))
  }

  /// Smallest elements along an axis and their positions.
  public func minWithIndices(axis: Int = -1) -> (values: Tensor, indices: IndexTensor) {
    (min(axes: [axis]), argmin(axis: axis))
  }

  /// For each element the product of the others along `axes`, whatever it is itself: the derivative of the product.
  package func productOfOthers(_ axes: [Int]?) -> Tensor {
    let axes = shape.axes(axes, of: "product")
    let order = (0..<rank).filter { !axes.contains($0) } + axes
    let moved = permute(order)
    let size = axes.reduce(1) { $0 * shape[$1] }
    let x = moved.contiguous()
    let (from, result) = (x.readPointer, Tensor(uninitialized: moved.shape))
    let out = result.pointer
    // In double precision the factors before and behind an element neither overflow nor vanish before the result does.
    ThreadPool.parallelRanges(
      count: count / Swift.max(size, 1), grain: Swift.max(1, StridedIteration.grain / Swift.max(size, 1))
    ) { lines in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: size) { before in
        for line in lines {
          let (x, out) = (from + line * size, out + line * size)
          var product = 1.0
          for i in 0..<size {
            before[i] = product
            product *= Double(x[i])
          }
          product = 1
          for i in (0..<size).reversed() {
            out[i] = Float(before[i] * product)
            product *= Double(x[i])
          }
        }
      }
    }
    withExtendedLifetime(x.storage) {}
    return result.permute(order.indices.map { axis in order.firstIndex(of: axis)! })
  }

  private func argument(_ operation: ReductionOperation, _ axis: Int, named name: StaticString) -> IndexTensor
  {
    let axis = shape.axis(axis, of: name)
    requireElements(along: [axis], of: name)
    let lines = lines(along: [axis])
    var kept = shape
    kept.remove(at: axis)
    let kernel = Kernels.table.reduction.argument
    let positions = [Int32](unsafeUninitializedCapacity: kept.elementCount) { buffer, count in
      count = kept.elementCount
      lines.forEachLine { buffer[$0] = Int32(kernel(operation.rawValue, $1, $2, $3)) }
    }
    return IndexTensor(positions, shape: kept)
  }
}

// MARK: - Machinery

extension Tensor {
  /// Number of elements that a reduction over `axes` folds into one.
  package func reducedCount(_ axes: [Int]?, of operation: StaticString) -> Int {
    guard let axes else { return count }
    return shape.axes(axes, of: operation).reduce(1) { $0 * shape[$1] }
  }

  /// Shape after a reduction over `axes`.
  package func reducedShape(_ axes: [Int]?, _ keepDimensions: Bool, of operation: StaticString) -> Shape {
    guard let axes else { return Shape(repeating: 1, count: keepDimensions ? rank : 0) }
    var result = shape
    for axis in shape.axes(axes, of: operation).reversed() {
      if keepDimensions { result[axis] = 1 } else { result.remove(at: axis) }
    }
    return result
  }

  func requireElements(along axes: [Int], of operation: StaticString) {
    if let axis = axes.first(where: { shape[$0] == 0 }) {
      programmerError("\(operation): axis \(axis) of shape \(shape) is empty")
    }
  }

  /// The given axes moved behind the others.
  func movedLast(_ axes: [Int]) -> Tensor {
    permute((0..<rank).filter { !axes.contains($0) } + axes)
  }

  /// The elements that a reduction over `axes` folds into one, as a last axis: a view where one stride walks them, else
  /// a copy.
  func lines(along axes: [Int]) -> Tensor {
    let moved = movedLast(axes)
    let kept = Shape(moved.shape[..<(rank - axes.count)])
    return moved.viewAsLines(keptAxes: kept.count)
      ?? moved.contiguous().reshape(kept + [axes.reduce(1) { $0 * shape[$1] }])
  }

  /// Calls `body` with a running number, address, stride and count of every line of the last axis, on all threads.
  func forEachLine(_ body: (Int, UnsafePointer<Float>, Int, Int) -> Void) {
    let outer = shape.dropLast()
    let (size, stride, x) = (shape[rank - 1], strides[rank - 1], readPointer)
    let grain = Swift.max(1, StridedIteration.grain(for: count) / Swift.max(size, 1))
    ThreadPool.parallelRanges(count: outer.elementCount, grain: grain) {
      for line in $0 { body(line, x + outer.offset(of: line, strides: strides), stride, size) }
    }
    withExtendedLifetime(storage) {}
  }

  private func reduce(
    _ operation: ReductionOperation, _ axes: [Int]?, _ keepDimensions: Bool, named name: StaticString
  ) -> Tensor {
    let target = reducedShape(axes, keepDimensions, of: name)
    if isContiguous, let result = reduceRun(operation, axes, shape: target, named: name) { return result }
    return reduce(operation, shape.axes(axes, of: name)).reshape(target)
  }

  /// The reduction of a contiguous tensor over all axes, one first or one last axis: nothing has to be moved.
  private func reduceRun(
    _ operation: ReductionOperation, _ axes: [Int]?, shape target: Shape, named name: StaticString
  ) -> Tensor? {
    var (rows, columns, strides) = (1, count, Shape(rows: 0, columns: 1))
    if let axes {
      guard axes.count == 1, rank > 1, count > 0 else { return nil }
      let axis = shape.axis(axes[0], of: name)
      let size = shape[axis]
      if axis == rank - 1 {
        (rows, columns, strides) = (count / size, size, Shape(rows: size, columns: 1))
      } else if axis == 0 {
        (rows, columns) = (count / size, size)
        if rows >= 8 {
          let matrix = Tensor(
            storage: storage, shape: Shape(rows: columns, columns: rows),
            strides: Shape(rows: rows, columns: 1),
            offset: offset)
          return matrix.reduceRows(operation, shape: target)
        }
        strides = Shape(rows: 1, columns: rows)
      } else {
        return nil
      }
    }
    let lines = Tensor(
      storage: storage, shape: Shape(rows: rows, columns: columns), strides: strides, offset: offset)
    return lines.reduceLines(operation, shape: target)
  }

  /// The reduction over ascending `axes`, which are dropped.
  private func reduce(_ operation: ReductionOperation, _ axes: [Int]) -> Tensor {
    if axes.isEmpty {
      return operation == .sumOfSquares ? square() : self
    }
    let kept = (0..<rank).filter { !axes.contains($0) }
    let target = Shape(kept.map { shape[$0] })
    if let matrices = matricesOfLines(along: axes) {
      return matrices.reduceRows(operation, shape: target)
    }
    if let lines = permute(kept + axes).viewAsLines(keptAxes: kept.count) {
      return lines.reduceLines(operation, shape: target)
    }
    // No one stride walks all axes: fold as many of the last ones as one does walk, then the others.
    let folded = (1..<axes.count - 1).lazy.map { Array(axes[$0...]) }.first {
      self.movedLast($0).viewAsLines(keptAxes: self.rank - $0.count) != nil
    }
    let last = folded ?? [axes[axes.count - 1]]
    return reduce(operation, last).reduce(operation.ofPartials, Array(axes.dropLast(last.count)))
  }

  /// Self with the axes from `keptAxes` on as one; nil where no one stride walks them.
  func viewAsLines(keptAxes: Int) -> Tensor? {
    var merged = Layout(
      shape: Shape(shape[..<keptAxes]), strides: Shape(strides[..<keptAxes]), offset: offset)
    var size = 1
    var stride = 1
    for axis in (keptAxes..<rank).reversed() where shape[axis] != 1 {
      if shape[axis] == 0 || size == 0 {
        size = 0
        continue
      }
      if size == 1 {
        stride = strides[axis]
      } else if strides[axis] != stride * size {
        return nil
      }
      size *= shape[axis]
    }
    merged.shape.append(size)
    merged.strides.append(stride)
    return Tensor(storage: storage, layout: merged)
  }

  /// The elements that a reduction over `axes` folds into one as the columns of matrices `[..., rows, columns]`: the
  /// columns are the last kept axes as far as they are contiguous. Nil where no one stride walks the rows, or for few
  /// columns, which are faster to walk one by one. How many positions the first kept axes have, such as images in a
  /// batch, has no say: sums are in another order.
  func matricesOfLines(along axes: [Int]) -> Tensor? {
    let kept = (0..<rank).filter { !axes.contains($0) }
    guard let last = kept.last(where: { shape[$0] > 1 }), strides[last] == 1 else { return nil }
    return permute(kept + axes).asMatrices(keptAxes: kept.count)
  }

  private func asMatrices(keptAxes: Int) -> Tensor? {
    var (outer, columns) = (keptAxes, 1)
    while outer > 0, shape[outer - 1] == 1 || strides[outer - 1] == columns {
      outer -= 1
      columns *= shape[outer]
    }
    guard columns >= 8, let lines = viewAsLines(keptAxes: keptAxes) else { return nil }
    return Tensor(
      storage: storage, shape: Shape(shape[..<outer]) + [lines.shape[keptAxes], columns],
      strides: Shape(strides[..<outer]) + [lines.strides[keptAxes], 1], offset: offset)
  }

  /// The rows of matrices `[..., rows, columns]` of contiguous columns folded into one, a tensor of `target` in the
  /// order of `[..., columns]`. Blocks of rows are folded apart, then their results, which keeps rounding errors small and
  /// the order independent of the number of threads.
  private func reduceRows(_ operation: ReductionOperation, shape target: Shape) -> Tensor {
    let outer = shape[..<(rank - 2)]
    let (rows, columns, rowStride) = (shape[rank - 2], shape[rank - 1], strides[rank - 2])
    let block = 128
    let blocks = Swift.max(1, (rows + block - 1) / block)
    let result = Tensor(uninitialized: blocks == 1 ? target : outer + [blocks, columns])
    let kernels = Kernels.table
    let x = readPointer
    let out = result.pointer
    let start = operation.identity
    let columnBlock = 1024
    let columnBlocks = (columns + columnBlock - 1) / columnBlock
    let grain = Swift.max(
      1, StridedIteration.grain / (Swift.min(rows, block) * Swift.min(columns, columnBlock) + 1))
    ThreadPool.parallelRanges(count: outer.elementCount * blocks * columnBlocks, grain: grain) { tasks in
      for task in tasks {
        let part = task / columnBlocks
        let first = part % blocks * block
        let column = task % columnBlocks * columnBlock
        let width = Swift.min(columnBlock, columns - column)
        let from = x + outer.offset(of: part / blocks, strides: strides) + column
        let target = out + part * columns + column
        kernels.elementwise.fill(start, target, width)
        for row in first..<Swift.min(first + block, rows) {
          kernels.reduction.accumulate(operation.rawValue, from + row * rowStride, 1, target, width)
        }
      }
    }
    withExtendedLifetime(storage) {}
    return blocks == 1 ? result : result.reduceRows(operation.ofPartials, shape: target)
  }

  /// Folds every line of the last axis; a single long one in parts.
  private func reduceLines(_ operation: ReductionOperation, shape target: Shape) -> Tensor {
    let result = Tensor(uninitialized: target)
    let (size, stride, x, out) = (shape[rank - 1], strides[rank - 1], readPointer, result.pointer)
    let kernel = Kernels.table.reduction.reduce
    let part = StridedIteration.grain(for: size)
    if result.count == 1 && size > 2 * part {
      let partial = Tensor(uninitialized: [(size + part - 1) / part])
      let to = partial.pointer
      ThreadPool.parallelRanges(count: size, grain: part) {
        to[$0.lowerBound / part] = kernel(operation.rawValue, x + $0.lowerBound * stride, stride, $0.count)
      }
      withExtendedLifetime(storage) {}
      return partial.reduceLines(operation.ofPartials, shape: target)
    }
    forEachLine { out[$0] = kernel(operation.rawValue, $1, $2, $3) }
    return result
  }
}

extension ReductionOperation {
  /// The result of reducing nothing.
  var identity: Float {
    switch self {
    case .sum, .sumOfSquares: 0
    case .product: 1
    case .maximum: -.infinity
    case .minimum: .infinity
    }
  }

  /// The operation that folds results of this one.
  var ofPartials: ReductionOperation {
    self == .sumOfSquares ? .sum : self
  }
}
