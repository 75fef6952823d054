import CPUFeatures
import Synchronization

/// The threads that share the work of kernel calls.
///
/// Calls on several threads at once share them alike (``WorkerTeam``). A region started inside another one of several
/// indices is run by the calling thread alone. So who runs what is never known, and results must not, and do not,
/// depend on it.
public enum ThreadPool {
  /// How many threads work on regions, their callers included.
  ///
  /// At start this is the environment variable `PAIRWISE_NUM_THREADS`, or else the number of processors this process
  /// may use. Who sets it has checked that it is in 1...``maximumThreadCount``.
  package static var threadCount: Int {
    get { configuredCount.load(ordering: .relaxed) }
    set { configuredCount.store(newValue, ordering: .relaxed) }
  }

  /// The largest number of threads.
  package static let maximumThreadCount = 1024

  /// What a task says about the threads of its regions.
  private struct Budget {
    /// The caller included.
    var threads: Int
    /// Whether so many do take part, whatever other regions there are and however many processors.
    var isAssured: Bool
  }

  @TaskLocal private static var budget: Budget?

  /// Calls `body` once for every index in `0..<count`, on several threads; returns when all calls have returned.
  ///
  /// The order of calls is not specified, so each index must write memory of its own.
  public static func parallelFor(count: Int, _ body: (Int) -> Void) {
    guard count > 1 else {
      if count == 1 { body(0) }
      return
    }
    let state = ThreadState.current
    let isOutermost = !state.isInsideRegion
    state.isInsideRegion = true
    defer { if isOutermost { state.isInsideRegion = false } }
    if isOutermost {
      let budget = budget
      let threads = min(budget?.threads ?? threadCount, count)
      let isAssured = budget?.isAssured ?? false
      if threads > 1,
        WorkerTeam.shared.run(count: count, helpers: threads - 1, isAssured: isAssured, body)
      {
        return
      }
    }
    for index in 0..<count { body(index) }
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

  /// Runs `body` with exactly this number of threads for each region of the task, for tests.
  package static func withThreadCount<Result>(_ count: Int, _ body: () throws -> Result) rethrows -> Result {
    try $budget.withValue(Budget(threads: count, isAssured: true), operation: body)
  }

  /// Runs `body` with at most this number of threads for each region of the task. One thread is alone: it takes nothing
  /// from the regions of others.
  package static func withThreadLimit<Result>(_ limit: Int, _ body: () throws -> Result) rethrows -> Result {
    try $budget.withValue(limited(to: limit), operation: body)
  }

  /// The same for a body that may be suspended, and the tasks that it waits for.
  package static func withThreadLimit<Result>(
    _ limit: Int, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
  ) async rethrows -> Result {
    try await $budget.withValue(limited(to: limit), operation: body, isolation: isolation)
  }

  private static func limited(to limit: Int) -> Budget {
    Budget(threads: min(limit, budget?.threads ?? threadCount), isAssured: budget?.isAssured ?? false)
  }

  /// Whether all workers are asleep.
  package static var isIdle: Bool { WorkerTeam.shared.isIdle }

  /// Processors that the process may use by its affinity, which Foundation does not look at.
  public static var processorCount: Int { Int(pairwise_processor_count()) }

  private static let configuredCount = Atomic<Int>(initialCount())

  private static func initialCount() -> Int {
    guard let wanted = Environment["PAIRWISE_NUM_THREADS"] else {
      let limit = ControlGroups().processorLimit ?? processorCount
      return min(processorCount, limit, maximumThreadCount)
    }
    if let count = Int(wanted), count >= 1, count <= maximumThreadCount { return count }
    Environment.reject(
      "PAIRWISE_NUM_THREADS", value: wanted, expected: "a number in 1...\(maximumThreadCount)")
  }
}
