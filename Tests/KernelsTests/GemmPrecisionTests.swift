import Kernels
import TestSupport
import Testing

/// Products of numbers of 16 bits: by the instruction that has them, and emulated.
@Suite struct GemmPrecisionTests {
  /// Sizes around tiles, words and blocks of depth, in every level.
  @Test(arguments: [
    (1, 1, 1), (1, 1, 2), (1, 37, 5), (14, 32, 1), (14, 32, 31), (15, 33, 32), (29, 17, 33), (3, 5, 85),
    (3, 5, 86),
    (13, 33, 170), (13, 33, 171), (2, 7, 513), (50, 65, 769), (100, 90, 600), (7, 130, 2730), (20, 21, 8200),
  ])
  func products(m: Int, n: Int, k: Int) {
    for layout in Layout.allCases {
      for (alpha, beta) in [(Float(1), Float(0)), (-0.3, 1), (0.7, 0.3)] {
        let problem = Problem(m: m, n: n, k: k, layout: layout, alpha: alpha, beta: beta)
        let references = ProductPrecision.allCases.map(problem.reference)
        forEachPrecision { table in
          let precision = table.gemm.precision
          let (expected, tolerance) = references[Int(precision.rawValue)]
          for threads in [1, 3] {
            let found = ThreadPool.withThreadCount(threads) { problem.run() }
            let wrong = found.indices.first { !(abs(Double(found[$0]) - expected[$0]) <= tolerance[$0]) }
            guard let wrong else { continue }
            Issue.record(
              "\(table.name) \(precision) \(layout) alpha \(alpha) beta \(beta): element \(wrong) is \(found[wrong]), expected \(expected[wrong])"
            )
          }
        }
      }
    }
  }

  /// A sum of one product shows what its operands were rounded to.
  @Test func roundingIsToTheNearestTiesToEven() {
    let numbers: [Float] = [
      1, 1.00390625, 1.0039062, 1.0039064, 1.01171875, 1.0117187, -1.00390625, -1.01171875, 3.1415927, 1e30,
      -1e-30,
      0x1.fefffep127, 0, -0.0,
    ]
    forEachPrecision { table in
      guard table.gemm.precision == .bfloat16 else { return }
      for x in numbers {
        // As the first factor, as the second one, in either half of a word.
        for (a, b) in [([x, 0], [1, 1]), ([0, x], [1, 1]), ([1, 1], [x, 0]), ([1, 1], [0, x])]
          as [([Float], [Float])]
        {
          var result: Float = .nan
          gemm(
            m: 1, n: 1, k: 2, a: a.view(0, 2, 1), b: b.view(0, 1, 1), c: &result, cRowStride: 1,
            cColumnStride: 1)
          #expect(result == roundedToBFloat16(x), "\(table.name): \(x)")
        }
      }
    }
  }

  @Test func whatIsNoNumberStaysSo() {
    forEachPrecision { table in
      // A signalling one with few bits would become infinite if it were cut off.
      for (x, isInfinite) in [(Float.nan, false), (Float(bitPattern: 0x7f80_0001), false), (.infinity, true)]
      {
        let (a, b) = ([x, 1, 2], [Float](repeating: 2, count: 3))
        var result: Float = 0
        gemm(
          m: 1, n: 1, k: 3, a: a.view(0, 3, 1), b: b.view(0, 1, 1), c: &result, cRowStride: 1,
          cColumnStride: 1)
        if isInfinite && table.gemm.precision != .bfloat16x3 {
          #expect(result == .infinity, "\(table.name) \(table.gemm.precision)")
        } else {
          #expect(result.isNaN, "\(table.name) \(table.gemm.precision): \(result)")
        }
      }
    }
  }

  /// What is beyond the operands' last row, column or step is never looked at.
  @Test(arguments: [(14, 32, 31), (5, 7, 3), (1, 1, 1), (33, 40, 65)])
  func nothingBeyondOperandsCounts(m: Int, n: Int, k: Int) {
    for isTransposed in [false, true] {
      let (a, b) = (
        [Float](repeating: .nan, count: (m + 1) * (k + 1)), [Float](repeating: .nan, count: (n + 1) * (k + 1))
      )
      var (first, second) = (a, b)
      let (aRow, aColumn) = isTransposed ? (1, m + 1) : (k + 1, 1)
      let (bRow, bColumn) = isTransposed ? (1, k + 1) : (n + 1, 1)
      for p in 0..<k {
        for i in 0..<m { first[i * aRow + p * aColumn] = 1 }
        for j in 0..<n { second[p * bRow + j * bColumn] = 1 }
      }
      forEachPrecision { table in
        var c = [Float](repeating: .nan, count: m * n)
        gemm(
          m: m, n: n, k: k, a: first.view(0, aRow, aColumn), b: second.view(0, bRow, bColumn), c: &c,
          cRowStride: n,
          cColumnStride: 1)
        #expect(
          c.allSatisfy { $0 == Float(k) }, "\(table.name) \(table.gemm.precision), transposed \(isTransposed)"
        )
      }
    }
  }

  /// Panels of one precision are of no use to products of another.
  @Test func panelsAreUsedInTheirPrecisionAlone() {
    let (m, n, k) = (20, 40, 70)
    var random = SplitMix(seed: 3)
    let (a, b) = ((0..<m * k).map { _ in random.next() }, (0..<k * n).map { _ in random.next() })
    func product(_ matrix: MatrixView) -> [UInt32] {
      var c = [Float](repeating: .nan, count: m * n)
      gemm(m: m, n: n, k: k, a: a.view(0, k, 1), b: matrix, c: &c, cRowStride: n, cColumnStride: 1)
      return c.map(\.bitPattern)
    }
    forEachPrecision { packing in
      let (count, layout) = packedSize(rows: k, columns: n)
      var panels = [Float](repeating: .nan, count: count)
      packMatrix(b.view(0, n, 1), rows: k, columns: n, to: &panels)
      forEachPrecision { table in
        let matrix = b.view(0, n, 1)
        let expected = product(matrix)
        panels.withUnsafeBufferPointer {
          var packed = matrix
          packed.panels = ($0.baseAddress!, layout)
          #expect(
            product(packed) == expected,
            "\(packing.name) \(packing.gemm.precision) for \(table.gemm.precision)")
        }
        // Without the matrix itself it shows whether they are read.
        let lost = [Float](repeating: .nan, count: k * n)
        panels.withUnsafeBufferPointer {
          var packed = lost.view(0, n, 1)
          packed.panels = ($0.baseAddress!, layout)
          let isRead = product(packed) == expected
          if layout == table.gemm.layout {
            // Products that pack nothing do not look for panels unless they are large: precisions other than single have none.
            if table.gemm.precision != .float32 { #expect(isRead, "\(packing.name) \(table.name)") }
          } else {
            #expect(
              !isRead, "\(packing.name) \(packing.gemm.precision) for \(table.name) \(table.gemm.precision)")
          }
        }
      }
    }
  }
}
