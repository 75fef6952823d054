import Kernels
import TestSupport
import Testing

/// An element of a product depends on its row, its column and its old value, to the last bit: not on how many others are
/// computed beside it, in which of many ways, or by how many threads.
@Suite struct GemmOrderTests {
  static let sizes = [
    (1, 1, 1), (1, 1, 700), (1, 37, 5), (1, 300, 257), (29, 1, 77), (260, 1, 513), (1, 900, 700),
    (900, 1, 700),
    (3, 5, 7), (13, 33, 385), (11, 31, 9), (100, 10, 50), (10, 100, 50), (97, 257, 40), (50, 65, 769),
    (2, 257, 300),
    (4, 256, 600), (7, 1030, 130), (17, 140, 300), (64, 70, 260), (65, 70, 260), (1540, 20, 3), (13, 3100, 3),
    (20, 21, 4200),
  ]

  /// Whether a level rounds a multiplication and the addition behind it once.
  func isFused(_ table: KernelTable) -> Bool {
    #if arch(x86_64)
      "\(table.name)" != "baseline"
    #else
      true
    #endif
  }

  @Test(arguments: sizes)
  func everyWayAddsUpInOneOrder(m: Int, n: Int, k: Int) {
    for layout in Layout.allCases {
      for (alpha, beta) in [(Float(1), Float(0)), (-0.3, 1), (0.7, 0.3)] {
        let problem = Problem(m: m, n: n, k: k, layout: layout, alpha: alpha, beta: beta)
        let (fused, rounded) = (problem.inOrder(isFused: true), problem.inOrder(isFused: false))
        forEachTable { table in
          let expected = isFused(table) ? fused : rounded
          for threads in [1, 3] {
            let found = ThreadPool.withThreadCount(threads) { problem.run() }
            let wrong = found.indices.first { found[$0].bitPattern != expected[$0].bitPattern }
            #expect(
              wrong == nil, "\(table.name), \(layout), alpha \(alpha), beta \(beta), \(threads) threads")
          }
        }
      }
    }
  }

  /// A linear layer, and the product with a matrix that is not transposed, with what is done to every result.
  @Test(arguments: [(40, 30), (70, 96), (300, 70), (513, 33), (256, 512), (768, 10)])
  func aRowDoesNotDependOnTheRowsBesideIt(k: Int, n: Int) {
    let most = 70
    var random = SplitMix(seed: UInt64(k + n))
    let a = (0..<most * k).map { _ in random.next() }
    let b = (0..<k * n).map { _ in random.next() }
    let bias = (0..<n).map { _ in random.next() }
    forEachPrecision { table in
      for isTransposed in [true, false] {
        let matrix = b.view(0, isTransposed ? 1 : n, isTransposed ? k : 1)
        let panels = packed(matrix, k, n)
        func rows(_ range: Range<Int>, isPacked: Bool) -> [UInt32] {
          var (matrix, result) = (matrix, [Float](repeating: .nan, count: range.count * n))
          panels.withUnsafeBufferPointer {
            if isPacked { matrix.panels = ($0.baseAddress!, table.gemm.layout) }
            gemm(
              m: range.count, n: n, k: k, a: a.view(range.lowerBound * k, k, 1), b: matrix, c: &result,
              cRowStride: n,
              cColumnStride: 1,
              epilogue: GemmEpilogue(columnBias: bias.view(0, 0, 0).pointer, activation: .geluTanh))
          }
          return result.map(\.bitPattern)
        }
        let alone = (0..<most).flatMap { rows($0..<$0 + 1, isPacked: false) }
        for count in 1...most {
          for isPacked in [false, true] {
            let threads = 1 + count % 7
            let together = ThreadPool.withThreadCount(threads) { rows(0..<count, isPacked: isPacked) }
            #expect(
              together.elementsEqual(alone.prefix(count * n)),
              "\(table.name) \(table.gemm.precision), \(count) rows, transposed \(isTransposed), packed \(isPacked), \(threads) threads"
            )
          }
        }
      }
    }
  }

  private func packed(_ matrix: MatrixView, _ k: Int, _ n: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: packedSize(rows: k, columns: n).count) { buffer, count in
      packMatrix(matrix, rows: k, columns: n, to: buffer.baseAddress!)
      count = packedSize(rows: k, columns: n).count
    }
  }
}
