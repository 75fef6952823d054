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

  /// Which convolutions are products of matrices does not depend on the precision.
  @Test func convolutionsThatAreNoProductsRoundNothing() {
    let window = WindowShape(
      inputHeight: 40, inputWidth: 40, kernelHeight: 3, kernelWidth: 3, strideHeight: 1, strideWidth: 1,
      paddingTop: 0, paddingBottom: 0, paddingLeft: 0, paddingRight: 0, dilationHeight: 1, dilationWidth: 1)
    for (channels, outputs) in [(3, 64), (8, 20)] {
      let shape = ConvolutionShape(
        batch: 1, inputChannels: channels, outputChannels: outputs, groups: 1, window: window)
      let image = [Float](repeating: 1.001, count: channels * 1600)
      let weight = [Float](repeating: 1, count: outputs * channels * 9)
      forEachPrecision { table in
        var out = [Float](repeating: .nan, count: outputs * window.outputArea)
        conv2d(shape, x: image, weight: weight, bias: nil, out: &out)
        let expected = Float(channels) * 9 * 1.001
        #expect(
          out.allSatisfy { abs($0 - expected) < 1e-4 }, "\(table.name) \(table.gemm.precision), \(outputs)")
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
        if isInfinite && [.float32, .bfloat16].contains(table.gemm.precision) {
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
        // A hundred-and-twenty-seventh is no number of single precision.
        let tolerance: Float = table.gemm.precision == .int8 ? 1e-6 : 0
        #expect(
          c.allSatisfy { abs($0 - Float(k)) <= tolerance * Float(k) },
          "\(table.name) \(table.gemm.precision), transposed \(isTransposed)"
        )
      }
    }
  }

  /// Sums of whole numbers are exact, so levels do not differ.
  @Test(arguments: [(1, 1, 3), (15, 33, 70), (37, 40, 1024), (9, 65, 1025), (20, 21, 5000)])
  func eightBitsAreTheSameAtEveryLevel(m: Int, n: Int, k: Int) {
    for layout in Layout.allCases {
      let problem = Problem(m: m, n: n, k: k, layout: layout, alpha: 0.7, beta: 0.3)
      var expected: [UInt32]?
      forEachPrecision { table in
        guard table.gemm.precision == .int8 else { return }
        let found = problem.run().map(\.bitPattern)
        #expect(found == expected ?? found, "\(table.name) \(layout)")
        expected = found
      }
      #expect(expected != nil)
    }
  }

  /// The largest sums there are, of both signs.
  @Test func sumsOfEightBitsDoNotOverflow() {
    let (m, n, k) = (15, 33, 3000)
    let (a, b) = ([Float](repeating: -2, count: m * k), [Float](repeating: 3, count: k * n))
    forEachPrecision { table in
      guard table.gemm.precision == .int8 else { return }
      for (first, expected) in [(a, Float(-18_000)), (a.map(-), 18_000)] {
        var c = [Float](repeating: .nan, count: m * n)
        gemm(
          m: m, n: n, k: k, a: first.view(0, k, 1), b: b.view(0, n, 1), c: &c, cRowStride: n, cColumnStride: 1
        )
        #expect(c.allSatisfy { abs($0 - expected) < 0.02 }, "\(table.name): \(c[0])")
      }
    }
  }

  /// A row without numbers of any size is zero, and one that is not finite spoils itself alone.
  @Test func rowsOfEightBitsHaveScalesOfTheirOwn() {
    let (m, n, k) = (6, 3, 70)
    var a = [Float](repeating: 1, count: m * k)
    for (row, value) in [Float(0), 1e-38, 1e30, 1e-20, .infinity, .nan].enumerated() {
      a[row * k + 5] = value
      for p in 0..<k where p != 5 { a[row * k + p] = row < 4 ? value : 1 }
    }
    let b = [Float](repeating: 0.5, count: k * n)
    forEachPrecision { table in
      guard table.gemm.precision == .int8 else { return }
      var c = [Float](repeating: 9, count: m * n)
      gemm(m: m, n: n, k: k, a: a.view(0, k, 1), b: b.view(0, n, 1), c: &c, cRowStride: n, cColumnStride: 1)
      for j in 0..<n {
        #expect(c[j] == 0 && c[n + j] == 0, "\(table.name)")
        #expect(
          abs(c[2 * n + j] / 35e30 - 1) < 1e-6 && abs(c[3 * n + j] / 35e-20 - 1) < 1e-6, "\(table.name)")
        #expect(c[4 * n + j].isNaN && c[5 * n + j].isNaN, "\(table.name)")
      }
    }
  }

  /// Panels of one precision are of no use to products of another, but for those of 8 bits, which all products take.
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
        let isOfBytes = layout == table.products.int8.layout
        let expected = isOfBytes ? Kernels.with(.int8) { product(matrix) } : product(matrix)
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
          if isOfBytes {
            #expect(isRead, "\(packing.name) for \(table.name) \(table.gemm.precision)")
          } else if layout == table.gemm.layout {
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
