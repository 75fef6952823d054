import KernelInterface
import KernelsBaseline

private let kernels = kernelTable.optimizer

func optimizerOutputs() {
  for count in sizes {
    let g = numbers(count, seed: 1)
    for hasMomentum in [true, false] {
      for isNesterov in [true, false] {
        let (p, m) = (numbers(count, seed: 2), numbers(count, seed: 3))
        kernels.sgd(
          p.start, g.start, hasMomentum ? m.start : nil, count, 0.1, 0.9, 0.01, isNesterov, count % 2 == 0)
        report("optimizer.sgd", [count], within: 4, p)
        report("optimizer.sgd", [count], within: 4, m)
      }
    }
    for isDecoupled in [true, false] {
      let (p, m, v) = (numbers(count, seed: 4), numbers(count, seed: 5), numbers(count, 0...4, seed: 6))
      kernels.adam(
        p.start, g.start, m.start, v.start, count, 0.1, 0.9, 0.999, 1e-8, 0.01, 0.271, 0.002997001,
        isDecoupled)
      for state in [p, m, v] { report("optimizer.adam", [count], within: 4, state) }
    }
    let (p, m, averaged) = (numbers(count, seed: 15), numbers(count, seed: 16), numbers(count, seed: 19))
    kernels.lion(p.start, g.start, m.start, count, 0.1, 0.9, 0.99, 0.01)
    for state in [p, m] { report("optimizer.lion", [count], within: 4, state) }
    kernels.average(averaged.start, g.start, count, 0.3)
    report("optimizer.average", [count], within: 4, averaged)
    let (matrix, rowMeans, columnSums) = (
      numbers(7 * count, seed: 7), Floats(7), numbers(count, 0...9, seed: 8)
    )
    kernels.squareMeans(matrix.start, 1e-30, rowMeans.start, columnSums.start, 7, count)
    report("optimizer.squareMeans", [count], within: 4, rowMeans)
    report("optimizer.squareMeans", [count], within: 4, columnSums)
    adaFactorOutputs(count, g)
  }
  for count in sizes + [0, 2100] {
    for range: ClosedRange<Float> in [-3...3, -3e30...3e30] {
      report(
        "optimizer.sumOfSquares", [count],
        Memory<Double>([kernels.sumOfSquares(numbers(count, range, seed: 9).start, count)]))
    }
  }
}

private func adaFactorOutputs(_ count: Int, _ g: Floats) {
  // A momentum in one format, in the other, or none.
  for kind in 0...2 {
    let (row, full) = (Momentum(count, kind), Momentum(count, kind))
    let p = numbers(count, seed: 10)
    kernels.adaFactorRow(
      p.start, g.start, 0.7, numbers(count, 0...2, seed: 11).start, 1.2, row.short, row.long, count, 0.9, 0.1,
      0.01)
    report("optimizer.adaFactorRow", [count, kind], within: 4, p)
    row.report("optimizer.adaFactorRow")
    let (q, v) = (numbers(count, seed: 12), numbers(count, 0...4, seed: 13))
    kernels.adaFactor(
      q.start, g.start, v.start, full.short, full.long, count, 1e-30, 0.01, 0.7, 0.9, 0.99, 0.1, 0.01)
    report("optimizer.adaFactor", [count, kind], within: 4, q)
    report("optimizer.adaFactor", [count, kind], within: 4, v)
    full.report("optimizer.adaFactor")
  }
  let (factors, v) = (numbers(count, 0...2, seed: 17), numbers(count, 0...4, seed: 18))
  let rowSum = kernels.adaFactorRowSquares(g.start, 0.7, factors.start, 1.2, count)
  report("optimizer.adaFactorRowSquares", [count], within: 4, Memory([Float(rowSum)]))
  let sum = kernels.adaFactorSquares(g.start, v.start, count, 1e-30, 0.01, 0.99)
  report("optimizer.adaFactorSquares", [count], within: 4, Memory([Float(sum)]))
  report("optimizer.adaFactorSquares", [count], within: 4, v)
}

private struct Momentum {
  let numbers: Floats
  let shortNumbers: Memory<UInt16>
  let kind: Int

  init(_ count: Int, _ kind: Int) {
    let numbers = NEON.numbers(count, seed: 14)
    self.numbers = numbers
    shortNumbers = Memory(count) { UInt16(truncatingIfNeeded: numbers.start[$0].bitPattern >> 16) }
    self.kind = kind
  }

  var short: UnsafeMutablePointer<UInt16>? { kind == 0 ? shortNumbers.start : nil }
  var long: UnsafeMutablePointer<Float>? { kind == 1 ? numbers.start : nil }

  func report(_ kernel: StaticString) {
    NEON.report(kernel, [kind], within: 4, numbers)
    // A number between two of bfloat16 may become either: they are 2^-7 apart.
    let widened = Floats(shortNumbers.count) { Float(bitPattern: UInt32(shortNumbers.start[$0]) << 16) }
    NEON.report(kernel, [kind], within: 1 << 16, widened)
  }
}

func lossOutputs() {
  let kernels = kernelTable.loss
  let rows = 7
  for columns in sizes + [300] {
    let rowClasses = Memory<Int32>(rows) { Int32($0 % 4) - 1 }
    let columnClasses = Memory<Int32>(columns) { Int32($0 % 5) - 1 }
    for diagonal in [0, 3, -2, Int.min] {
      for hasClasses in [true, false] {
        let rowStride = columns + 3
        let s = numbers(rows * rowStride, seed: 1)
        let sums = Memory<Double>([0, 0, 0])
        kernels.sigmoidPairs(
          s.start, rowStride, 10, -1, diagonal, hasClasses ? rowClasses.start : nil,
          hasClasses ? columnClasses.start : nil, 0.25, sums.start, rows, columns)
        report("loss.sigmoidPairs", [columns, diagonal], within: 8, s)
        for sum in 0..<3 {
          report("loss.sigmoidPairs", [columns, diagonal, sum], within: 8, Memory([sums.start[sum]]))
        }
      }
    }
    for hasGradient in [true, false] {
      let (logits, losses) = (numbers(rows * columns, -6...6, seed: 2), Floats(rows))
      let labels = Memory<Int32>(rows) { $0 == 2 ? -1 : Int32($0 * 5 % columns) }
      kernels.softmaxCrossEntropy(
        logits.start, labels.start, 0.5, losses.start, hasGradient ? logits.start : nil, rows, columns)
      report("loss.softmaxCrossEntropy", [columns], within: 8, losses)
      report("loss.softmaxCrossEntropy", [columns], within: 8, logits)
    }
  }
}

func conversionOutputs() {
  let kernels = kernelTable.conversion
  // Every number there is in 16 bits.
  for count in sizes + [65_536] {
    let short = Memory<UInt16>(count) { UInt16(truncatingIfNeeded: count == 65_536 ? $0 : $0 * 12_345) }
    let out = Floats(count)
    kernels.fromHalf(short.start, out.start, count)
    report("conversion.fromHalf", [count], out)
    kernels.fromBFloat16(short.start, out.start, count)
    report("conversion.fromBFloat16", [count], out)
  }
  for count in sizes + [4096] {
    let x = Floats(count) { Float(bitPattern: UInt32(truncatingIfNeeded: $0) &* 2_654_435_761) }
    let out = Memory<UInt16>(count)
    kernels.toBFloat16(x.start, out.start, count)
    report("conversion.toBFloat16", [count], out)
  }
  let out = Memory<UInt16>(specialNumbers.count)
  kernels.toBFloat16(Floats(specialNumbers).start, out.start, out.count)
  report("conversion.toBFloat16", [], out)
}
