import CPUFeatures
import Synchronization

/// The threads that share the work of one kernel call.
///
/// One parallel region runs at a time. A region started inside another one, or while another thread runs one, is run
/// by the calling thread alone; so results must not, and do not, depend on who runs what.
public enum ThreadPool {
  /// How many threads share a region, the calling one included.
  ///
  /// At start this is the environment variable `PAIRWISE_NUM_THREADS`, or else the number of processors this process
  /// may use. Who sets it has checked that it is in 1...``maximumThreadCount``.
  package static var threadCount: Int {
    get { configuredCount.load(ordering: .relaxed) }
    set { configuredCount.store(newValue, ordering: .relaxed) }
  }

  /// The largest number of threads.
  package static let maximumThreadCount = 1024

  /// Calls `body` once for every index in `0..<count`, on all threads; returns when all calls have returned.
  ///
  /// The order of calls is not specified, so each index must write memory of its own.
  public static func parallelFor(count: Int, _ body: (Int) -> Void) {
    guard count > 1 else {
      if count == 1 { body(0) }
      return
    }
    let state = ThreadState.current
    let threads = min(state.threadCount ?? threadCount, count)
    // With an override, a test wants to see these threads at work: it waits for its turn.
    let mayWait = state.threadCount != nil
    guard threads > 1, !state.isInsideRegion, WorkerTeam.shared.reserve(mayWait: mayWait) else {
      for index in 0..<count { body(index) }
      return
    }
    state.isInsideRegion = true
    WorkerTeam.shared.run(count: count, helpers: threads - 1, body)
    state.isInsideRegion = false
  }

  /// Calls `body` for the ranges of `grain` indices (the last may be shorter) that make up `0..<count`, on all threads.
  ///
  /// Where the ranges begin and end does not depend on the number of threads, so sums over ranges do not either.
  public static func parallelRanges(count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    let grain = max(grain, 1)
    parallelFor(count: (count + grain - 1) / grain) { index in
      body(index * grain..<min((index + 1) * grain, count))
    }
  }

  /// Runs `body` with another number of threads for the regions that this thread starts.
  package static func withThreadCount<Result>(_ count: Int, _ body: () throws -> Result) rethrows -> Result {
    let state = ThreadState.current
    let previous = state.threadCount
    state.threadCount = count
    defer { state.threadCount = previous }
    return try body()
  }

  private static let configuredCount = Atomic<Int>(initialCount())

  private static func initialCount() -> Int {
    guard let wanted = Environment["PAIRWISE_NUM_THREADS"] else {
      return min(Int(pairwise_processor_count()), maximumThreadCount)
    }
    if let count = Int(wanted), count >= 1, count <= maximumThreadCount { return count }
    Environment.reject(
      "PAIRWISE_NUM_THREADS", value: wanted, expected: "a number in 1...\(maximumThreadCount)")
  }
}
