import Foundation
import Kernels
import Testing

@Suite struct OptimizerTests {
  static let steps = 5

  static func gradient(_ count: Int, step: Int) -> [Float] { numbers(count, seed: UInt64(100 + step)) }

  @Test(
    arguments: Level.all, [(0.0, false, false), (0.9, false, true), (0.9, true, false), (0.9, true, true)])
  func sgd(level: Level, variant: (momentum: Double, nesterov: Bool, isDecoupled: Bool)) {
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
            variant.nesterov, variant.isDecoupled)
        }
        for i in 0..<count {
          if variant.isDecoupled { exactP[i] *= 1 - 0.1 * 0.01 }
          let d = Double(g[i]) + (variant.isDecoupled ? 0 : 0.01 * exactP[i])
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
    var p = [Float](repeating: 0, count: rows * columns)
    for i in 0..<rows {
      for j in 0..<columns { p[i * columns + j] = Float((7 * i + 13 * j) % 17 - 8) / 10 }
    }
    let start = p
    var momentum = [UInt16](repeating: 0, count: p.count)
    var rowAverages = [Double](repeating: 0, count: rows)
    var columnAverages = [Double](repeating: 0, count: columns)
    for step in 0..<3 {
      var g = p
      for i in 0..<rows {
        for j in 0..<columns {
          let angle: Double = 0.1 * Double((i + 1) * (j + 1)) + Double(step)
          g[i * columns + j] = Float(sin(angle))
        }
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
                Float(1 / (rowAverages[i] / mean).squareRoot()), columnFactors, .infinity,
                m.baseAddress! + i * columns, nil, columns, 0.9, 1e-3, 1e-4)
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
      let squares = g.map { (value: Float) -> Double in Double(value) * Double(value) + 0.25 }
      var exactRows = [Double](repeating: 0, count: rows)
      var exactColumns = [Double](repeating: 1, count: columns)
      for i in 0..<rows {
        for j in 0..<columns {
          exactRows[i] += squares[i * columns + j] / Double(columns)
          exactColumns[j] += squares[i * columns + j]
        }
      }
      #expect(difference(rowMeans, exactRows) <= 2e-6)
      #expect(difference(columnSums, exactColumns) <= 1e-5)
    }
  }

  @Test(arguments: Level.all, Momentum.allCases)
  func unfactoredAdaFactor(level: Level, momentum: Momentum) {
    for count in sizes where count > 0 {
      var p = numbers(count)
      var v = numbers(count, seed: 7, in: 0.5...2)
      var short = [UInt16](repeating: 0x3f80, count: count)
      var full = [Float](repeating: 1, count: count)
      let g = numbers(count, seed: 8)
      var exactV: [Double] = []
      var exactM: [Double] = []
      var exactP: [Double] = []
      for i in 0..<count {
        let gradient = Double(g[i])
        let square: Double = gradient * gradient + 1e-3
        exactV.append(0.95 * Double(v[i]) + 0.05 * square)
        let u: Double = gradient / exactV[i].squareRoot()
        exactM.append(momentum == .none ? u : 0.9 + 0.1 * u)
        exactP.append(Double(p[i]) - 0.01 * exactM[i] - 0.002 * Double(p[i]))
      }
      short.withUnsafeMutableBufferPointer { short in
        full.withUnsafeMutableBufferPointer { full in
          level.table.optimizer.adaFactor(
            &p, g, &v, momentum == .bfloat16 ? short.baseAddress : nil,
            momentum == .float32 ? full.baseAddress : nil, count, 1e-3, 0, 1, 0.9, 0.95, 0.01, 0.002)
        }
      }
      #expect(difference(p, exactP) <= 5e-7)
      #expect(difference(v, exactV) <= 1e-6)
      switch momentum {
      case .none: #expect(short.allSatisfy { $0 == 0x3f80 } && full.allSatisfy { $0 == 1 })
      case .float32: #expect(difference(full, exactM) <= 5e-7)
      case .bfloat16:
        let stored = short.map { Float(bitPattern: UInt32($0) << 16) }
        for (value, exact) in zip(stored, exactM) {
          let error: Double = abs(Double(value) - exact)
          #expect(error <= abs(exact) / 256 + 1e-7)
        }
      }
    }
  }

  /// In two passes, with a least mean square that some of the numbers fall below: the first averages, the second applies.
  @Test(arguments: Level.all)
  func unfactoredAdaFactorInTwoPasses(level: Level) {
    for count in sizes where count > 0 {
      var p = numbers(count)
      var v = numbers(count, seed: 7, in: 0...0.5)
      // What lies beyond the end of a vector is zero, too.
      v[count - 1] = 0
      var g = numbers(count, seed: 8)
      g[count - 1] = 0
      var sum = 0.0
      var (exactP, exactV): ([Double], [Double]) = ([], [])
      for i in 0..<count {
        exactV.append(0.9 * Double(v[i]) + 0.1 * Double(g[i]) * Double(g[i]))
        let u: Double = Double(g[i]) / max(exactV[i], 0.25).squareRoot()
        sum += u * u
        exactP.append(Double(p[i]) - 0.01 * 0.5 * u - 0.002 * Double(p[i]))
      }
      let found = level.table.optimizer.adaFactorSquares(g, &v, count, 0, 0.25, 0.9)
      #expect(abs(found - sum) <= 1e-6 * sum)
      #expect(difference(v, exactV) <= 1e-6)
      let averaged = v
      level.table.optimizer.adaFactor(&p, g, &v, nil, nil, count, 7, 0.25, 0.5, 0, 1, 0.01, 0.002)
      #expect(v == averaged)
      #expect(difference(p, exactP) <= 5e-7)
      // Nothing is 0 / 0 where there never was a gradient.
      var zeros = [Float](repeating: 0, count: count)
      #expect(level.table.optimizer.adaFactorSquares(zeros, &zeros, count, 0, 1e-14, 0.9) == 0)
    }
  }

  /// The factor of a row and a column together is limited, also where one of them is infinite.
  @Test(arguments: Level.all)
  func factoredAdaFactorIsLimited(level: Level) {
    for count in sizes where count > 0 {
      let (start, g) = (numbers(count), numbers(count, seed: 8))
      var factors = numbers(count, seed: 9, in: 0...4)
      factors[count - 1] = .infinity
      var (p, m) = (start, numbers(count, seed: 10))
      var (exactP, exactM): ([Double], [Double]) = ([], [])
      var sum = 0.0
      for i in 0..<count {
        let factor: Double = min(0.5 * Double(factors[i]), 1.5)
        let u: Double = Double(g[i]) * factor
        sum += u * u
        exactM.append(0.8 * Double(m[i]) + 0.2 * u)
        exactP.append(Double(start[i]) - 0.1 * exactM[i] - 0.01 * Double(start[i]))
      }
      let found = level.table.optimizer.adaFactorRowSquares(g, 0.5, factors, 1.5, count)
      #expect(abs(found - sum) <= 1e-6 * sum)
      level.table.optimizer.adaFactorRow(&p, g, 0.5, factors, 1.5, nil, &m, count, 0.8, 0.1, 0.01)
      #expect(difference(p, exactP) <= 5e-7)
      #expect(difference(m, exactM) <= 5e-7)
    }
  }

  @Test(arguments: Level.all)
  func lion(level: Level) {
    for count in sizes where count > 0 {
      var (p, m) = (numbers(count), numbers(count, seed: 11))
      // No direction: neither the parameter nor its momentum moves.
      m[0] = 0
      var (exactP, exactM) = (p.map(Double.init), m.map(Double.init))
      for step in 0..<Self.steps {
        var g = Self.gradient(count, step: step)
        g[0] = 0
        level.table.optimizer.lion(&p, g, &m, count, 0.01, 0.9, 0.99, 0.1)
        for i in 0..<count {
          let c: Double = 0.9 * exactM[i] + 0.1 * Double(g[i])
          exactP[i] -= 0.01 * ((c > 0 ? 1 : c < 0 ? -1 : 0) + 0.1 * exactP[i])
          exactM[i] = 0.99 * exactM[i] + 0.01 * Double(g[i])
        }
      }
      #expect(difference(p, exactP) <= 1e-6)
      #expect(difference(m, exactM) <= 1.2e-6)
      level.table.optimizer.lion(&p, [Float](repeating: .nan, count: count), &m, count, 0.01, 0.9, 0.99, 0)
      #expect(p.allSatisfy(\.isNaN) && m.allSatisfy(\.isNaN))
    }
  }

  @Test(arguments: Level.all)
  func average(level: Level) {
    for count in sizes where count > 0 {
      var a = numbers(count)
      let p = numbers(count, seed: 12)
      let exact = zip(a, p).map { Double($0) + 0.3 * (Double($1) - Double($0)) }
      level.table.optimizer.average(&a, p, count, 0.3)
      #expect(difference(a, exact) <= 2e-7)
      level.table.optimizer.average(&a, p, count, 0)
      #expect(difference(a, exact) <= 2e-7)
    }
  }

  enum Momentum: CaseIterable { case none, bfloat16, float32 }

  @Test(arguments: Level.all)
  func sumsOfSquares(level: Level) {
    for count in sizes + [50_000] {
      let x = numbers(count)
      let exact = x.reduce(0.0) { (sum: Double, value: Float) -> Double in sum + Double(value) * Double(value)
      }
      #expect(abs(level.table.optimizer.sumOfSquares(x, count) - exact) <= 1e-7 * exact)
      // Squares that single precision has no room for.
      for (size, square) in [(1e20, 1e40), (1e-30, 1e-60), (3e38, 9e76)] as [(Float, Double)] {
        let sum = level.table.optimizer.sumOfSquares([Float](repeating: size, count: count), count)
        #expect(abs(sum - square * Double(count)) <= 1e-6 * square * Double(count))
      }
    }
  }
}
