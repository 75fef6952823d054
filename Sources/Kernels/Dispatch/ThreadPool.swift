/// The threads that share the work of one kernel call.
public enum ThreadPool {
  /// Calls `body` once for every index in `0..<count`, on all threads; returns when all calls have returned.
  ///
  /// The order of calls is not specified, so each index must write memory of its own.
  public static func parallelFor(count: Int, _ body: (Int) -> Void) {
    for i in 0..<count { body(i) }
  }

  /// Calls `body` with ranges of `grain` indices that together are `0..<count`, on all threads.
  public static func parallelRanges(count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    for start in stride(from: 0, to: count, by: grain) { body(start..<min(start + grain, count)) }
  }
}
