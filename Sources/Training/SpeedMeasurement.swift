import Optim

/// What the machine does from one logged step to the next.
struct SpeedMeasurement {
  private let clock = ContinuousClock()
  private var begin = ContinuousClock.now
  private var waited = Duration.zero
  private var examples = 0

  /// Begins anew.
  mutating func start() { (begin, waited, examples) = (clock.now, .zero, 0) }

  /// Counts examples that steps were made of.
  mutating func add(examples count: Int) { examples += count }

  /// Counts the time of `body` as time in which nothing was trained.
  mutating func waiting<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = clock.now
    defer { waited += clock.now - before }
    return try body()
  }

  /// Rate, share of time waiting for data and memory since the last time.
  mutating func measurements() -> [String: Double] {
    let elapsed = max((clock.now - begin).seconds, 1e-9)
    defer { start() }
    return [
      "examples per second": Double(examples) / elapsed,
      "share of time waiting for data": waited.seconds / elapsed,
      "peak memory in MiB": Double(SystemMemory.peak) / 1_048_576,
    ]
  }
}

extension Duration {
  /// As a number of seconds.
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
