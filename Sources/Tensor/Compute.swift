import Kernels

/// How this process computes.
public enum Compute {
  /// Threads that share the work of one operation: all cores, or `PAIRWISE_NUM_THREADS`, unless set; traps outside
  /// 1...1024. Results do not depend on it.
  public static var threadCount: Int {
    get { ThreadPool.threadCount }
    set {
      let allowed = 1...ThreadPool.maximumThreadCount
      if !allowed.contains(newValue) { programmerError("threadCount: \(newValue) is not in \(allowed)") }
      ThreadPool.threadCount = newValue
    }
  }

  /// The instruction set in use: `baseline`, `avx2` or `avx512`; `PAIRWISE_ISA` forces one.
  public static var instructionSet: String { "\(Kernels.table.name)" }
}
