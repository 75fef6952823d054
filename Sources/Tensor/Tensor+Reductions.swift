import Kernels

/// Reductions over any axes; `nil` means all. Of no elements: sum 0, maximum -infinity, minimum infinity, mean NaN.
extension Tensor {
  /// Sum.
  public func sum(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    reduce(.sum, axes, keepDimensions, named: "sum")
  }

  /// Product.
  public func product(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    reduce(.product, axes, keepDimensions, named: "product")
  }

  /// Largest element; NaN if any is NaN.
  public func max(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    reduce(.maximum, axes, keepDimensions, named: "max")
  }

  /// Smallest element; NaN if any is NaN.
  public func min(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    reduce(.minimum, axes, keepDimensions, named: "min")
  }

  /// Sum of squares.
  public func sumOfSquares(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    reduce(.sumOfSquares, axes, keepDimensions, named: "sumOfSquares")
  }

  /// Arithmetic mean.
  public func mean(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    sum(axes: axes, keepDimensions: keepDimensions) / Float(reducedCount(axes, of: "mean"))
  }

  /// Mean squared distance from the mean; `unbiased` divides by one less than the count (Bessel's correction).
  public func variance(axes: [Int]? = nil, keepDimensions: Bool = false, unbiased: Bool = false) -> Tensor {
    let centred = self - mean(axes: axes, keepDimensions: true)
    let count = Float(reducedCount(axes, of: "variance") - (unbiased ? 1 : 0))
    return centred.sumOfSquares(axes: axes, keepDimensions: keepDimensions) / count
  }

  /// Euclidean norm.
  public func norm(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    sumOfSquares(axes: axes, keepDimensions: keepDimensions).sqrt()
  }

  /// log(Σ eˣ) without overflow; -infinity where every element is.
  public func logSumExp(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    let largest = max(axes: axes, keepDimensions: true)
    let shift = `where`(largest.abs() .< Float.infinity, largest, Tensor(0))
    let result = (self - shift).exp().sum(axes: axes, keepDimensions: true).log() + shift
    return keepDimensions ? result : result.reshape(reducedShape(axes, false, of: "logSumExp"))
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

  private func argument(_ operation: ReductionOperation, _ axis: Int, named name: StaticString) -> IndexTensor
  {
    let axis = shape.axis(axis, of: name)
    if shape[axis] == 0 { programmerError("\(name): axis \(axis) of shape \(shape) is empty") }
    let moved = movedLast([axis])
    var kept = shape
    kept.remove(at: axis)
    let kernel = Kernels.table.reduction.argument
    let x = moved.pointer
    let positions = [Int32](unsafeUninitializedCapacity: kept.elementCount) { buffer, count in
      count = kept.elementCount
      moved.forEachOuter(axes: kept.count) { index, offset in
        buffer[index] = Int32(kernel(operation.rawValue, x + offset, moved.strides[kept.count], shape[axis]))
      }
    }
    withExtendedLifetime(storage) {}
    return IndexTensor(positions, shape: kept)
  }
}

// MARK: - Machinery

extension Tensor {
  /// Number of elements that a reduction over `axes` folds into one.
  package func reducedCount(_ axes: [Int]?, of operation: StaticString) -> Int {
    shape.axes(axes, of: operation).reduce(1) { $0 * shape[$1] }
  }

  /// Shape after a reduction over `axes`.
  package func reducedShape(_ axes: [Int]?, _ keepDimensions: Bool, of operation: StaticString) -> Shape {
    var result = shape
    for axis in shape.axes(axes, of: operation).reversed() {
      if keepDimensions { result[axis] = 1 } else { result.remove(at: axis) }
    }
    return result
  }

  /// The given axes moved behind the others.
  func movedLast(_ axes: [Int]) -> Tensor {
    permute((0..<rank).filter { !axes.contains($0) } + axes)
  }

  /// Calls `body` with a running number and the offset for every position of the first `axes` axes.
  func forEachOuter(axes: Int, _ body: (Int, Int) -> Void) {
    let outer = Shape(shape[..<axes])
    for index in 0..<outer.elementCount {
      var rest = index
      var offset = 0
      for axis in (0..<axes).reversed() {
        offset += rest % outer[axis] * strides[axis]
        rest /= outer[axis]
      }
      body(index, offset)
    }
  }

  private func reduce(
    _ operation: ReductionOperation, _ axes: [Int]?, _ keepDimensions: Bool, named name: StaticString
  ) -> Tensor {
    let axes = shape.axes(axes, of: name)
    let target = reducedShape(axes, keepDimensions, of: name)
    if axes.isEmpty {
      return operation == .sumOfSquares ? square() : operation == .sumOfAbsolutes ? abs() : self
    }
    let kept = (0..<rank).filter { !axes.contains($0) }
    // Merged axes: [kept ..., reduced ...]; contiguous inputs become a matrix whichever axes are reduced.
    let moved = permute(kept + axes)
    let keptCount = target.elementCount
    let reducedCount = axes.reduce(1) { $0 * shape[$1] }
    let innermostIsKept = kept.last.map { strides[$0] == 1 && shape[$0] > 1 } ?? false
    if keptCount == 0 { return Tensor(uninitialized: target) }
    if innermostIsKept, let matrix = moved.asMatrix(keptAxes: kept.count) {
      return matrix.reduceRows(operation, columns: keptCount, rows: reducedCount).reshape(target)
    }
    // The reduced elements of each result lie in rows of one stride, or are copied so that they do.
    let rows =
      moved.viewAsRows(keptAxes: kept.count) ?? moved.contiguous().reshape([keptCount, reducedCount])
    let result = Tensor(uninitialized: target)
    rows.reduceEach(operation, into: result.pointer)
    return result
  }

