import NN

/// A number with what it might have been for other queries of the same kind.
public struct BootstrapInterval: Sendable, Hashable, Codable {
  /// The number of all queries.
  public var estimate: Double
  /// The lower end.
  public var lower: Double
  /// The upper end.
  public var upper: Double

  /// An interval.
  public init(estimate: Double, lower: Double, upper: Double) {
    (self.estimate, self.lower, self.upper) = (estimate, lower, upper)
  }
}

/// Draws queries again, with replacement, to see how a number changes: the percentile method (Efron 1981).
///
/// The draws depend on the seed, the number of queries and nothing else, such as the number of threads.
public struct Bootstrap: Sendable, Hashable {
  /// How often all queries are drawn.
  public var resamples: Int
  /// Share of the draws that lies between the ends of an interval.
  public var level: Double
  /// What the draws depend on.
  public var seed: UInt64

  /// The usual 95%.
  public init(resamples: Int = 2000, level: Double = 0.95, seed: UInt64 = 0) {
    if resamples < 1 || !(level > 0 && level < 1) {
      programmerError("bootstrap: \(resamples) resamples, level \(level)")
    }
    self.resamples = resamples
    self.level = level
    self.seed = seed
  }

  /// The interval of the mean of a number that each query has, such as 1 for a hit and 0 for a miss.
  ///
  /// - Throws: ``EvaluationError`` for numbers that are not finite, and where there are none.
  public func interval(mean values: [Double]) throws -> BootstrapInterval {
    if let row = values.firstIndex(where: { !$0.isFinite }) {
      throw EvaluationError.notFinite("the value of query", row: row)
    }
    return try interval(count: values.count) { drawn in
      drawn.reduce(0) { $0 + values[$1] } / Double(drawn.count)
    }
  }

  /// The interval of the difference of two means, `first` minus `second`, of the same queries: each draw has the same
  /// queries of both, so that what makes a query hard for both does not widen it. Without 0 in it, they differ.
  ///
  /// - Throws: ``EvaluationError`` for numbers that are not finite, and where there are none.
  public func interval(difference first: [Double], _ second: [Double]) throws -> BootstrapInterval {
    if first.count != second.count {
      programmerError(
        "bootstrap: \(first.count) numbers beside \(second.count), expected those of the same queries")
    }
    return try interval(mean: zip(first, second).map { $0 - $1 })
  }

  /// The interval of any number of some queries, such as a median, or the mean over classes.
  ///
  /// - Parameters:
  ///   - count: Number of queries.
  ///   - statistic: The number of the queries with these indices, of which some come several times; called on all threads.
  ///     Draws for which it is NaN are left out.
  /// - Throws: ``EvaluationError`` where there are no queries, or nothing but NaN.
  public func interval(
    count: Int, statistic: @Sendable ([Int]) -> Double
  ) throws -> BootstrapInterval {
    if count < 1 { throw EvaluationError.nothing("queries") }
    let numbers = parallelMap(Array(0..<resamples), grain: 1) { resample in
      var random = Random(seed: seed, stream: UInt64(resample), of: 0x626F_6F74)
      return statistic((0..<count).map { _ in random.nextInt(below: count) })
    }
    let sorted = numbers.filter { !$0.isNaN }.sorted()
    if sorted.isEmpty { throw EvaluationError.nothing("numbers to draw an interval from") }
    let tail = (1 - level) / 2
    return BootstrapInterval(
      estimate: statistic(Array(0..<count)), lower: quantile(tail, of: sorted),
      upper: quantile(1 - tail, of: sorted))
  }
}

/// A quantile between two numbers in order, as numpy.quantile takes it by default.
private func quantile(_ share: Double, of sorted: [Double]) -> Double {
  let place = share * Double(sorted.count - 1)
  let lower = Int(place)
  let upper = min(lower + 1, sorted.count - 1)
  return sorted[lower] + (sorted[upper] - sorted[lower]) * (place - Double(lower))
}
