import Foundation
import Kernels
import Testing

@Suite struct RowTests {
  static let columns = [1, 15, 16, 17, 31, 33, 100, 1000, 2100]
  static let rows = 3

  /// `body` of every row of `x` and `g` in double precision.
  static func each(_ x: [Float], _ g: [Float], _ columns: Int, _ body: ([Double], [Double]) -> [Double])
    -> [Double]
  {
    (0..<x.count / columns).flatMap { row in
      let range = row * columns..<(row + 1) * columns
      return body(x[range].map(Double.init), g[range].map(Double.init))
    }
  }

  static func softmax(_ x: [Double]) -> [Double] {
    let largest = x.max()!
    let sum = x.reduce(0) { $0 + exp($1 - largest) }
    return x.map { exp($0 - largest) / sum }
  }

  @Test(arguments: Level.all, columns)
  func softmaxAndItsDerivative(level: Level, columns: Int) {
    let n = Self.rows * columns
    let x = numbers(n, in: -20...20)
    let g = numbers(n, seed: 2)
    let kernels = level.table.row
    let y = filled(n) { kernels.softmax(x, $0, Self.rows, columns) }
    #expect(difference(y, Self.each(x, g, columns) { x, _ in Self.softmax(x) }) <= 3e-7)
    let inPlace = filled(n) {
      $0.update(from: x, count: n)
      kernels.softmax($0, $0, Self.rows, columns)
    }
    #expect(sameBits(y, inPlace))
    let exact = Self.each(y, g, columns) { y, g in
      let dot = zip(y, g).reduce(0) { $0 + $1.0 * $1.1 }
      return zip(y, g).map { $0 * ($1 - dot) }
    }
    #expect(difference(filled(n) { kernels.softmaxDerivative(y, g, $0, Self.rows, columns) }, exact) <= 1e-6)
  }

  @Test(arguments: Level.all, columns)
  func maskedSoftmax(level: Level, columns: Int) {
    let n = Self.rows * columns
    let x = numbers(n, in: -20...20)
    let mask = numbers(n, seed: 3).map { $0 > 2 ? -Float.infinity : $0 }
    let kernels = level.table.row
    for maskRowStride in [columns, 0] {
      let logits = (0..<n).map { i in x[i] + mask[i / columns * maskRowStride + i % columns] }
      if (0..<Self.rows).contains(where: { logits[$0 * columns..<($0 + 1) * columns].max()! == -.infinity }) {
        continue
      }
      let y = filled(n) {
        $0.update(from: x, count: n)
        mask.withUnsafeBufferPointer { [out = $0] in
          kernels.maskedSoftmax(out, $0.baseAddress!, maskRowStride, out, Self.rows, columns)
        }
      }
      #expect(difference(y, Self.each(logits, x, columns) { x, _ in Self.softmax(x) }) <= 3e-7)
    }
  }

