import Foundation
import Kernels
import Testing

@Suite struct OptimizerTests {
  static let steps = 5

  static func gradient(_ count: Int, step: Int) -> [Float] { numbers(count, seed: UInt64(100 + step)) }

  @Test(arguments: Level.all, [(0.0, false), (0.9, false), (0.9, true)])
  func sgd(level: Level, variant: (momentum: Double, nesterov: Bool)) {
    for count in sizes where count > 0 {
      var p = numbers(count)
      var m = [Float](repeating: 0, count: count)
      var exactP = p.map(Double.init)
      var exactM = [Double](repeating: 0, count: count)
      for step in 0..<Self.steps {
        let g = Self.gradient(count, step: step)
        m.withUnsafeMutableBufferPointer {
          level.table.optimizer.sgd(
            &p, g, variant.momentum == 0 ? nil : $0.baseAddress, count, 0.1, variant.momentum, 0.01,
            variant.nesterov)
        }
        for i in 0..<count {
          let d = Double(g[i]) + 0.01 * exactP[i]
          exactM[i] = variant.momentum * exactM[i] + d
          exactP[i] -= 0.1 * (variant.nesterov ? d + variant.momentum * exactM[i] : exactM[i])
        }
      }
      #expect(difference(p, exactP) <= 2e-6)
    }
  }

  @Test(arguments: Level.all, [false, true])
  func adam(level: Level, isDecoupled: Bool) {
    let (rate, beta1, beta2, epsilon, decay) = (1e-2, 0.9, 0.999, 1e-8, 0.1)
    for count in sizes where count > 0 {
      var p = numbers(count)
      var m = [Float](repeating: 0, count: count)
      var v = m
      var exactP = p.map(Double.init)
      var exactM = [Double](repeating: 0, count: count)
      var exactV = exactM
      for step in 1...Self.steps {
        let g = Self.gradient(count, step: step)
        let (correction1, correction2) = (1 - pow(beta1, Double(step)), 1 - pow(beta2, Double(step)))
        level.table.optimizer.adam(
          &p, g, &m, &v, count, rate, beta1, beta2, epsilon, decay, correction1, correction2, isDecoupled)
        for i in 0..<count {
          if isDecoupled { exactP[i] *= 1 - rate * decay }
          let d = Double(g[i]) + (isDecoupled ? 0 : decay * exactP[i])
          exactM[i] = beta1 * exactM[i] + (1 - beta1) * d
          exactV[i] = beta2 * exactV[i] + (1 - beta2) * d * d
          exactP[i] -= rate / correction1 * exactM[i] / ((exactV[i] / correction2).squareRoot() + epsilon)
        }
      }
      #expect(difference(p, exactP) <= 1e-6)
      #expect(difference(m, exactM) <= 5e-7)
      #expect(difference(v, exactV) <= 1e-7)
    }
  }

