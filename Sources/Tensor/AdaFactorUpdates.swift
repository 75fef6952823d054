import Kernels

/// The numbers of one AdaFactor step: `u` is the gradient over the root of its running mean square, divided by its own root
/// mean square where that is above `clipping`; `m = beta1 m + (1 - beta1) u; p -= rate m + decay p`.
package struct AdaFactorRates {
  let beta1, beta2, rate, decay: Double
  let addedToSquares, smallestRoot: Float
  let clipping: Double?
  let averagesSteps: Bool

  /// Collects the numbers.
  ///
  /// - Parameters:
  ///   - addedToSquares: What a squared gradient is raised by before it is averaged.
  ///   - smallestRoot: What the root of an estimated mean square is raised to, and the mean of the means of rows.
  ///   - averagesSteps: Whether the first moment is one of `rate u`: then `p -= m + decay p`.
  package init(
    beta1: Double, beta2: Double, rate: Double, decay: Double, addedToSquares: Float = 1e-30,
    smallestRoot: Float = 0, clipping: Double? = nil, averagesSteps: Bool = false
  ) {
    (self.beta1, self.beta2, self.rate, self.decay) = (beta1, beta2, rate, decay)
    (self.addedToSquares, self.smallestRoot) = (addedToSquares, smallestRoot)
    (self.clipping, self.averagesSteps) = (clipping, averagesSteps)
  }

  /// What u is multiplied by before it is averaged, and what comes of it after.
  fileprivate func scales(squares: Double, count: Int) -> (before: Double, after: Double) {
    let size = clipping.map { max(1, (squares / Double(count)).squareRoot() / $0) } ?? 1
    return averagesSteps ? (rate / size, 1) : (1 / size, rate)
  }
}

extension Tensor {
  /// AdaFactor (Shazeer & Stern 2018) with a running mean of squares for every number: one pass, or two where updates are
  /// clipped.
  package mutating func updateByAdaFactor(
    gradient: Tensor, squares: inout Tensor, momentum: inout AdaFactorMomentum, _ rates: AdaFactorRates
  ) {
    requireShape(gradient, shape, of: "AdaFactor", "a gradient")
    let gradient = gradient.contiguous()
    makeUnique()
    squares.makeUnique()
    let (p, g, v) = (pointer, gradient.readPointer, squares.pointer)
    let kernels = Kernels.table.optimizer
    let least = rates.smallestRoot * rates.smallestRoot
    var sum = 0.0
    if rates.clipping != nil {
      sum = sumOverRanges(count) { range in
        kernels.adaFactorSquares(
          g + range.lowerBound, v + range.lowerBound, range.count, rates.addedToSquares, least, rates.beta2)
      }
    }
    // Means that are averaged already stay.
    let beta2 = rates.clipping == nil ? rates.beta2 : 1
    let (before, after) = rates.scales(squares: sum, count: count)
    momentum.withPointers { m in
      ThreadPool.parallelRanges(count: count, grain: updateGrain) { range in
        let first = range.lowerBound
        kernels.adaFactor(
          p + first, g + first, v + first, (m + first).short, (m + first).full, range.count,
          rates.addedToSquares, least, before, rates.beta1, beta2, after, rates.decay)
      }
    }
    withExtendedLifetime(gradient) {}
  }

  /// AdaFactor with running means of squares for rows (`[..., rows]`) and columns (`[..., columns]`) of the matrices that
  /// the numbers fall into, one matrix after another: two passes, or three where updates are clipped.
  package mutating func updateByAdaFactor(
    gradient: Tensor, rowMeans: inout Tensor, columnMeans: inout Tensor, momentum: inout AdaFactorMomentum,
    _ rates: AdaFactorRates
  ) {
    requireShape(gradient, shape, of: "AdaFactor", "a gradient")
    if count == 0 { return }
    let gradient = gradient.contiguous()
    makeUnique()
    rowMeans.makeUnique()
    columnMeans.makeUnique()
    let factors = (Tensor(uninitialized: rowMeans.shape), Tensor(uninitialized: columnMeans.shape))
    let matrices = FactoredMatrices(
      rows: rowMeans.shape[rowMeans.rank - 1], columns: columnMeans.shape[columnMeans.rank - 1], count: count,
      p: pointer, g: gradient.readPointer, rowMeans: rowMeans.pointer, columnMeans: columnMeans.pointer,
      rowFactors: factors.0.pointer, columnFactors: factors.1.pointer)
    matrices.average(rates)
    let sum = rates.clipping == nil ? 0 : matrices.sumOfSquares(rates)
    let scales = rates.scales(squares: sum, count: count)
    momentum.withPointers { matrices.update($0, before: scales.before, after: scales.after, rates) }
    withExtendedLifetime((gradient, factors)) {}
  }
}