  @Test(arguments: Level.all, columns)
  func logSoftmaxAndItsDerivative(level: Level, columns: Int) {
    let n = Self.rows * columns
    let x = numbers(n, in: -20...20)
    let g = numbers(n, seed: 2)
    let kernels = level.table.row
    let y = filled(n) { kernels.logSoftmax(x, $0, Self.rows, columns) }
    let exact = Self.each(x, g, columns) { x, _ in
      let largest = x.max()!
      let logSum = log(x.reduce(0) { $0 + exp($1 - largest) })
      return x.map { $0 - largest - logSum }
    }
    #expect(difference(y, exact) <= 5e-6)
    let derivative = Self.each(y, g, columns) { y, g in
      let sum = g.reduce(0, +)
      return zip(y, g).map { $1 - exp($0) * sum }
    }
    #expect(
      difference(filled(n) { kernels.logSoftmaxDerivative(y, g, $0, Self.rows, columns) }, derivative) <= 2e-5
    )
  }

  @Test(arguments: Level.all)
  func softmaxOfMaskedEntriesIsZero(level: Level) {
    let x: [Float] = [1, -.infinity, 2, -.infinity]
    let y = filled(4) { level.table.row.softmax(x, $0, 1, 4) }
    #expect(y[1] == 0 && y[3] == 0)
    #expect(difference(y, Self.softmax(x.map(Double.init))) <= 1e-7)
    let poisoned = filled(2) { level.table.row.softmax([1, .nan], $0, 1, 2) }
    #expect(poisoned.allSatisfy { $0.isNaN })
  }

  @Test(arguments: Level.all, columns)
  func layerNorm(level: Level, columns: Int) {
    let n = Self.rows * columns
    // A large mean shows whether the variance is computed from differences.
    let x = numbers(n, in: 99...102)
    let scale = numbers(columns, seed: 3)
    let offset = numbers(columns, seed: 4)
    let epsilon: Float = 1e-5
    for hasParameters in [true, false] {
      var mean = [Float](repeating: 0, count: Self.rows)
      var deviation = mean
      let y = filled(n) { out in
        scale.withUnsafeBufferPointer { s in
          offset.withUnsafeBufferPointer { o in
            level.table.row.layerNorm(
              x, hasParameters ? s.baseAddress : nil, hasParameters ? o.baseAddress : nil, epsilon, out,
              &mean,
              &deviation, Self.rows, columns)
          }
        }
      }
      let exact = Self.each(x, x, columns) { x, _ in
        let m = x.reduce(0, +) / Double(columns)
        let v = x.reduce(0) { $0 + ($1 - m) * ($1 - m) } / Double(columns)
        return x.enumerated().map { j, value in
          let normal = (value - m) / (v + Double(epsilon)).squareRoot()
          return hasParameters ? normal * Double(scale[j]) + Double(offset[j]) : normal
        }
      }
      #expect(difference(y, exact) <= 5e-5)
      let exactMean = x[columns..<2 * columns].reduce(0) { $0 + Double($1) } / Double(columns)
      #expect(abs(Double(mean[1]) - exactMean) < 1e-5)
      #expect(deviation.allSatisfy { $0 > 0 })
    }
  }

  @Test(arguments: Level.all, columns)
  func layerNormDerivatives(level: Level, columns: Int) {
    let rows = 71
    let n = rows * columns
    let x = numbers(n)
    let g = numbers(n, seed: 2)
    let scale = numbers(columns, seed: 3)
    let mean = numbers(rows, seed: 4, in: -0.1...0.1)
    let deviation = numbers(rows, seed: 5, in: 0.5...1)
    let kernels = level.table.row
    for hasScale in [true, false] {
      let result = filled(n) { out in
        scale.withUnsafeBufferPointer {
          kernels.layerNormDerivative(
            x, hasScale ? $0.baseAddress : nil, g, mean, deviation, out, nil, nil, rows, columns)
        }
      }
      var exact: [Double] = []
      for row in 0..<rows {
        let h = (0..<columns).map { Double(g[row * columns + $0]) * (hasScale ? Double(scale[$0]) : 1) }
        let normal = (0..<columns).map {
          (Double(x[row * columns + $0]) - Double(mean[row])) * Double(deviation[row])
        }
        let a = h.reduce(0, +) / Double(columns)
        let b = zip(h, normal).reduce(0) { $0 + $1.0 * $1.1 } / Double(columns)
        exact += zip(h, normal).map { Double(deviation[row]) * ($0 - a - $1 * b) }
      }
      #expect(difference(result, exact) <= 1e-5)
    }
    var scaleGradient = [Float](repeating: 1, count: columns)
    var offsetGradient = [Float](repeating: 2, count: columns)
    kernels.layerNormDerivative(
      x, nil, g, mean, deviation, nil, &scaleGradient, &offsetGradient, rows, columns)
    var exactScale = [Double](repeating: 1, count: columns)
    var exactOffset = [Double](repeating: 2, count: columns)
    for row in 0..<rows {
      for j in 0..<columns {
        let i = row * columns + j
        exactScale[j] += Double(g[i]) * (Double(x[i]) - Double(mean[row])) * Double(deviation[row])
        exactOffset[j] += Double(g[i])
      }
    }
    #expect(difference(scaleGradient, exactScale) <= 3e-5)
    #expect(difference(offsetGradient, exactOffset) <= 3e-5)
  }
}
