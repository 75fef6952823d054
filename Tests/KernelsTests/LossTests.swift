import Foundation
import Kernels
import Testing

@Suite struct LossTests {
  private static func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
  private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  @Test(arguments: Level.all, [1, 15, 16, 17, 31, 33, 100, 1500])
  func sigmoidPairs(level: Level, columns: Int) {
    let rows = 5
    let rowStride = columns + 3
    let (t, b, scale): (Float, Float, Float) = (7, -3, 0.125)
    let dots = numbers(rows * rowStride, in: -1...1)
    let rowClasses: [Int32] = [-1, 0, 1, 2, 1]
    let columnClasses = (0..<columns).map { Int32($0 % 7) - 1 }
    for (diagonal, hasClasses) in [(0, false), (2, true), (-3, true), (Int.min, true), (columns, false)] {
      var sums = [1.0, 2.0, 3.0]
      let gradient = filled(dots.count) { s in
        s.update(from: dots, count: dots.count)
        rowClasses.withUnsafeBufferPointer { r in
          columnClasses.withUnsafeBufferPointer { c in
            level.table.loss.sigmoidPairs(
              s, rowStride, t, b, diagonal, hasClasses ? r.baseAddress : nil,
              hasClasses ? c.baseAddress : nil,
              scale, &sums, rows, columns)
          }
        }
      }
      var exact = dots.map(Double.init)
      var exactSums = [1.0, 2.0, 3.0]
      for i in 0..<rows {
        for j in 0..<columns {
          let sameClass = hasClasses && rowClasses[i] >= 0 && rowClasses[i] == columnClasses[j]
          let z: Double = j == i &+ diagonal || sameClass ? 1 : -1
          let s = Double(dots[i * rowStride + j])
          let l = Double(t) * s + Double(b)
          let g = -z * Self.sigmoid(-z * l) * Double(scale)
          exact[i * rowStride + j] = g
          exactSums[0] += Self.softplus(-z * l)
          exactSums[1] += g
          exactSums[2] += g * s
        }
      }
      #expect(difference(gradient, exact) <= 2e-7)
      for (sum, exactSum) in zip(sums, exactSums) {
        #expect(
          abs(sum - exactSum) <= 1e-6 * Double(columns) * 0.2 + 1e-6, "\(diagonal) \(sums) \(exactSums)")
      }
    }
  }

  /// The numbers of the paper's Algorithm 1 in double precision, for t = 10 and b = -10.
  @Test(arguments: Level.all)
  func sigmoidLossGivesTheGoldenNumbers(level: Level) {
    var s: [Float] = [0.9, 0.1, -0.2, 0.3, 0.7, 0, -0.5, 0.2, 0.6]
    var sums = [0.0, 0, 0]
    level.table.loss.sigmoidPairs(&s, 3, 10, -10, 0, nil, nil, Float(1) / 3, &sums, 3, 3)
    #expect(abs(sums[0] / 3 - 2.7938070303403775) <= 1e-6)
    #expect(abs(sums[2] * 10 - -6.3787051350315815) <= 3e-6)
    #expect(abs(sums[1] - -0.888074950547987) <= 3e-7)
  }

  @Test(arguments: Level.all, [1, 15, 16, 17, 33, 1000])
  func softmaxCrossEntropy(level: Level, columns: Int) {
    let rows = 4
    let x = numbers(rows * columns, in: -15...15)
    let labels: [Int32] = [0, Int32(columns - 1), -1, Int32(columns / 2)]
    var losses = [Float](repeating: 9, count: rows)
    let gradient = filled(x.count) {
      $0.update(from: x, count: x.count)
      level.table.loss.softmaxCrossEntropy($0, labels, 0.25, &losses, $0, rows, columns)
    }
    var exactLosses: [Double] = []
    var exact: [Double] = []
    for i in 0..<rows {
      let row = x[i * columns..<(i + 1) * columns].map(Double.init)
      let largest = row.max()!
      let sum = row.reduce(0) { $0 + exp($1 - largest) }
      let label = Int(labels[i])
      exactLosses.append(label < 0 ? 0 : largest + log(sum) - row[label])
      exact += row.enumerated().map { j, value in
        label < 0 ? 0 : (exp(value - largest) / sum - (j == label ? 1 : 0)) * 0.25
      }
    }
    #expect(difference(losses, exactLosses) <= 3e-6)
    #expect(difference(gradient, exact) <= 1e-7)
    var again = losses
    level.table.loss.softmaxCrossEntropy(x, labels, 0.25, &again, nil, rows, columns)
    #expect(sameBits(losses, again))
  }
}
