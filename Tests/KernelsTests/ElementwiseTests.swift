import Foundation
import Kernels
import Testing

@Suite struct ElementwiseTests {
  @Test(arguments: Level.all, UnaryOperation.allCases)
  func unaryResultsDoNotDependOnPositionOrStride(level: Level, operation: UnaryOperation) {
    let x = numbers(1000)
    let one = x.map { value in
      filled(1) { level.table.elementwise.unary(operation.rawValue, [value], 1, $0, 1) }[0]
    }
    for count in sizes {
      for stride in [1, 3, 0] {
        let input = spread(Array(x[..<count]), stride: stride)
        let result = filled(count) {
          level.table.elementwise.unary(operation.rawValue, input, stride, $0, count)
        }
        #expect(
          sameBits(result, seen(Array(one[..<count]), stride: stride)), "\(operation) \(count) \(stride)")
      }
    }
    let inPlace = filled(33) {
      $0.update(from: x, count: 33)
      level.table.elementwise.unary(operation.rawValue, $0, 1, $0, 33)
    }
    #expect(sameBits(inPlace, Array(one[..<33])))
  }

  @Test(arguments: Level.all, BinaryOperation.allCases)
  func binaryAgreesWithDoublePrecision(level: Level, operation: BinaryOperation) {
    let low: Float = operation == .power ? 0.1 : -8
    let a = numbers(1000, seed: 1, in: low...8)
    var b = numbers(1000, seed: 2, in: -3...3)
    for i in stride(from: 0, to: 1000, by: 7) { b[i] = a[i] }
    for count in sizes {
      for (aStride, bStride) in [(1, 1), (1, 0), (0, 1), (0, 0), (2, 1), (1, 3), (3, 2)] {
        let x = spread(Array(a[..<count]), stride: aStride)
        let y = spread(Array(b[..<count]), stride: bStride)
        let result = filled(count) {
          level.table.elementwise.binary(operation.rawValue, x, aStride, y, bStride, $0, count)
        }
        let wantedA = seen(Array(a[..<count]), stride: aStride)
        let wantedB = seen(Array(b[..<count]), stride: bStride)
        for i in 0..<count {
          let exact = reference(operation, Double(wantedA[i]), Double(wantedB[i]))
          // Derivatives cross zero, where only the absolute error is small.
          let isClose = ulps(result[i], exact) <= 1 || abs(Double(result[i]) - exact) <= 1.5e-6
          #expect(
            operation.rawValue < BinaryOperation.reluDerivative.rawValue
              ? ulps(result[i], exact) <= 1 : isClose,
            "\(operation)(\(wantedA[i]), \(wantedB[i])) = \(result[i]), not \(exact)")
          if !isClose { return }
        }
      }
    }
  }

  @Test(arguments: Level.all, BinaryOperation.allCases)
  func binaryTreatsNaNAndInfinityAsTheReference(level: Level, operation: BinaryOperation) {
    let special: [Float] = [.nan, .infinity, -.infinity, 0, 1, -1, 1e30, -1e30]
    for a in special where !(operation.rawValue > 12 && a.isInfinite) {
      for b in special {
        let result = filled(1) { level.table.elementwise.binary(operation.rawValue, [a], 1, [b], 1, $0, 1) }[
          0]
        // Far from zero every smooth activation is linear or gone; the naive reference overflows there.
        if operation.rawValue > BinaryOperation.relu6Derivative.rawValue {
          if a.isNaN { #expect(result.isNaN) }
          if a.magnitude == 1e30 && b == 1 {
            let isActivation = operation.rawValue <= BinaryOperation.siluDerivative.rawValue
            #expect(result == (isActivation && a > 0 ? 1 : 0), "\(operation)(\(a))")
          }
          continue
        }
        #expect(
          ulps(result, reference(operation, Double(a), Double(b))) <= 1,
          "\(operation)(\(a), \(b)) = \(result)")
      }
    }
  }

  @Test(arguments: Level.all)
  func selectCopyFillAndAddScaled(level: Level) {
    let kernels = level.table.elementwise
    for count in sizes {
      let a = numbers(count, seed: 3)
      let b = numbers(count, seed: 4)
      let condition = numbers(count, seed: 5).map { $0 > 0 ? Float(1) : 0 }
      for (s, t, u) in [(1, 1, 1), (1, 0, 2), (0, 1, 1), (3, 2, 0)] where count > 0 {
        let (c, x, y) = (spread(condition, stride: s), spread(a, stride: t), spread(b, stride: u))
        let result = filled(count) { kernels.select(c, s, x, t, y, u, $0, count) }
        let (sc, sx, sy) = (seen(condition, stride: s), seen(a, stride: t), seen(b, stride: u))
        #expect(result == (0..<count).map { sc[$0] != 0 ? sx[$0] : sy[$0] })
      }
      for (from, to) in [(1, 1), (0, 1), (3, 1), (1, 3), (2, 5)] where count > 0 {
        let x = spread(a, stride: from)
        let result = filled(count * to, with: 99) { kernels.copy(x, from, $0, to, count) }
        #expect(result == spread(seen(a, stride: from), stride: to))
      }
      #expect(filled(count) { kernels.fill(2.5, $0, count) } == [Float](repeating: 2.5, count: count))
      let sum = filled(count) {
        $0.update(from: b, count: count)
        kernels.addScaled(0.3, a, $0, count)
      }
      let exact = zip(a, b).map { Double(Float(0.3)) * Double($0) + Double($1) }
      #expect(difference(sum, exact) <= 4e-7)
    }
  }

  @Test(arguments: Level.all)
  func copyMatrixMovesEveryElement(level: Level) {
    for (rows, columns) in [(0, 3), (1, 1), (3, 5), (4, 4), (33, 70), (64, 32), (1, 100), (100, 1)] {
      let x = numbers(rows * columns * 6 + 1)
      let plans: [(Int, Int, Int, Int)] = [
        (columns, 1, columns, 1), (1, rows, columns, 1), (columns, 1, 1, rows), (2, 2 * rows, 3 * columns, 3),
        (0, 1, columns, 1), (1, 0, columns, 1), (columns * 2, 2, 1, rows), (1, rows + 1, columns + 2, 1),
      ]
      for (xr, xc, or, oc) in plans {
        let size = rows == 0 ? 0 : (rows - 1) * or + (columns - 1) * oc + 1
        let result = filled(size, with: 99) {
          level.table.elementwise.copyMatrix(x, xr, xc, $0, or, oc, rows, columns)
        }
        var expected = [Float](repeating: 99, count: size)
        for i in 0..<rows { for j in 0..<columns { expected[i * or + j * oc] = x[i * xr + j * xc] } }
        #expect(result == expected, "\(rows) x \(columns), \(xr) \(xc) \(or) \(oc)")
      }
    }
  }
}
