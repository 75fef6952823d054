import Kernels

/// The factors of one AdaFactor step: `u` is the gradient over the root of its running mean square (beta2),
/// `m = beta1 m + (1 - beta1) u; p -= rate m + decay p`.
package struct AdaFactorRates {
  let beta1, beta2, rate, decay: Double

  /// Collects the factors.
  package init(beta1: Double, beta2: Double, rate: Double, decay: Double) {
    (self.beta1, self.beta2, self.rate, self.decay) = (beta1, beta2, rate, decay)
  }

  /// Added to squares.
  fileprivate static let epsilon: Float = 1e-30
}

extension Tensor {
  /// AdaFactor (Shazeer & Stern 2018) with a running mean of squares for every number.
  package mutating func updateByAdaFactor(
    gradient: Tensor, squares: inout Tensor, momentum: inout AdaFactorMomentum, _ rates: AdaFactorRates
  ) {
    requireShape(gradient, shape, of: "AdaFactor", "a gradient")
    let gradient = gradient.contiguous()
    makeUnique()
    squares.makeUnique()
    let (p, g, v) = (pointer, gradient.readPointer, squares.pointer)
    let kernel = Kernels.table.optimizer.adaFactor
    momentum.withPointers { m in
      ThreadPool.parallelRanges(count: count, grain: updateGrain) { range in
        let first = range.lowerBound
        kernel(
          p + first, g + first, v + first, (m + first).short, (m + first).full, range.count,
          AdaFactorRates.epsilon, rates.beta1, rates.beta2, rates.rate, rates.decay)
      }
    }
    withExtendedLifetime(gradient) {}
  }

  /// AdaFactor with running means of squares for rows (`[..., rows]`) and columns (`[..., columns]`) of the matrices that
  /// the numbers fall into, one matrix after another.
  package mutating func updateByAdaFactor(
    gradient: Tensor, rowMeans: inout Tensor, columnMeans: inout Tensor, momentum: inout AdaFactorMomentum,
    _ rates: AdaFactorRates
  ) {
    requireShape(gradient, shape, of: "AdaFactor", "a gradient")
    if count == 0 { return }
    let (rows, columns) = (rowMeans.shape[rowMeans.rank - 1], columnMeans.shape[columnMeans.rank - 1])
    let gradient = gradient.contiguous()
    makeUnique()
    rowMeans.makeUnique()
    columnMeans.makeUnique()
    let (p, g, ofRows, ofColumns) = (pointer, gradient.readPointer, rowMeans.pointer, columnMeans.pointer)
    momentum.withPointers { m in
      for matrix in 0..<count / (rows * columns) {
        let start = matrix * rows * columns
        FactoredMatrix(
          rows: rows, columns: columns, p: p + start, g: g + start, momentum: m + start,
          rowMeans: ofRows + matrix * rows, columnMeans: ofColumns + matrix * columns
        ).update(rates)
      }
    }
    withExtendedLifetime(gradient) {}
  }
}

/// AdaFactor's first moment of one parameter: in bfloat16, in single precision, or none.
package struct AdaFactorMomentum: Sendable {
  private let shape: Shape
  private var short: [UInt16]?
  private var full: Tensor?

  private init(_ shape: Shape, short: [UInt16]? = nil, full: Tensor? = nil) {
    (self.shape, self.short, self.full) = (shape, short, full)
  }

  /// Zeros, two bytes for each number.
  package static func bfloat16(_ shape: Shape) -> AdaFactorMomentum {
    AdaFactorMomentum(shape, short: Array(repeating: 0, count: shape.elementCount))
  }

  /// Zeros, four bytes for each number.
  package static func float32(_ shape: Shape) -> AdaFactorMomentum {
    AdaFactorMomentum(shape, full: .zeros(shape))
  }

  /// Nothing is remembered.
  package static let none = AdaFactorMomentum([])

  /// The numbers; those that are set are rounded where there are bfloat16s.
  package var tensor: Tensor? {
    get {
      full
        ?? short.map { short in
          let result = Tensor(uninitialized: shape)
          Kernels.table.conversion.fromBFloat16(short, result.pointer, short.count)
          return result
        }
    }
    set {
      if short == nil { return full = newValue }
      short = newValue?.withUnsafeScalars { scalars in
        Array(unsafeUninitializedCapacity: scalars.count) { short, count in
          guard let target = short.baseAddress, let source = scalars.baseAddress else { return }
          Kernels.table.conversion.toBFloat16(source, target, scalars.count)
          count = scalars.count
        }
      }
    }
  }

  /// Where the numbers are: at most one of the two is not nil.
  fileprivate struct Pointers {
    let short: UnsafeMutablePointer<UInt16>?
    let full: UnsafeMutablePointer<Float>?

    static func + (pointers: Pointers, offset: Int) -> Pointers {
      Pointers(short: pointers.short.map { $0 + offset }, full: pointers.full.map { $0 + offset })
    }
  }

  /// Passes the numbers, to be changed where they are.
  fileprivate mutating func withPointers(_ body: (Pointers) -> Void) {
    guard short != nil else {
      full?.makeUnique()
      return body(Pointers(short: nil, full: full?.pointer))
    }
    short?.withUnsafeMutableBufferPointer { body(Pointers(short: $0.baseAddress, full: nil)) }
  }
}

/// One matrix of a parameter, and what is remembered of it.
private struct FactoredMatrix {
  let rows, columns: Int
  let p: UnsafeMutablePointer<Float>
  let g: UnsafePointer<Float>
  let momentum: AdaFactorMomentum.Pointers
  let rowMeans, columnMeans: UnsafeMutablePointer<Float>

  /// Rows that one thread takes at a time.
  private var block: Int { max(1, updateGrain / columns) }

  func update(_ rates: AdaFactorRates) {
    averageSquares(keeping: rates.beta2)
    let mean = (0..<rows).reduce(0.0) { $0 + Double(rowMeans[$1]) } / Double(rows)
    let columnFactors = Tensor(uninitialized: [columns])
    let factors = columnFactors.pointer
    for i in 0..<columns { factors[i] = Float(1 / Double(columnMeans[i]).squareRoot()) }
    let kernel = Kernels.table.optimizer.adaFactorRow
    ThreadPool.parallelRanges(count: rows, grain: block) { range in
      for row in range {
        let start = row * columns
        kernel(
          p + start, g + start, Float((mean / Double(rowMeans[row])).squareRoot()), factors,
          (momentum + start).short, (momentum + start).full, columns, rates.beta1, rates.rate, rates.decay)
      }
    }
    withExtendedLifetime(columnFactors) {}
  }

  private func averageSquares(keeping beta2: Double) {
    let blocks = (rows + block - 1) / block
    let rowsNow = Tensor.zeros([rows])
    // One sum for each block, added in order: the same for any number of threads.
    let sums = Tensor.zeros([blocks, columns])
    let (ofRows, ofColumns) = (rowsNow.pointer, sums.pointer)
    let kernel = Kernels.table.optimizer.squareMeans
    ThreadPool.parallelFor(count: blocks) { index in
      let first = index * block
      kernel(
        g + first * columns, AdaFactorRates.epsilon, ofRows + first, ofColumns + index * columns,
        min(block, rows - first), columns)
    }
    func blend(_ old: UnsafeMutablePointer<Float>, _ new: Tensor) {
      new.withUnsafeScalars { new in
        for i in new.indices { old[i] = Float(beta2 * Double(old[i]) + (1 - beta2) * Double(new[i])) }
      }
    }
    blend(rowMeans, rowsNow)
    blend(columnMeans, sums.sum(axes: [0]) / Float(rows))
  }
}
