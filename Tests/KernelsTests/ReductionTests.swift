import Foundation
import Kernels
import Testing

@Suite struct ReductionTests {
  static func reference(_ operation: ReductionOperation, _ x: [Float]) -> Double {
    let x = x.map(Double.init)
    switch operation {
    case .sum: return x.reduce(0, +)
    case .product: return x.reduce(1, *)
    case .maximum: return x.contains { $0.isNaN } ? .nan : x.max() ?? -.infinity
    case .minimum: return x.contains { $0.isNaN } ? .nan : x.min() ?? .infinity
    case .sumOfSquares: return x.reduce(0) { $0 + $1 * $1 }
    }
  }

  @Test(arguments: Level.all, ReductionOperation.allCases)
  func reduceAgreesWithDoublePrecision(level: Level, operation: ReductionOperation) {
    for count in sizes + [100_000] {
      let range: ClosedRange<Float> = operation == .product ? 0.9...1.1 : -3...3
      let x = numbers(count, in: range)
      for stride in [1, 3, 0] {
        let input = spread(x, stride: stride)
        let result = level.table.reduction.reduce(operation.rawValue, input, stride, count)
        let exact = Self.reference(operation, seen(x, stride: stride))
        // A long product leaves the range of Float.
        if operation == .product && !(1e-30...1e30).contains(exact) { continue }
        // Sums may cancel: their error is relative to the sum of the magnitudes.
        let scale = operation == .sum ? Self.reference(.sum, seen(x, stride: stride).map(abs)) : abs(exact)
        let tolerance = operation == .product ? 1e-7 * Double(count + 1) : 2e-7
        let isClose = Double(result) == exact || abs(Double(result) - exact) <= tolerance * scale
        #expect(isClose, "\(operation) \(count) stride \(stride): \(result), not \(exact)")
      }
    }
  }

  @Test(arguments: Level.all)
  func momentsAreSumsInDoublePrecision(level: Level) {
    let kernels = level.table.moments
    func isClose(_ found: Double, _ exact: Double) -> Bool { abs(found - exact) <= 1e-13 * abs(exact) }
    for count in sizes where count > 0 {
      let x = numbers(count, in: 1e4...1e4 + 3)
      for stride in [1, 3, 0, -1] {
        let input = spread(x, stride: max(stride, 0) + (stride < 0 ? 1 : 0))
        let wanted = stride < 0 ? x : seen(x, stride: stride)
        var sums = [1.0, 2]
        input.withUnsafeBufferPointer {
          kernels.reduce(
            stride < 0 ? $0.baseAddress! + count - 1 : $0.baseAddress!, stride, count, 9999, &sums)
        }
        let distances = wanted.map { Double($0) - 9999 }
        #expect(isClose(sums[0], distances.reduce(1, +)), "\(count) stride \(stride)")
        #expect(isClose(sums[1], distances.reduce(2) { $0 + $1 * $1 }), "\(count) stride \(stride)")
      }
      let (rows, stride) = (5, count + 3)
      let matrix = numbers(rows * stride, seed: 7)
      let room = (count + 15) / 16 * 16
      var (sums, squares) = ([Double](repeating: 1, count: room + 1), [Double](repeating: 2, count: room + 1))
      kernels.accumulate(matrix, stride, rows, x, &sums, &squares, count)
      #expect(sums[room] == 1 && squares[room] == 2, "written beyond the end")
      for column in 0..<count {
        let distances = (0..<rows).map { Double(matrix[$0 * stride + column]) - Double(x[column]) }
        #expect(isClose(sums[column], distances.reduce(1, +)))
        #expect(isClose(squares[column], distances.reduce(2) { $0 + $1 * $1 }))
      }
    }
  }

