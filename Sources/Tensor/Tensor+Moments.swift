import Kernels

/// Variances and norms that are exact to a `Float` wherever the numbers lie: differences from one of the numbers, or from
/// 0, are added up in double precision.
extension Tensor {
  /// Mean squared distance from the mean; `unbiased` divides by one less than the count (Bessel's correction). Without
  /// anything to divide by it is NaN.
  public func variance(axes: [Int]? = nil, keepDimensions: Bool = false, unbiased: Bool = false) -> Tensor {
    spread(axes, keepDimensions, unbiased, of: "variance") { $0 }
  }

  /// Standard deviation: the square root of the ``variance(axes:keepDimensions:unbiased:)``, also where that leaves the range
  /// of a `Float`.
  public func std(axes: [Int]? = nil, keepDimensions: Bool = false, unbiased: Bool = false) -> Tensor {
    spread(axes, keepDimensions, unbiased, of: "std") { $0.squareRoot() }
  }

  private func spread(
    _ axes: [Int]?, _ keepDimensions: Bool, _ unbiased: Bool, of operation: StaticString,
    _ function: (Double) -> Double
  ) -> Tensor {
    let result = Tensor(uninitialized: reducedShape(axes, keepDimensions, of: operation))
    let size = Double(reducedCount(axes, of: operation))
    let divisor = Double(varianceDivisor(axes, unbiased: unbiased, of: operation))
    let out = result.pointer
    forEachLineSums(along: shape.axes(axes, of: operation)) { lines in
      for i in 0..<lines.count {
        out[lines.first + i] = Float(function(lines.moments(i, of: size).squares / divisor))
      }
    }
    return result
  }

  /// What a variance divides the sum of squared distances by.
  package func varianceDivisor(_ axes: [Int]?, unbiased: Bool, of operation: StaticString) -> Int {
    Swift.max(0, reducedCount(axes, of: operation) - (unbiased ? 1 : 0))
  }

  /// Distance of every element from the mean over `axes`.
  ///
  /// The mean is known to more digits than a `Float` has. Where those matter beside the deviation, they are subtracted
  /// too: numbers near 10,000 that differ in the seventh digit would lose one in twenty of what they differ by.
  package func centred(axes: [Int]? = nil) -> Tensor {
    let kept = reducedShape(axes, true, of: "centred")
    let (mean, rest) = (Tensor(uninitialized: kept), Tensor(uninitialized: kept))
    let (meanOut, restOut) = (mean.pointer, rest.pointer)
    let size = Double(reducedCount(axes, of: "centred"))
    forEachLineSums(along: shape.axes(axes, of: "centred")) { lines in
      for i in 0..<lines.count {
        let (mean, squares) = lines.moments(i, of: size)
        let rounded = Float(mean)
        let rest = mean - Double(rounded)
        meanOut[lines.first + i] = rounded
        restOut[lines.first + i] = rest * rest * size > 0x1p-48 * squares ? Float(rest) : 0
      }
    }
    var result = self - mean
    if rest.withUnsafeScalars({ $0.contains { $0 != 0 } }) { result -= rest }
    return result
  }

  /// Euclidean norm; squares neither overflow nor vanish.
  public func norm(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
    let result = Tensor(uninitialized: reducedShape(axes, keepDimensions, of: "norm"))
    let out = result.pointer
    forEachLineSums(along: shape.axes(axes, of: "norm"), pivot: 0) { lines in
      for i in 0..<lines.count { out[lines.first + i] = Float(lines.squares[i].squareRoot()) }
    }
    return result
  }
}

/// For some of the lines that a reduction folds into one number each: the sums of the distances from a pivot, and of their
/// squares.
private struct LineSums {
  let first: Int
  var count = 1
  let pivots: UnsafePointer<Float>
  let sums, squares: UnsafePointer<Double>

  /// The mean of a line of `size` elements, and the sum of their squared distances from it; NaN if one is infinite.
  func moments(_ line: Int, of size: Double) -> (mean: Double, squares: Double) {
    let mean = sums[line] / size
    let centred = squares[line] - sums[line] * mean
    if centred.isNaN { return (.nan, .nan) }
    // Rounding may leave a little less than nothing.
    return (Double(pivots[line]) + mean, Swift.max(centred, 0))
  }
}

extension Tensor {
  /// Calls `body`, on all threads, for all lines along `axes`, some at a time. Without a pivot it is the first element of
  /// each line.
  private func forEachLineSums(along axes: [Int], pivot: Float? = nil, _ body: (LineSums) -> Void) {
    let kept = (0..<rank).filter { !axes.contains($0) }
    let lineCount = kept.reduce(1) { $0 * shape[$1] }
    if lineCount == 0 { return }
    if axes.isEmpty { return contiguous().reshape([1, count]).columnSums(pivot, body) }
    if axes.contains(where: { shape[$0] == 0 }) {
      return (0..<lineCount).forEach { withSums(line: $0, pivot: 0, { _ in }, body) }
    }
    if let matrix = matricesOfLines(along: axes), matrix.rank == 2 { return matrix.columnSums(pivot, body) }
    let kernel = Kernels.table.moments.reduce
    if lineCount > 1, let runs = runs(along: axes, kept) {
      // Each line is several runs, apart from one another.
      let (keptShape, outer) = (
        Shape(runs.shape[..<kept.count]), Shape(runs.shape[kept.count..<runs.rank - 1])
      )
      let (keptStrides, outerStrides) = (
        Shape(runs.strides[..<kept.count]), Shape(runs.strides[kept.count...])
      )
      let (size, stride) = (runs.shape[runs.rank - 1], runs.strides[runs.rank - 1])
      let start = runs.readPointer
      let offsets = (0..<outer.elementCount).map { outer.offset(of: $0, strides: outerStrides) }
      let grain = Swift.max(1, StridedIteration.grain(for: count) / (count / lineCount))
      ThreadPool.parallelRanges(count: lineCount, grain: grain) {
        for line in $0 {
          let x = start + keptShape.offset(of: line, strides: keptStrides)
          let pivot = pivot ?? x[0]
          withSums(
            line: line, pivot: pivot,
            { sums in for offset in offsets { kernel(x + offset, stride, size, pivot, sums) } }, body)
        }
      }
      return withExtendedLifetime(storage) {}
    }
    let lines = lines(along: axes)
    if lineCount == 1 { return lines.longLineSums(pivot, body) }
    lines.forEachLine { line, x, stride, count in
      let pivot = pivot ?? x[0]
      withSums(line: line, pivot: pivot, { kernel(x, stride, count, pivot, $0) }, body)
    }
  }

