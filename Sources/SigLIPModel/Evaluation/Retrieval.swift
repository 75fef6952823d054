import NN

/// How often the right answer is among the first few.
public struct Recall: Sendable, Hashable, Codable {
  /// Share of queries whose target ranks first.
  public var r1: Double
  /// Share of queries whose target is among the first five.
  public var r5: Double
  /// Share of queries whose target is among the first ten.
  public var r10: Double

  /// Recall of the given ranks, the best being 0; all 0 without ranks.
  public init(ranks: [Int]) {
    func share(_ k: Int) -> Double {
      ranks.isEmpty ? 0 : Double(ranks.count { $0 < k }) / Double(ranks.count)
    }
    self.init(r1: share(1), r5: share(5), r10: share(10))
  }

  /// Recall of the given shares.
  public init(r1: Double, r5: Double, r10: Double) {
    self.r1 = r1
    self.r5 = r5
    self.r10 = r10
  }

  /// What guessing gives with one target among `candidates`.
  public static func chance(candidates: Int) -> Recall {
    func share(_ k: Int) -> Double { candidates == 0 ? 0 : Double(min(k, candidates)) / Double(candidates) }
    return Recall(r1: share(1), r5: share(5), r10: share(10))
  }

  /// The mean of several recalls, each counted once.
  public static func mean(_ recalls: [Recall]) -> Recall {
    func mean(_ value: (Recall) -> Double) -> Double {
      recalls.isEmpty ? 0 : recalls.reduce(0) { $0 + value($1) } / Double(recalls.count)
    }
    return Recall(r1: mean(\.r1), r5: mean(\.r5), r10: mean(\.r10))
  }
}

/// For every query, how many candidates score higher than its target: 0 is the best rank.
///
/// A candidate that scores the same as the target, such as a second copy of the same caption, does not count against it.
///
/// - Parameters:
///   - queries: `[queries, width]`, of length 1.
///   - candidates: `[candidates, width]`, of length 1.
///   - targets: The right candidate of each query.
public func retrievalRanks(queries: Tensor, candidates: Tensor, targets: [Int]) -> [Int] {
  if queries.shape[0] != targets.count {
    programmerError("retrievalRanks: \(targets.count) targets for queries of shape \(queries.shape)")
  }
  let columns = candidates.shape[0]
  var ranks: [Int] = []
  ranks.reserveCapacity(targets.count)
  // Rows in blocks: memory stays at block x candidates however many queries there are.
  for start in stride(from: 0, to: targets.count, by: 512) {
    let block = queries[start..<min(start + 512, targets.count)]
    matmul(block, candidates.transpose()).withUnsafeScalars { scores in
      for row in 0..<block.shape[0] {
        let scores = scores[(row * columns)..<((row + 1) * columns)]
        let target = scores[scores.startIndex + targets[start + row]]
        ranks.append(scores.count { $0 > target })
      }
    }
  }
  return ranks
}
