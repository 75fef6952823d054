import KernelInterface
import KernelsBaseline

private let kernels = kernelTable.elementwise

/// Operations whose results are rounded once, or not at all.
private let exactUnary: [UnaryOperation] = [
  .negate, .absolute, .sign, .square, .squareRoot, .reciprocal, .reciprocalSquareRoot, .relu, .relu6, .floor,
  .ceil,
  .round,
]

private let exactBinary: [BinaryOperation] = [
  .add, .subtract, .multiply, .divide, .minimum, .maximum, .equal, .notEqual, .less, .lessOrEqual, .greater,
  .greaterOrEqual, .reluDerivative, .relu6Derivative,
]

func elementwiseOutputs() {
  for operation in UnaryOperation.allCases {
    let distance = exactUnary.contains(operation) ? 0 : 8
    func apply(_ x: Floats, _ stride: Int, _ count: Int) {
      let out = Floats(count)
      kernels.unary(operation.rawValue, x.start, stride, out.start, count)
      report(
        "elementwise.unary", [Int(operation.rawValue), stride, count], within: distance, ofEach: true, out)
    }
    for count in sizes {
      for stride in 0...2 { apply(numbers(2 * count, seed: 1), stride, count) }
    }
    apply(numbers(37, 0...1, seed: 2), 1, 37)
    apply(numbers(37, -100...100, seed: 3), 1, 37)
    apply(Floats(specialNumbers), 1, specialNumbers.count)
  }
  for operation in BinaryOperation.allCases {
    let distance = exactBinary.contains(operation) ? 0 : 16
    func apply(_ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ count: Int) {
      let out = Floats(count)
      kernels.binary(operation.rawValue, a.start, aStride, b.start, bStride, out.start, count)
      report(
        "elementwise.binary", [Int(operation.rawValue), aStride, bStride, count], within: distance,
        ofEach: true, out)
    }
    for count in sizes {
      for (aStride, bStride) in [(1, 1), (1, 0), (0, 1), (2, 1), (1, 2)] {
        apply(numbers(2 * count, seed: 4), aStride, numbers(2 * count, seed: 5), bStride, count)
      }
      apply(numbers(count, 0...10, seed: 6), 1, numbers(count, -100...100, seed: 7), 1, count)
    }
    apply(numbers(37, seed: 8), 1, Floats([2]), 0, 37)
    let specials = specialNumbers.count
    apply(
      Floats(specials * specials) { specialNumbers[$0 / specials] }, 1,
      Floats(specials * specials) { specialNumbers[$0 % specials] }, 1, specials * specials)
  }
  for count in sizes {
    for stride in 0...2 {
      let condition = Floats(2 * count) { specialNumbers[$0 * 3 % 5] }
      let out = Floats(count)
      kernels.select(
        condition.start, stride, numbers(2 * count, seed: 9).start, 2 - stride,
        numbers(count, seed: 10).start, 1,
        out.start, count)
      report("elementwise.select", [stride, count], out)
      for outStride in 1...2 {
        let out = Floats(2 * count)
        kernels.copy(numbers(2 * count, seed: 11).start, stride, out.start, outStride, count)
        report("elementwise.copy", [stride, outStride, count], out)
      }
    }
    let y = numbers(count, seed: 12)
    kernels.addScaled(-0.7, numbers(count, seed: 13).start, y.start, count)
    report("elementwise.addScaled", [count], within: 2, y)
    let filled = Floats(count)
    kernels.fill(0.3, filled.start, count)
    report("elementwise.fill", [count], filled)
  }
  copyMatrixOutputs()
}

private func copyMatrixOutputs() {
  for (rows, columns) in [(1, 1), (7, 16), (16, 7), (37, 53)] {
    let x = numbers(2 * rows * columns, seed: 14)
    for (xRow, xColumn) in [(columns, 1), (1, rows), (2 * columns, 2), (0, 1)] {
      for (outRow, outColumn) in [(columns, 1), (1, rows), (2 * columns, 2)] {
        let out = Floats(2 * rows * columns)
        kernels.copyMatrix(x.start, xRow, xColumn, out.start, outRow, outColumn, rows, columns)
        report("elementwise.copyMatrix", [rows, columns, xRow, xColumn, outRow, outColumn], out)
      }
    }
  }
}