  @Test(arguments: Level.all, ReductionOperation.allCases)
  func oneNaNAnywhereIsSeen(level: Level, operation: ReductionOperation) {
    for position in [0, 1, 16, 40, 63, 64, 69] {
      var x = numbers(70)
      x[position] = .nan
      #expect(level.table.reduction.reduce(operation.rawValue, x, 1, 70).isNaN, "\(operation) \(position)")
    }
    var infinite = numbers(2000, in: 1...2)
    infinite[1500] = .infinity
    let expected: Float = operation == .minimum ? infinite.min()! : .infinity
    #expect(level.table.reduction.reduce(operation.rawValue, infinite, 1, 2000) == expected)
  }

  @Test(arguments: Level.all, ReductionOperation.allCases)
  func accumulateReducesRows(level: Level, operation: ReductionOperation) {
    for count in sizes {
      for stride in [1, 2, 0] {
        let rows = (0..<5).map { numbers(count, seed: 10 + $0) }
        let identity = Float(Self.reference(operation, []))
        let result = filled(count, with: identity) { accumulator in
          for row in rows {
            level.table.reduction.accumulate(
              operation.rawValue, spread(row, stride: stride), stride, accumulator, count)
          }
        }
        let exact = (0..<count).map { i in
          Self.reference(operation, rows.map { seen($0, stride: stride)[i] })
        }
        #expect(zip(result, exact).allSatisfy { abs(Double($0) - $1) <= 2e-6 * max(1, abs($1)) })
      }
    }
  }

  @Test(arguments: Level.all)
  func argumentIsTheFirstAndNaNWins(level: Level) {
    let argument = level.table.reduction.argument
    let (maximum, minimum) = (ReductionOperation.maximum.rawValue, ReductionOperation.minimum.rawValue)
    for count in sizes where count > 0 {
      for stride in [1, 3] {
        let x = numbers(count, seed: UInt64(count)).map { ($0 * 4).rounded() }
        let input = spread(x, stride: stride)
        #expect(argument(maximum, input, stride, count) == x.firstIndex(of: x.max()!)!)
        #expect(argument(minimum, input, stride, count) == x.firstIndex(of: x.min()!)!)
      }
      var withNaN = numbers(count)
      withNaN[count / 2] = .nan
      withNaN[count - 1] = .nan
      #expect(argument(maximum, withNaN, 1, count) == count / 2)
      #expect(argument(minimum, withNaN, 1, count) == count / 2)
    }
    #expect(argument(maximum, [-Float.infinity, -.infinity], 1, 2) == 0)
  }

  @Test(arguments: Level.all)
  func logSumExpDoesNotOverflow(level: Level) {
    let kernel = level.table.reduction.logSumExp
    for count in sizes where count > 0 {
      for stride in [1, 3, 0] {
        for shift: Float in [0, 1000, -1000] {
          let x = numbers(count).map { $0 + shift }
          let wanted = seen(x, stride: stride)
          let largest = Double(wanted.max()!)
          let exact = largest + log(wanted.reduce(0) { $0 + exp(Double($1) - largest) })
          #expect(
            abs(Double(kernel(spread(x, stride: stride), stride, count)) - exact) <= 3e-7 * max(1, abs(exact))
          )
        }
      }
    }
    #expect(kernel([1], 1, 0) == -.infinity)
    #expect(kernel([-Float.infinity, -.infinity], 1, 2) == -.infinity)
    #expect(kernel([1, Float.infinity], 1, 2) == .infinity)
    #expect(kernel([1, Float.nan], 1, 2).isNaN)
  }

  @Test(arguments: Level.all)
  func cumulativeSum(level: Level) {
    for count in sizes where count > 0 {
      for (from, to) in [(1, 1), (2, 1), (1, 3)] {
        let x = numbers(count)
        let input = spread(x, stride: from)
        let result = filled(count * to, with: 99) {
          level.table.reduction.cumulativeSum(input, from, $0, to, count)
        }
        var sum = 0.0
        let exact = x.map { value -> Float in
          sum += Double(value)
          return Float(sum)
        }
        #expect(result == spread(exact, stride: to))
      }
    }
  }
}
