import CPUFeatures
@_exported import KernelInterface
import KernelsBaseline
import Synchronization

#if arch(x86_64)
  import KernelsAVX2
  import KernelsAVX512
#endif

/// The kernels of the instruction-set levels that this CPU runs.
///
/// The best level is used unless the environment variable `PAIRWISE_ISA` names another one (`baseline`, `avx2` or
/// `avx512`); if the CPU lacks that level, the process ends with a message on standard error.
public enum Kernels {
  /// The table in use.
  @inlinable
  public static var table: KernelTable { currentTable.pointee }

  /// The tables of all levels that this CPU runs, the plainest first.
  public static let tables: [KernelTable] = {
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
    try withUnsafePointer(to: table) { pointer in
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
  }

  /// Where the table in use is, so that reading one kernel does not copy them all.
  @usableFromInline
  static var currentTable: UnsafePointer<KernelTable> { overridingTable ?? chosenTable }

  /// The table that `withTable` put in place for this thread, if any.
  static var overridingTable: UnsafePointer<KernelTable>? {
    // The count keeps the common case free of a look-up of thread-local memory.
    overrides.load(ordering: .relaxed) == 0 ? nil : ThreadState.current.table
  }

  /// How many calls of `withTable` are active in the process.
  private static let overrides = Atomic<Int>(0)

  private nonisolated(unsafe) static let chosenTable: UnsafePointer<KernelTable> = {
    let pointer = UnsafeMutablePointer<KernelTable>.allocate(capacity: 1)
    pointer.initialize(to: chooseTable())
    return UnsafePointer(pointer)
  }()

  private static func chooseTable() -> KernelTable {
    guard let wanted = Environment["PAIRWISE_ISA"] else { return tables.last! }
    if let table = tables.first(where: { "\($0.name)" == wanted }) { return table }
    let names = tables.map { "\($0.name)" }.joined(separator: ", ")
    Environment.reject("PAIRWISE_ISA", value: wanted, expected: "a level that this CPU runs: \(names)")
  }
}