  /// The value of p after three steps of big_vision's AdaFactor, with the numbers its definition gives in double
  /// precision: decay of the statistics capped at 0.95, rate 1e-3, decay 1e-4. bfloat16 momentum costs digits.
  @Test(arguments: Level.all)
  func adaFactorGivesTheGoldenNumbers(level: Level) {
    let (rows, columns) = (32, 48)
    var p = (0..<rows * columns).map { index in
      Float((7 * (index / columns) + 13 * (index % columns)) % 17 - 8) / 10
    }
    let start = p
    var momentum = [UInt16](repeating: 0, count: p.count)
    var rowAverages = [Double](repeating: 0, count: rows)
    var columnAverages = [Double](repeating: 0, count: columns)
    for step in 0..<3 {
      let g = (0..<rows * columns).map { index in
        Float(sin(0.1 * Double((index / columns + 1) * (index % columns + 1)) + Double(step)))
      }
      var rowMeans = [Float](repeating: 0, count: rows)
      var columnSums = [Float](repeating: 0, count: columns)
      level.table.optimizer.squareMeans(g, 1e-30, &rowMeans, &columnSums, rows, columns)
      let beta2 = min(0.95, 1 - pow(Double(step + 1), -0.8))
      for i in 0..<rows { rowAverages[i] = beta2 * rowAverages[i] + (1 - beta2) * Double(rowMeans[i]) }
      for j in 0..<columns {
        columnAverages[j] = beta2 * columnAverages[j] + (1 - beta2) * Double(columnSums[j]) / Double(rows)
      }
      let mean = rowAverages.reduce(0, +) / Double(rows)
      let columnFactors = columnAverages.map { Float(1 / $0.squareRoot()) }
      p.withUnsafeMutableBufferPointer { p in
        momentum.withUnsafeMutableBufferPointer { m in
          g.withUnsafeBufferPointer { g in
            for i in 0..<rows {
              level.table.optimizer.adaFactorRow(
                p.baseAddress! + i * columns, g.baseAddress! + i * columns,
                Float(1 / (rowAverages[i] / mean).squareRoot()), columnFactors, m.baseAddress! + i * columns,
                columns, 0.9, 1e-3, 1e-4)
            }
          }
        }
      }
    }
    let golden = [
      (0, -0.8001475487203035), (5 * columns + 7, -0.09952786316054818), (p.count - 1, 0.4000630531360419),
    ]
    for (index, value) in golden {
      #expect(
        abs(Double(p[index]) - value) <= 3e-3 * abs(value - Double(start[index])) + 6e-8,
        "\(index): \(p[index])")
    }
  }

  @Test(arguments: Level.all)
  func squareMeansCountEveryNumberOnce(level: Level) {
    for columns in sizes where columns > 0 {
      let rows = 5
      let g = numbers(rows * columns)
      var rowMeans = [Float](repeating: 0, count: rows)
      var columnSums = [Float](repeating: 1, count: columns)
      level.table.optimizer.squareMeans(g, 0.25, &rowMeans, &columnSums, rows, columns)
      let squares = g.map { Double($0) * Double($0) + 0.25 }
      let exactRows = (0..<rows).map { i in
        squares[i * columns..<(i + 1) * columns].reduce(0, +) / Double(columns)
      }
      let exactColumns = (0..<columns).map { j in
        (0..<rows).reduce(1.0) { $0 + squares[$1 * columns + j] }
      }
      #expect(difference(rowMeans, exactRows) <= 2e-6)
      #expect(difference(columnSums, exactColumns) <= 1e-5)
    }
  }

  @Test(arguments: Level.all, [true, false])
  func unfactoredAdaFactor(level: Level, hasMomentum: Bool) {
    for count in sizes where count > 0 {
      var p = numbers(count)
      var v = numbers(count, seed: 7, in: 0.5...2)
      var m = [UInt16](repeating: 0x3f80, count: count)
      let g = numbers(count, seed: 8)
      let exactV = zip(v, g).map { 0.95 * Double($0) + 0.05 * (Double($1) * Double($1) + 1e-3) }
      let exactM = zip(exactV, g).map {
        let u = Double($1) / $0.squareRoot()
        return hasMomentum ? 0.9 + 0.1 * u : u
      }
      let exactP = zip(p, exactM).map { Double($0) - (0.01 * $1 + 0.002 * Double($0)) }
      m.withUnsafeMutableBufferPointer {
        level.table.optimizer.adaFactor(
          &p, g, &v, hasMomentum ? $0.baseAddress : nil, count, 1e-3, 0.9, 0.95, 0.01, 0.002)
      }
      #expect(difference(p, exactP) <= 5e-7)
      #expect(difference(v, exactV) <= 1e-6)
      if hasMomentum {
        let stored = m.map { Float(bitPattern: UInt32($0) << 16) }
        #expect(zip(stored, exactM).allSatisfy { abs(Double($0) - $1) <= abs($1) / 256 + 1e-7 })
      }
    }
  }

  @Test(arguments: Level.all)
  func normsAndScaling(level: Level) {
    for count in sizes + [50_000] {
      let x = numbers(count)
      let exact = x.reduce(0.0) { $0 + Double($1) * Double($1) }
      #expect(abs(level.table.optimizer.sumOfSquares(x, count) - exact) <= 1e-7 * exact)
      let scaled = filled(count) {
        $0.update(from: x, count: count)
        level.table.optimizer.scale($0, 0.3, count)
      }
      #expect(scaled == x.map { $0 * 0.3 })
    }
  }
}
