import KernelInterface
import KernelsBaseline

/// Also none, and more than are summed in single precision.
private let reducedSizes = [0] + sizes + [2100]

func reductionOutputs() {
  let kernels = kernelTable.reduction
  for operation in ReductionOperation.allCases {
    for count in reducedSizes {
      for stride in 0...2 {
        let range: ClosedRange<Float> = operation == .product ? 0.9...1.1 : -3...3
        let x = numbers(2 * count, range, seed: 1)
        report(
          "reduction.reduce", [Int(operation.rawValue), stride, count],
          Floats([kernels.reduce(operation.rawValue, x.start, stride, count)]))
        let accumulator = numbers(count, seed: 2)
        kernels.accumulate(operation.rawValue, x.start, stride, accumulator.start, count)
        report(
          "reduction.accumulate", [Int(operation.rawValue), stride, count],
          within: operation == .sumOfSquares ? 2 : 0, accumulator)
      }
    }
    for first in specialNumbers.indices {
      let x = Floats(specialNumbers.count - first) { specialNumbers[first + $0] }
      report(
        "reduction.reduce", [Int(operation.rawValue), first],
        Floats([kernels.reduce(operation.rawValue, x.start, 1, x.count)]))
    }
  }
  for operation in [ReductionOperation.maximum, .minimum] {
    for count in sizes {
      for stride in 0...2 {
        for x in [
          numbers(2 * count, seed: 3), Floats(2 * count) { Float($0 * 5 % 8) },
          Floats(2 * count) { $0 == 29 ? .nan : 1 },
        ] {
          report(
            "reduction.argument", [Int(operation.rawValue), stride, count],
            Memory<Int>([kernels.argument(operation.rawValue, x.start, stride, count)]))
        }
      }
    }
  }
  for count in reducedSizes {
    for stride in 0...2 {
      let x = numbers(2 * count, -5...5, seed: 4)
      report(
        "reduction.logSumExp", [stride, count], within: 4, Floats([kernels.logSumExp(x.start, stride, count)])
      )
      report(
        "reduction.sumOfExponentials", [stride, count], within: 8,
        Memory<Double>([kernels.sumOfExponentials(x.start, stride, count, 4)]))
      for outStride in 1...2 {
        let out = Floats(2 * count)
        kernels.cumulativeSum(x.start, stride, out.start, outStride, count)
        report("reduction.cumulativeSum", [stride, outStride, count], out)
      }
    }
  }
  for special: [Float] in [[.infinity, 1], [-.infinity, -.infinity], [1, .nan], [-.infinity, 2]] {
    report("reduction.logSumExp", [], within: 4, Floats([kernels.logSumExp(Floats(special).start, 1, 2)]))
  }
}

func momentOutputs() {
  let kernels = kernelTable.moments
  for count in reducedSizes {
    for stride in 0...2 {
      let sums = Memory<Double>([0.5, 0.25])
      kernels.reduce(numbers(2 * count, 998...1004, seed: 1).start, stride, count, 1001, sums.start)
      report("moments.reduce", [stride, count], sums)
    }
  }
  for columns in sizes {
    let room = (columns + 15) / 16 * 16
    let (sums, squares) = (Memory<Double>(room) { Double($0) }, Memory<Double>(room) { _ in 0.1 })
    kernels.accumulate(
      numbers(7 * (columns + 3), seed: 2).start, columns + 3, 7, numbers(columns, seed: 3).start, sums.start,
      squares.start, columns)
    report("moments.accumulate", [columns], sums)
    report("moments.accumulate", [columns], squares)
  }
}

func rowOutputs() {
  let kernels = kernelTable.row
  let rows = 7
  for columns in sizes + [1100] {
    let (x, g) = (numbers(rows * columns, -6...6, seed: 1), numbers(rows * columns, seed: 2))
    let (y, logY) = (Floats(x.count), Floats(x.count))
    kernels.softmax(x.start, y.start, rows, columns)
    report("row.softmax", [columns], within: 8, y)
    kernels.logSoftmax(x.start, logY.start, rows, columns)
    report("row.logSoftmax", [columns], within: 2, logY)
    // From inputs that are the same on all machines, not from results above.
    let derivative = Floats(x.count)
    kernels.softmaxDerivative(
      numbers(x.count, 0...1, seed: 3).start, g.start, derivative.start, rows, columns)
    report("row.softmaxDerivative", [columns], derivative)
    let inPlace = g.copy
    kernels.logSoftmaxDerivative(
      numbers(x.count, -9...0, seed: 4).start, inPlace.start, inPlace.start, rows, columns)
    report("row.logSoftmaxDerivative", [columns], within: 4, inPlace)
    for maskRowStride in [0, columns] {
      // The second row, or every row, is masked behind its fifth number; the last one entirely.
      let mask = Floats(x.count) {
        $0 % columns > 4 || ($0 / columns == rows - 1 && maskRowStride > 0) ? -.infinity : Float($0 % 3)
      }
      kernels.maskedSoftmax(x.start, mask.start, maskRowStride, y.start, rows, columns)
      report("row.maskedSoftmax", [columns, maskRowStride], within: 8, y)
    }
    layerNormOutputs(rows, columns)
  }
}

private func layerNormOutputs(_ rows: Int, _ columns: Int) {
  let kernels = kernelTable.row
  let (x, g) = (numbers(rows * columns, -1...5, seed: 5), numbers(rows * columns, seed: 6))
  let (scale, offset) = (numbers(columns, seed: 7), numbers(columns, seed: 8))
  for isAffine in [true, false] {
    let (out, mean, reciprocal) = (Floats(x.count), Floats(rows), Floats(rows))
    kernels.layerNorm(
      x.start, isAffine ? scale.start : nil, isAffine ? offset.start : nil, 1e-5, out.start, mean.start,
      reciprocal.start, rows, columns)
    report("row.layerNorm", [columns], out)
    report("row.layerNorm", [columns], mean)
    report("row.layerNorm", [columns], reciprocal)
    // Of one column the derivative is zero, and what stands there is how products were rounded.
    if columns == 1 { continue }
    for isInput in [true, false] {
      let (out, scaleGradient, offsetGradient) = (
        Floats(x.count), numbers(columns, seed: 9), numbers(columns, seed: 10)
      )
      kernels.layerNormDerivative(
        x.start, isAffine ? scale.start : nil, g.start, mean.start, reciprocal.start,
        isInput ? out.start : nil,
        isAffine || !isInput ? scaleGradient.start : nil, isAffine ? offsetGradient.start : nil, rows, columns
      )
      report("row.layerNormDerivative", [columns], within: 8, out)
      report("row.layerNormDerivative", [columns], within: 8, scaleGradient)
      report("row.layerNormDerivative", [columns], within: 8, offsetGradient)
    }
  }
}
