import Foundation
import Kernels
import Synchronization
import TestSupport
import Testing

#if arch(x86_64)
  import KernelsEmulatedAMX
#endif

/// Runs a body under every level that this CPU runs.
func forEachTable(_ body: (KernelTable) -> Void) {
  for table in Kernels.singlePrecisionTables { Kernels.withTable(table) { body(table) } }
}

/// Runs a body under every level and precision.
func forEachPrecision(_ body: (KernelTable) -> Void) {
  for precision in ProductPrecision.allCases {
    for table in precision == .float32 ? Kernels.singlePrecisionTables : Kernels.tables + emulatedTables {
      let table = table.with(precision, forGradients: precision)
      Kernels.withTable(table) { body(table) }
    }
  }
}

/// Levels that this CPU does not have itself, all but their instructions.
private let emulatedTables: [KernelTable] = {
  #if arch(x86_64)
    if let table = Kernels.tables.first(where: { "\($0.name)" == "avx512bf16" }) {
      return [
        table.with(
          name: "emulated amx", bfloat16: KernelsEmulatedAMX.bfloat16Kernels,
          bfloat16x3: KernelsEmulatedAMX.bfloat16x3Kernels, int8: KernelsEmulatedAMX.int8Kernels)
      ]
    }
  #endif
  return []
}()

/// A small generator of numbers in -1..<1.
struct SplitMix {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> Float {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return Float(Int64(bitPattern: z ^ (z >> 31)) >> 40) / Float(1 << 23)
  }
}

/// Arrays that were viewed as matrices.
private let viewed = Mutex<[[Float]]>([])

extension [Float] {
  /// Part of the array as a matrix. The array is kept for good: a constant goes after its last use, which a view is none of.
  func view(_ offset: Int, _ rowStride: Int, _ columnStride: Int) -> MatrixView {
    viewed.withLock { $0.append(self) }
    return withUnsafeBufferPointer {
      MatrixView($0.baseAddress! + offset, rowStride: rowStride, columnStride: columnStride)
    }
  }
}

extension ProductPrecision {
  /// What a product multiplies instead of a row or column, as far as it says.
  fileprivate func operands(_ numbers: [Float]) -> [Double] {
    switch self {
    case .float32, .bfloat16x3: return numbers.map(Double.init)
    case .bfloat16: return numbers.map { Double(roundedToBFloat16($0)) }
    case .int8:
      return stride(from: 0, to: numbers.count, by: 1024).flatMap { first in
        let block = numbers[first..<min(first + 1024, numbers.count)]
        let largest = block.map(abs).max()!
        return block.map {
          largest == 0
            ? 0 : Double(($0 * (127 / largest)).rounded(.toNearestOrEven)) * Double(largest) / 127
        }
      }
    }
  }

  /// Of the parts of operands that are left out, relative to the product: both second ones, and what is left of each.
  fileprivate var productError: Double { self == .bfloat16x3 ? 3 * 0x1p-16 : 0 }
}

/// The nearest number of 8 significant bits, ties to even.
func roundedToBFloat16(_ x: Float) -> Float {
  let spacing = x.ulp * 0x1p16
  return (x / spacing).rounded(.toNearestOrEven) * spacing
}

/// How the operands of a product lie in memory.
enum Layout: CaseIterable {
  case rowMajor, transposedA, transposedB, transposedBoth, columnMajorC, spread, reversed, repeated
}

/// One product with its operands, and its value in double precision.
struct Problem {
  let m, n, k: Int
  let layout: Layout
  let alpha, beta: Float
  let epilogueIsUsed: Bool
  let activation: UnaryOperation?
  let a, b, c, rowBias, columnBias: [Float]

