import Kernels

/// Walks one to three strided operands and a contiguous output row by row, on all threads.
///
/// Neighbouring axes that every operand walks with one stride are merged first, so most calls become one long row.
/// The split into tasks depends on the shape alone: results are the same for any number of threads.
struct StridedIteration {
  /// Merged sizes, outermost first; the last is the row.
  private var sizes = Shape()
  private var stridesA = Shape()
  private var stridesB = Shape()
  private var stridesC = Shape()
  private var inner = 1
  private var innerStrides = (0, 0, 0)

  /// One row: offsets of its first elements in the operands and the output, and its length.
  typealias Row = (a: Int, b: Int, c: Int, out: Int, count: Int)

  /// Elements in one task: enough to pay for handing it to another thread.
  static let grain = 16_384

  /// Elements in one task of many: longer stretches of memory are read faster.
  static func grain(for count: Int) -> Int { Swift.max(grain, Swift.min(count / 32, 4 * grain)) }

  /// Strides with which an operand walks a shape that it broadcasts to.
  static func strides(of tensor: Tensor, broadcastTo shape: Shape) -> Shape {
    if tensor.shape == shape { return tensor.strides }
    var result = Shape(repeating: 0, count: shape.count)
    let lead = shape.count - tensor.rank
    for i in 0..<tensor.rank where tensor.shape[i] != 1 { result[lead + i] = tensor.strides[i] }
    return result
  }

  init(shape: Shape, _ a: Shape, _ b: Shape? = nil, _ c: Shape? = nil) {
    let zeros = Shape(repeating: 0, count: shape.count)
    let b = b ?? zeros
    let c = c ?? zeros
    for i in 0..<shape.count where shape[unchecked: i] != 1 {
      let (size, strideA, strideB, strideC) = (
        shape[unchecked: i], a[unchecked: i], b[unchecked: i], c[unchecked: i]
      )
      let last = sizes.count - 1
      if last >= 0, stridesA[unchecked: last] == strideA * size, stridesB[unchecked: last] == strideB * size,
        stridesC[unchecked: last] == strideC * size
      {
        sizes[unchecked: last] *= size
        stridesA[unchecked: last] = strideA
        stridesB[unchecked: last] = strideB
        stridesC[unchecked: last] = strideC
      } else {
        sizes.append(size)
        stridesA.append(strideA)
        stridesB.append(strideB)
        stridesC.append(strideC)
      }
    }
    if !sizes.isEmpty {
      let last = sizes.count - 1
      inner = sizes.remove(at: last)
      innerStrides = (
        stridesA.remove(at: last), stridesB.remove(at: last), stridesC.remove(at: last)
      )
    }
  }

  /// Strides of the row in each operand.
  var rowStrides: (a: Int, b: Int, c: Int) { innerStrides }

  /// Calls `body` for every row or part of a row.
  func forEachRow(_ body: (Row) -> Void) {
    let rows = sizes.elementCount
    if rows == 0 || inner == 0 { return }
    if rows == 1 {
      let grain = StridedIteration.grain(for: inner)
      if inner <= grain { return body((0, 0, 0, 0, inner)) }
      ThreadPool.parallelRanges(count: inner, grain: grain) { range in
        let start = range.lowerBound
        body(
          (
            start * innerStrides.0, start * innerStrides.1, start * innerStrides.2, start, range.count
          ))
      }
      return
    }
    let grain = Swift.max(1, StridedIteration.grain(for: rows * inner) / inner)
    if rows <= grain { return walk(0..<rows, body) }
    ThreadPool.parallelRanges(count: rows, grain: grain) { walk($0, body) }
  }

  private func walk(_ rows: Range<Int>, _ body: (Row) -> Void) {
    var a = sizes.offset(of: rows.lowerBound, strides: stridesA)
    var b = sizes.offset(of: rows.lowerBound, strides: stridesB)
    var c = sizes.offset(of: rows.lowerBound, strides: stridesC)
    var position = sizes
    var rest = rows.lowerBound
    for axis in (0..<sizes.count).reversed() {
      position[axis] = rest % sizes[axis]
      rest /= sizes[axis]
    }
    for row in rows {
      body((a, b, c, row * inner, inner))
      var axis = sizes.count - 1
      while axis >= 0 {
        position[axis] += 1
        a += stridesA[axis]
        b += stridesB[axis]
        c += stridesC[axis]
        if position[axis] < sizes[axis] { break }
        a -= sizes[axis] * stridesA[axis]
        b -= sizes[axis] * stridesB[axis]
        c -= sizes[axis] * stridesC[axis]
        position[axis] = 0
        axis -= 1
      }
    }
  }
}

/// Copies between layouts.
enum StridedCopy {
  /// Copies `source` into the memory of `target`, which has the same shape, is freshly made, and is contiguous.
  static func run(from source: Tensor, to target: Tensor) {
    let out = target.pointer
    let x = UnsafePointer(source.pointer)
    // A transposed source is read with a stride along the rows of the target: copy tiles, not rows.
    if source.rank >= 2, let fast = transposedAxis(of: source) {
      return copyMatrices(from: x, source: source, to: out, fast: fast)
    }
    let kernel = Kernels.table.elementwise.copy
    let iteration = StridedIteration(shape: source.shape, source.strides)
    let stride = iteration.rowStrides.a
    iteration.forEachRow { kernel(x + $0.a, stride, out + $0.out, 1, $0.count) }
    withExtendedLifetime((source.storage, target.storage)) {}
  }

  /// The axis whose neighbours are neighbours in memory, when the last axis' are not.
  fileprivate static func transposedAxis(of source: Tensor) -> Int? {
    let last = source.rank - 1
    guard source.shape[last] > 1, source.strides[last] != 1, source.strides[last] != 0 else { return nil }
    return (0..<last).first { source.strides[$0] == 1 && source.shape[$0] > 3 }
  }

  private static func copyMatrices(
    from x: UnsafePointer<Float>, source: Tensor, to out: UnsafeMutablePointer<Float>, fast: Int
  ) {
    let last = source.rank - 1
    let outStrides = source.shape.contiguousStrides
    let rows = source.shape[fast]
    let columns = source.shape[last]
    var outerShape = source.shape
    var sourceStrides = source.strides
    var targetStrides = outStrides
    for axis in [last, fast] {
      outerShape.remove(at: axis)
      sourceStrides.remove(at: axis)
      targetStrides.remove(at: axis)
    }
    let kernel = Kernels.table.elementwise.copyMatrix
    let block = 64
    let blocks = (rows + block - 1) / block
    let grain = Swift.max(1, StridedIteration.grain / (Swift.min(rows, block) * columns))
    ThreadPool.parallelRanges(count: outerShape.elementCount * blocks, grain: grain) { tasks in
      for task in tasks {
        let from = x + outerShape.offset(of: task / blocks, strides: sourceStrides)
        let to = out + outerShape.offset(of: task / blocks, strides: targetStrides)
        let row = task % blocks * block
        kernel(
          from + row, 1, source.strides[last], to + row * outStrides[fast], outStrides[fast], 1,
          Swift.min(block, rows - row), columns)
      }
    }
    withExtendedLifetime(source.storage) {}
  }
}

extension Tensor {
  /// Self, or a copy when reading its rows one by one would jump through memory: tiles are copied in less time.
  var withReadableRows: Tensor {
    rank >= 2 && count > 1024 && StridedCopy.transposedAxis(of: self) != nil ? contiguous() : self
  }
}
