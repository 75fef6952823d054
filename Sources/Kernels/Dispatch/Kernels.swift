import CPUFeatures
@_exported import KernelInterface
import KernelsBaseline
import Synchronization

#if arch(x86_64)
  import KernelsAVX2
  import KernelsAVX512
  import KernelsAVX512BF16
  import KernelsAMX
#endif

/// The kernels of the instruction-set levels that this CPU runs.
///
/// The best level is used unless the environment variable `PAIRWISE_ISA` names another one (`baseline`, `avx2`, `avx512`, or
/// `avx512bf16` and `amx`, which have other products of 16-bit numbers alone); if the CPU lacks that level, the process ends
/// with a message on standard error.
public enum Kernels {
  /// The table in use.
  @inlinable
  public static var table: KernelTable { currentTable.pointee }

  /// The tables of all levels that this CPU runs, the plainest first.
  public static let tables: [KernelTable] = {
    var tables = singlePrecisionTables
    #if arch(x86_64)
      if pairwise_cpu_has_avx512bf16() {
        tables.append(
          KernelsAVX512.kernelTable.with(
            name: "avx512bf16", bfloat16: KernelsAVX512BF16.bfloat16Kernels,
            bfloat16x3: KernelsAVX512BF16.bfloat16x3Kernels, int8: KernelsAVX512BF16.int8Kernels))
      }
      if pairwise_cpu_has_amx() {
        tables.append(
          KernelsAVX512.kernelTable.with(
            name: "amx", bfloat16: KernelsAMX.bfloat16Kernels, bfloat16x3: KernelsAMX.bfloat16x3Kernels,
            int8: KernelsAMX.int8Kernels))
      }
    #endif
    return tables
  }()

  /// Those that differ in what is computed in single precision.
  package static let singlePrecisionTables: [KernelTable] = {
    var tables = [KernelsBaseline.kernelTable]
    #if arch(x86_64)
      // A table must not be touched on a CPU without its instructions: filling it in runs code of its module.
      if pairwise_cpu_has_avx2() { tables.append(KernelsAVX2.kernelTable) }
      if pairwise_cpu_has_avx512() { tables.append(KernelsAVX512.kernelTable) }
    #endif
    return tables
  }()

  /// Runs `body` with another level in use, on this thread and in the parallel regions that it starts.
  package static func withTable<Result>(_ table: KernelTable, _ body: () throws -> Result) rethrows -> Result
  {
    try withUnsafePointer(to: table) { try withTable(at: $0, body) }
  }

  private static func withTable<Result>(
    at pointer: UnsafePointer<KernelTable>, _ body: () throws -> Result
  ) rethrows -> Result {
    let state = ThreadState.current
    let previous = state.table
    state.table = pointer
    overrides.add(1, ordering: .relaxed)
    defer {
      overrides.subtract(1, ordering: .relaxed)
      state.table = previous
    }
    return try body()
  }

  /// What products and those of derivatives round their operands to. It is set for all threads without a table of their own.
  package static var precision: (products: ProductPrecision, gradients: ProductPrecision) {
    get {
      let table = currentTable
      return (table.pointee.gemm.precision, table.pointee.gradientPrecision)
    }
    set { chosen.store(chosenTables + index(newValue.products, newValue.gradients), ordering: .relaxed) }
  }

  /// Whether products or those of derivatives round their operands, which is asked for each operation.
  package static var rounds: Bool { currentTable.pointee.rounds }

  /// Runs `body` with products of another precision, on this thread and in the parallel regions that it starts.
  package static func with<Result>(
    _ precision: ProductPrecision, forGradients gradientPrecision: ProductPrecision? = nil,
    _ body: () throws -> Result
  ) rethrows -> Result {
    let gradientPrecision = gradientPrecision ?? precision
    let current = currentTable
    if current.pointee.gemm.precision == precision && current.pointee.gradientPrecision == gradientPrecision {
      return try body()
    }
    let isChosen = current >= chosenTables && current < chosenTables + tableCount
    if isChosen { return try withTable(at: chosenTables + index(precision, gradientPrecision), body) }
    return try withTable(current.pointee.with(precision, forGradients: gradientPrecision), body)
  }

  /// Where the table in use is, so that reading one kernel does not copy them all.
  @usableFromInline
  static var currentTable: UnsafePointer<KernelTable> {
    overridingTable ?? chosen.load(ordering: .relaxed)
  }

  /// The table that `withTable` put in place for this thread, if any.
  static var overridingTable: UnsafePointer<KernelTable>? {
    // The count keeps the common case free of a look-up of thread-local memory.
    overrides.load(ordering: .relaxed) == 0 ? nil : ThreadState.current.table
  }

  /// How many calls of `withTable` are active in the process.
  private static let overrides = Atomic<Int>(0)

  /// Which of the chosen tables is in use. They are never changed nor freed.
  private nonisolated(unsafe) static let chosen = Atomic(
    chosenTables + index(chosenPrecision, chosenPrecision))

  private static let tableCount = ProductPrecision.allCases.count * ProductPrecision.allCases.count

  private static func index(_ products: ProductPrecision, _ gradients: ProductPrecision) -> Int {
    Int(products.rawValue) * ProductPrecision.allCases.count + Int(gradients.rawValue)
  }

  /// The chosen level's table, once for every pair of precisions.
  private nonisolated(unsafe) static let chosenTables: UnsafePointer<KernelTable> = {
    let table = chooseTable()
    let pointer = UnsafeMutablePointer<KernelTable>.allocate(capacity: tableCount)
    for products in ProductPrecision.allCases {
      for gradients in ProductPrecision.allCases {
        (pointer + index(products, gradients)).initialize(to: table.with(products, forGradients: gradients))
      }
    }
    return UnsafePointer(pointer)
  }()

  private static func chooseTable() -> KernelTable {
    guard let wanted = Environment["PAIRWISE_ISA"] else { return tables.last! }
    if let table = tables.first(where: { "\($0.name)" == wanted }) { return table }
    let names = tables.map { "\($0.name)" }.joined(separator: ", ")
    Environment.reject("PAIRWISE_ISA", value: wanted, expected: "a level that this CPU runs: \(names)")
  }

  private static var chosenPrecision: ProductPrecision {
    let variable = "PAIRWISE_MATMUL_PRECISION"
    guard let wanted = Environment[variable] else { return .float32 }
    // Numbers of 8 bits are for weights that were packed so.
    let choices = ProductPrecision.allCases.filter { $0 != .int8 }
    if let precision = choices.first(where: { "\($0)" == wanted }) { return precision }
    let names = choices.map { "\($0)" }.joined(separator: ", ")
    Environment.reject(variable, value: wanted, expected: "one of \(names)")
  }
}