  /// Self with `axes` last and as many of them as one stride walks as one; nil where that is all of them, or so few
  /// elements that they are better copied.
  private func runs(along axes: [Int], _ kept: [Int]) -> Tensor? {
    for first in axes.indices {
      let inner = Array(axes[first...])
      guard let runs = permute(kept + axes).viewAsLines(keptAxes: rank - inner.count) else { continue }
      return first > 0 && runs.shape[runs.rank - 1] >= 32 ? runs : nil
    }
    return nil
  }

  /// Calls `body` with the sums that `fill` adds to for one line.
  private func withSums(
    line: Int, pivot: Float, _ fill: (UnsafeMutablePointer<Double>) -> Void, _ body: (LineSums) -> Void
  ) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 2) { sums in
      let sums = sums.baseAddress!
      sums.initialize(repeating: 0, count: 2)
      fill(sums)
      withUnsafePointer(to: pivot) { body(LineSums(first: line, pivots: $0, sums: sums, squares: sums + 1)) }
    }
  }

  /// The sums of one line, in parts that threads share.
  private func longLineSums(_ pivot: Float?, _ body: (LineSums) -> Void) {
    let (size, stride, x) = (shape[rank - 1], strides[rank - 1], readPointer)
    let kernel = Kernels.table.moments.reduce
    let pivot = pivot ?? x[0]
    let part = StridedIteration.grain(for: size)
    var parts = [Double](repeating: 0, count: 2 * ((size + part - 1) / part))
    parts.withUnsafeMutableBufferPointer { parts in
      let first = parts.baseAddress!
      ThreadPool.parallelRanges(count: size, grain: part) {
        kernel(x + $0.lowerBound * stride, stride, $0.count, pivot, first + 2 * ($0.lowerBound / part))
      }
    }
    withExtendedLifetime(storage) {}
    withSums(line: 0, pivot: pivot, { sums in for i in parts.indices { sums[i % 2] += parts[i] } }, body)
  }

  /// The sums of every column of a matrix. Blocks of rows are added up apart, so that threads share them.
  private func columnSums(_ pivot: Float?, _ body: (LineSums) -> Void) {
    let (rows, columns, x) = (shape[0], shape[1], readPointer)
    let (rowBlock, columnBlock) = (512, 256)
    let (rowBlocks, columnBlocks) = (
      (rows + rowBlock - 1) / rowBlock, (columns + columnBlock - 1) / columnBlock
    )
    let pivots = pivot.map { Tensor.full([columns], $0) } ?? narrow(start: 0, length: 1, axis: 0)
    let pivot = UnsafePointer(pivots.pointer)
    let kernel = Kernels.table.moments.accumulate
    /// Adds a block of rows, and of columns in it, to its sums and the squares behind them.
    func add(_ row: Int, _ column: Int, to sums: UnsafeMutablePointer<Double>) {
      kernel(
        x + row * strides[0] + column, strides[0], Swift.min(rowBlock, rows - row), pivot + column, sums,
        sums + columnBlock, Swift.min(columnBlock, columns - column))
    }
    func report(_ column: Int, _ sums: UnsafeMutablePointer<Double>) {
      body(
        LineSums(
          first: column, count: Swift.min(columnBlock, columns - column), pivots: pivot + column, sums: sums,
          squares: sums + columnBlock))
    }
    let grain = Swift.max(
      1, StridedIteration.grain / (Swift.min(rows, rowBlock) * Swift.min(columns, columnBlock)))
    let room = 2 * columnBlock
    if rowBlocks == 1 {
      ThreadPool.parallelRanges(count: columnBlocks, grain: grain) {
        for block in $0 {
          withUnsafeTemporaryAllocation(of: Double.self, capacity: room) {
            $0.initialize(repeating: 0)
            add(0, block * columnBlock, to: $0.baseAddress!)
            report(block * columnBlock, $0.baseAddress!)
          }
        }
      }
    } else {
      var sums = [Double](repeating: 0, count: rowBlocks * columnBlocks * room)
      sums.withUnsafeMutableBufferPointer { sums in
        let sums = sums.baseAddress!
        ThreadPool.parallelRanges(count: rowBlocks * columnBlocks, grain: grain) {
          for task in $0 {
            add(task / columnBlocks * rowBlock, task % columnBlocks * columnBlock, to: sums + task * room)
          }
        }
        for task in columnBlocks..<rowBlocks * columnBlocks {
          let total = sums + task % columnBlocks * room
          for i in 0..<room { total[i] += sums[task * room + i] }
        }
        for block in 0..<columnBlocks { report(block * columnBlock, sums + block * room) }
      }
    }
    withExtendedLifetime((storage, pivots.storage)) {}
  }
}