  init(
    m: Int, n: Int, k: Int, layout: Layout, alpha: Float, beta: Float, hasEpilogue: Bool = false,
    activation: UnaryOperation? = nil
  ) {
    (self.m, self.n, self.k, self.layout, self.alpha, self.beta) = (m, n, k, layout, alpha, beta)
    (epilogueIsUsed, self.activation) = (hasEpilogue, activation)
    var random = SplitMix(seed: UInt64(m * 31 + n * 7 + k))
    func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in random.next() } }
    // A spread matrix leaves gaps.
    let room = layout == .spread ? 6 : 1
    a = numbers(room * m * k + 6)
    b = numbers(room * k * n + 6)
    c = numbers(room * m * n + 6)
    rowBias = numbers(m)
    columnBias = numbers(n)
  }

  /// Offset, row stride and column stride of a matrix.
  private func strides(_ rows: Int, _ columns: Int, transposed: Bool) -> (Int, Int, Int) {
    switch layout {
    case .spread: (1, 3 * columns, 2)
    case .reversed: (rows * columns, -columns, -1)
    default: transposed ? (0, 1, rows) : (0, columns, 1)
    }
  }

  private var aStrides: (Int, Int, Int) {
    // A stride of 0 repeats one row.
    layout == .repeated
      ? (0, 0, 1) : strides(m, k, transposed: layout == .transposedA || layout == .transposedBoth)
  }
  private var bStrides: (Int, Int, Int) {
    layout == .repeated
      ? (0, 1, 0) : strides(k, n, transposed: layout == .transposedB || layout == .transposedBoth)
  }
  private var cStrides: (Int, Int, Int) { strides(m, n, transposed: layout == .columnMajorC) }

  func run() -> [Float] {
    var result = c
    let (cOffset, cRowStride, cColumnStride) = cStrides
    var epilogue = GemmEpilogue.none
    if epilogueIsUsed {
      epilogue = GemmEpilogue(
        columnBias: columnBias.view(0, 0, 0).pointer, rowBias: rowBias.view(0, 0, 0).pointer,
        activation: activation)
    }
    result.withUnsafeMutableBufferPointer { c in
      gemm(
        m: m, n: n, k: k, alpha: alpha, a: a.view(aStrides.0, aStrides.1, aStrides.2),
        b: b.view(bStrides.0, bStrides.1, bStrides.2), beta: beta, c: c.baseAddress! + cOffset,
        cRowStride: cRowStride, cColumnStride: cColumnStride, epilogue: epilogue)
    }
    return result
  }

  /// Compares every element on every level, and that nothing between the elements of C has changed.
  func check() {
    let (expected, tolerance) = reference()
    forEachTable { table in
      let result = run()
      let wrong = result.indices.first { !(abs(Double(result[$0]) - expected[$0]) <= tolerance[$0]) }
      guard let wrong else { return }
      Issue.record(
        """
        \(table.name) \(m)x\(n)x\(k) \(layout) alpha \(alpha) beta \(beta): element \(wrong) is \(result[wrong]), \
        expected \(expected[wrong])
        """)
    }
  }

  /// The result in the order of sums that `GemmBlocking` states, without an epilogue.
  func inOrder(isFused: Bool) -> [Float] {
    var result = c
    let (aView, bView) = (
      a.view(aStrides.0, aStrides.1, aStrides.2), b.view(bStrides.0, bStrides.1, bStrides.2)
    )
    for i in 0..<m {
      for j in 0..<n {
        let index = cStrides.0 + i * cStrides.1 + j * cStrides.2
        result[index] = productInOrder(
          aView.pointer + i * aView.rowStride, aView.columnStride, bView.pointer + j * bView.columnStride,
          bView.rowStride, depth: k, alpha: alpha, beta: beta, old: c[index], isFused: isFused)
      }
    }
    return result
  }

  /// Products, and how far one in a precision may be from them.
  func reference(_ precision: ProductPrecision = .float32) -> (values: [Double], tolerance: [Double]) {
    var expected = c.map(Double.init)
    var tolerance = [Double](repeating: 0, count: c.count)
    let (aView, bView) = (
      a.view(aStrides.0, aStrides.1, aStrides.2), b.view(bStrides.0, bStrides.1, bStrides.2)
    )
    let rows = (0..<m).map { i in
      precision.operands((0..<k).map { aView.pointer[i * aView.rowStride + $0 * aView.columnStride] })
    }
    let columns = (0..<n).map { j in
      precision.operands((0..<k).map { bView.pointer[$0 * bView.rowStride + j * bView.columnStride] })
    }
    for i in 0..<m {
      for j in 0..<n {
        var (sum, size) = (0.0, 0.0)
        for (x, y) in zip(rows[i], columns[j]) {
          sum += x * y
          size += abs(x * y)
        }
        let index = cStrides.0 + i * cStrides.1 + j * cStrides.2
        var value = Double(alpha) * sum + (beta == 0 ? 0 : Double(beta) * Double(c[index]))
        if epilogueIsUsed {
          value = Self.activate(activation, value + Double(rowBias[i]) + Double(columnBias[j]))
        }
        expected[index] = value
        // A few units in the last place of the sum of absolute values; the constant covers the epilogue.
        tolerance[index] = (2.5e-7 + precision.productError) * abs(Double(alpha)) * size + 4e-6
      }
    }
    return (expected, tolerance)
  }

  private static func activate(_ operation: UnaryOperation?, _ x: Double) -> Double {
    switch operation {
    case .relu: max(x, 0)
    case .relu6: min(max(x, 0), 6)
    case .geluTanh: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .geluErf: 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
    case .quickGelu: x / (1 + exp(-1.702 * x))
    default: x
    }
  }
}
