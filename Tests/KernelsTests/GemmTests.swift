import Kernels
import Testing

/// Matrix products on every level that this CPU runs, against sums in double precision.
@Suite struct GemmTests {
  static let sizes = [
    (1, 1, 1), (1, 1, 300), (1, 37, 5), (1, 300, 129), (29, 1, 77), (260, 1, 513), (3, 5, 7), (6, 16, 8),
    (12, 32, 64),
    (13, 33, 385), (11, 31, 9), (24, 64, 384), (100, 10, 50), (10, 100, 50), (97, 257, 40), (50, 65, 769),
    (1540, 20, 3), (13, 3100, 3),
  ]

  @Test(arguments: sizes)
  func anyStrides(m: Int, n: Int, k: Int) {
    for layout in Layout.allCases {
      let problem = Problem(m: m, n: n, k: k, layout: layout, alpha: 1, beta: 0)
      problem.check()
    }
  }

  @Test(arguments: [(Float(1), Float(1)), (0.5, 0), (-2, 0.25), (0, 1)])
  func alphaAndBeta(alpha: Float, beta: Float) {
    for (m, n, k) in [(1, 70, 40), (70, 1, 40), (25, 70, 800), (5, 4, 0)] {
      for layout in [Layout.rowMajor, .columnMajorC, .spread] {
        let problem = Problem(m: m, n: n, k: k, layout: layout, alpha: alpha, beta: beta)
        problem.check()
      }
    }
  }

  @Test func zeroBetaDoesNotReadC() {
    forEachTable { _ in
      for (m, n, k) in [(1, 40, 3), (40, 1, 3), (13, 37, 5), (4, 4, 0)] {
        let a = [Float](repeating: 1, count: m * k + 1)
        let b = [Float](repeating: 1, count: n * k + 1)
        var c = [Float](repeating: .nan, count: m * n)
        gemm(
          m: m, n: n, k: k, a: a.view(0, k, 1), b: b.view(0, n, 1), c: &c, cRowStride: n, cColumnStride: 1)
        #expect(c.allSatisfy { $0 == Float(k) })
      }
    }
  }

  @Test(arguments: [nil, UnaryOperation.relu, .relu6, .geluTanh, .geluErf, .quickGelu])
  func epilogues(activation: UnaryOperation?) {
    for (m, n, k) in [(1, 70, 40), (70, 1, 40), (45, 70, 33), (97, 300, 40), (5, 4, 0)] {
      for layout in [Layout.rowMajor, .columnMajorC, .spread] {
        let problem = Problem(
          m: m, n: n, k: k, layout: layout, alpha: 0.5, beta: 0, hasEpilogue: true, activation: activation)
        problem.check()
      }
    }
  }

  @Test(arguments: [(150, 170, 900), (1, 3000, 400), (3000, 1, 400), (700, 40, 40)])
  func resultsDoNotDependOnThreads(m: Int, n: Int, k: Int) {
    for layout in Layout.allCases {
      let problem = Problem(
        m: m, n: n, k: k, layout: layout, alpha: 1, beta: 0.5, hasEpilogue: true, activation: .relu)
      forEachTable { table in
        let alone = ThreadPool.withThreadCount(1) { problem.run() }
        for threads in [2, 3] {
          #expect(
            ThreadPool.withThreadCount(threads) { problem.run() } == alone,
            "\(table.name), \(threads) threads")
        }
      }
    }
  }

  @Test(arguments: [(2, 5, 6, 7), (30, 20, 24, 16), (3, 100, 110, 120), (1, 3, 3, 3), (0, 2, 2, 2)])
  func batches(count: Int, m: Int, n: Int, k: Int) {
    var random = SplitMix(seed: 5)
    let a = (0..<count * m * k + 1).map { _ in random.next() }
    let b = (0..<k * n).map { _ in random.next() }
    let bias = (0..<n).map { _ in random.next() }
    // The batches of A run backwards, B is the same for all, those of C lie apart.
    let aOffsets = (0..<count).map { (count - 1 - $0) * m * k }
    let cOffsets = (0..<count).map { $0 * m * n }
    var singles = [Float](repeating: 0, count: count * m * n + 1)
    forEachTable { _ in
      for i in 0..<count {
        singles.withUnsafeMutableBufferPointer { c in
          gemm(
            m: m, n: n, k: k, a: a.view(aOffsets[i], k, 1), b: b.view(0, n, 1),
            c: c.baseAddress! + cOffsets[i],
            cRowStride: n, cColumnStride: 1,
            epilogue: GemmEpilogue(columnBias: bias.view(0, 0, 0).pointer))
        }
      }
      for threads in [1, 2] {
        var c = [Float](repeating: 0, count: count * m * n + 1)
        ThreadPool.withThreadCount(threads) {
          batchedGemm(
            batchCount: count, aOffsets: aOffsets, bOffsets: nil, cOffsets: cOffsets, m: m, n: n, k: k,
            a: a.view(0, k, 1), b: b.view(0, n, 1), c: &c, cRowStride: n, cColumnStride: 1,
            epilogue: GemmEpilogue(columnBias: bias.view(0, 0, 0).pointer))
        }
        #expect(c == singles)
      }
    }
  }
}