  /// Self with its trailing axes as one, where their strides allow it; the leading axes as one, or as they are.
  private func viewAsRows(keptAxes: Int) -> Tensor? {
    var merged = Tensor(
      storage: storage, shape: Shape(shape[..<keptAxes]), strides: Shape(strides[..<keptAxes]), offset: offset
    )
    var size = 1
    var stride = 1
    for axis in (keptAxes..<rank).reversed() where shape[axis] != 1 {
      if size == 1 {
        stride = strides[axis]
      } else if strides[axis] != stride * size {
        return nil
      }
      size *= shape[axis]
    }
    merged.shape.append(size)
    merged.strides.append(stride)
    return merged
  }

  /// Self as (row offsets by one stride) x (contiguous columns), for a reduction over the rows; nil where strides differ.
  private func asMatrix(keptAxes: Int) -> Tensor? {
    let columns = Shape(shape[..<keptAxes])
    let kept = Tensor(storage: storage, shape: columns, strides: Shape(strides[..<keptAxes]), offset: offset)
    guard kept.isContiguous, let rows = viewAsRows(keptAxes: keptAxes) else { return nil }
    return Tensor(
      storage: storage, shape: [rows.shape[keptAxes], columns.elementCount],
      strides: [rows.strides[keptAxes], 1],
      offset: offset)
  }

  /// Rows of a matrix folded into one. Blocks of rows are folded apart, then their results, which keeps rounding errors
  /// small and the order independent of the number of threads.
  private func reduceRows(_ operation: ReductionOperation, columns: Int, rows: Int) -> Tensor {
    let block = 128
    let blocks = Swift.max(1, (rows + block - 1) / block)
    let result = Tensor(uninitialized: [blocks, columns])
    let kernels = Kernels.table
    let x = pointer
    let out = result.pointer
    let start = operation.identity
    let columnBlock = 1024
    let columnBlocks = (columns + columnBlock - 1) / columnBlock
    let grain = Swift.max(
      1, StridedIteration.grain / (Swift.min(rows, block) * Swift.min(columns, columnBlock) + 1))
    ThreadPool.parallelRanges(count: blocks * columnBlocks, grain: grain) { tasks in
      for task in tasks {
        let first = task / columnBlocks * block
        let column = task % columnBlocks * columnBlock
        let width = Swift.min(columnBlock, columns - column)
        let target = out + task / columnBlocks * columns + column
        kernels.elementwise.fill(start, target, width)
        for row in first..<Swift.min(first + block, rows) {
          kernels.reduction.accumulate(operation.rawValue, x + row * strides[0] + column, 1, target, width)
        }
      }
    }
    withExtendedLifetime(storage) {}
    return blocks == 1 ? result : result.reduceRows(operation.ofPartials, columns: columns, rows: blocks)
  }

  /// Folds the last axis of self for every position of the others.
  private func reduceEach(_ operation: ReductionOperation, into out: UnsafeMutablePointer<Float>) {
    let count = shape[rank - 1]
    let stride = strides[rank - 1]
    let kernel = Kernels.table.reduction.reduce
    let x = pointer
    let rows = Shape(shape[..<(rank - 1)]).elementCount
    let part = StridedIteration.grain
    if rows == 1 && count > 2 * part {
      let parts = (count + part - 1) / part
      let partial = Tensor(uninitialized: [parts])
      let to = partial.pointer
      ThreadPool.parallelFor(count: parts) { i in
        to[i] = kernel(operation.rawValue, x + i * part * stride, stride, Swift.min(part, count - i * part))
      }
      out.pointee = kernel(operation.ofPartials.rawValue, to, 1, parts)
      withExtendedLifetime((storage, partial.storage)) {}
      return
    }
    let outer = Shape(shape[..<(rank - 1)])
    ThreadPool.parallelRanges(count: rows, grain: Swift.max(1, part / Swift.max(count, 1))) { range in
      for row in range {
        var rest = row
        var offset = 0
        for axis in (0..<outer.count).reversed() {
          offset += rest % outer[axis] * strides[axis]
          rest /= outer[axis]
        }
        out[row] = kernel(operation.rawValue, x + offset, stride, count)
      }
    }
    withExtendedLifetime(storage) {}
  }
}

extension ReductionOperation {
  /// The result of reducing nothing.
  var identity: Float {
    switch self {
    case .sum, .sumOfSquares, .sumOfAbsolutes: 0
    case .product: 1
    case .maximum: -.infinity
    case .minimum: .infinity
    }
  }

  /// The operation that folds results of this one.
  var ofPartials: ReductionOperation {
    switch self {
    case .sumOfSquares, .sumOfAbsolutes: .sum
    default: self
    }
  }
}
