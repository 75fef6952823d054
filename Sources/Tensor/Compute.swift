import Kernels

/// How this process computes.
public enum Compute {
  /// Threads that share the work of operations, of all that run at once: as many as processors that the process may use
  /// (by its affinity and the quotas of its control groups), or `PAIRWISE_NUM_THREADS`, unless set; traps outside 1...1024.
  /// Results do not depend on it.
  public static var threadCount: Int {
    get { ThreadPool.threadCount }
    set { ThreadPool.threadCount = checked(newValue, "threadCount") }
  }

  /// Processors that the process may use by its affinity.
  package static var processorCount: Int { ThreadPool.processorCount }

  /// Runs `body` with at most `limit` threads for each operation; traps outside 1...1024.
  ///
  /// Operations that run on several threads of a program at once share ``threadCount`` alike. With a limit of 1 the body
  /// keeps to its own thread, and leaves the others theirs: for a thread that loads data beside one that trains. Results do
  /// not depend on it. The limit goes with the task to the child tasks that it waits for.
  public static func withThreadLimit<R>(_ limit: Int, _ body: () throws -> R) rethrows -> R {
    try ThreadPool.withThreadLimit(checked(limit, "withThreadLimit"), body)
  }

  /// The same for a body that may be suspended.
  public static func withThreadLimit<R>(
    _ limit: Int, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> R
  ) async rethrows -> R {
    try await ThreadPool.withThreadLimit(
      checked(limit, "withThreadLimit"), isolation: isolation, body)
  }

  private static func checked(_ threads: Int, _ operation: StaticString) -> Int {
    let allowed = 1...ThreadPool.maximumThreadCount
    if !allowed.contains(threads) { programmerError("\(operation): \(threads) is not in \(allowed)") }
    return threads
  }

  /// The instruction set in use: `baseline`, `avx2`, `avx512`, `avx512bf16` or `amx`; `PAIRWISE_ISA` forces one.
  public static var instructionSet: String { "\(Kernels.table.name)" }

  /// What the rounding of results depends on: the instruction set, and the precision of products where it is not single.
  public static var rounding: String {
    matmulPrecision == .float32
      ? "\(Kernels.table.singlePrecisionName)" : "\(instructionSet) \(matmulPrecision)"
  }
}