/// The matrices of a parameter, one after another, and what is remembered of them.
private struct FactoredMatrices {
  let rows, columns: Int
  /// Numbers in all of them.
  let count: Int
  let p: UnsafeMutablePointer<Float>
  let g: UnsafePointer<Float>
  let rowMeans, columnMeans: UnsafeMutablePointer<Float>
  /// What a gradient is multiplied by.
  let rowFactors, columnFactors: UnsafeMutablePointer<Float>

  /// Rows, of all matrices, that one thread takes at a time.
  private var block: Int { max(1, updateGrain / columns) }
  private var allRows: Int { count / columns }

  /// Averages the squares of the gradients into the means of rows and columns, and makes factors of these.
  func average(_ rates: AdaFactorRates) {
    let kernel = Kernels.table.optimizer.squareMeans
    let matrices = count / (rows * columns)
    if rows > block {
      // Large ones one after another, with all threads.
      let blocks = (rows + block - 1) / block
      let scratch = Tensor(uninitialized: [rows + blocks * columns])
      for matrix in 0..<matrices {
        average(matrix, rates, kernel, scratch.pointer, blocks: blocks) {
          ThreadPool.parallelFor(count: blocks, $0)
        }
      }
      withExtendedLifetime(scratch) {}
    } else {
      ThreadPool.parallelRanges(count: matrices, grain: max(1, block / rows)) { range in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: rows + columns) { scratch in
          for matrix in range {
            average(matrix, rates, kernel, scratch.baseAddress!, blocks: 1) { $0(0) }
          }
        }
      }
    }
  }

  /// - Parameter forEachBlock: Calls a function with the number of each block of rows.
  private func average(
    _ matrix: Int, _ rates: AdaFactorRates, _ kernel: OptimizerKernels.SquareMeans,
    _ scratch: UnsafeMutablePointer<Float>, blocks: Int, forEachBlock: ((Int) -> Void) -> Void
  ) {
    let g = g + matrix * rows * columns
    // One sum for each block, added in order: the same for any number of threads.
    let (rowsNow, sums) = (scratch, scratch + rows)
    sums.update(repeating: 0, count: blocks * columns)
    forEachBlock { index in
      let first = index * block
      kernel(
        g + first * columns, rates.addedToSquares, rowsNow + first, sums + index * columns,
        min(block, rows - first), columns)
    }
    let mean = blendRows(matrix, rowsNow, rates)
    for i in matrix * rows..<(matrix + 1) * rows {
      rowFactors[i] = factor((mean / Double(rowMeans[i])).squareRoot())
    }
    blendColumns(matrix, sums, blocks: blocks, rates)
  }

  /// A finite number also where there never was a gradient, so that it can be multiplied by a learning rate of zero.
  private func factor(_ x: Double) -> Float { Float(min(x, 1e30)) }

  /// - Returns: The mean of the means of all rows.
  private func blendRows(
    _ matrix: Int, _ new: UnsafeMutablePointer<Float>, _ rates: AdaFactorRates
  ) -> Double {
    let means = rowMeans + matrix * rows
    var sum = 0.0
    for i in 0..<rows {
      means[i] = Float(rates.beta2 * Double(means[i]) + (1 - rates.beta2) * Double(new[i]))
      sum += Double(means[i])
    }
    return max(sum / Double(rows), Double(rates.smallestRoot))
  }

  private func blendColumns(
    _ matrix: Int, _ new: UnsafeMutablePointer<Float>, blocks: Int, _ rates: AdaFactorRates
  ) {
    let (means, factors) = (columnMeans + matrix * columns, columnFactors + matrix * columns)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: columns) { sums in
      sums.initialize(repeating: 0)
      for index in 0..<blocks {
        for j in 0..<columns { sums[j] += Double(new[index * columns + j]) }
      }
      for j in 0..<columns {
        means[j] = Float(rates.beta2 * Double(means[j]) + (1 - rates.beta2) * sums[j] / Double(rows))
        factors[j] = factor(1 / Double(means[j]).squareRoot())
      }
    }
  }

  /// Of what the gradients become.
  func sumOfSquares(_ rates: AdaFactorRates) -> Double {
    let kernel = Kernels.table.optimizer.adaFactorRowSquares
    let limit = 1 / rates.smallestRoot
    return sumOverRanges(allRows, grain: block) { range in
      range.reduce(0.0) { sum, row in
        sum + kernel(g + row * columns, rowFactors[row], columnFactors + row / rows * columns, limit, columns)
      }
    }
  }

  func update(
    _ momentum: AdaFactorMomentum.Pointers, before: Double, after: Double, _ rates: AdaFactorRates
  ) {
    let kernel = Kernels.table.optimizer.adaFactorRow
    let limit = rates.smallestRoot == 0 ? .infinity : Float(before / Double(rates.smallestRoot))
    ThreadPool.parallelRanges(count: allRows, grain: block) { range in
      for row in range {
        let start = row * columns
        kernel(
          p + start, g + start, Float(before * Double(rowFactors[row])), columnFactors + row / rows * columns,
          limit, (momentum + start).short, (momentum + start).full, columns, rates.beta1, after, rates.decay)
      }
    }
  }
}
