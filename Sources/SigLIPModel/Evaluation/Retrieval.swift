import NN

/// How well queries find their right answers.
public struct Recall: Sendable, Hashable, Codable {
  /// Share of queries whose target ranks first.
  public var r1: Double
  /// Share of queries whose target is among the first five.
  public var r5: Double
  /// Share of queries whose target is among the first ten.
  public var r10: Double
  /// The median over queries of the target's rank, counted from 1; absent where it was not measured.
  public var medianRank: Double?
  /// The mean over queries of the average precision of all right answers (mAP); absent where it was not measured.
  public var meanAveragePrecision: Double?

  enum CodingKeys: String, CodingKey {
    case r1, r5, r10
    case medianRank = "median_rank"
    case meanAveragePrecision = "mean_average_precision"
  }

  /// Recall of the given rankings; all 0 without any.
  public init(_ rankings: [QueryRanking]) {
    let ranks = rankings.map(\.rank).sorted()
    func share(_ k: Int) -> Double {
      ranks.isEmpty ? 0 : Double(ranks.count { $0 < k }) / Double(ranks.count)
    }
    self.init(r1: share(1), r5: share(5), r10: share(10))
    if !ranks.isEmpty {
      medianRank = Double(ranks[(ranks.count - 1) / 2] + ranks[ranks.count / 2]) / 2 + 1
      meanAveragePrecision = rankings.reduce(0) { $0 + $1.averagePrecision } / Double(rankings.count)
    }
  }

  /// Recall of the given ranks, the best being 0, of queries with one right answer each; all 0 without ranks.
  public init(ranks: [Int]) {
    self.init(ranks.map { QueryRanking(rank: $0) })
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

  /// The mean of several recalls, each counted once, their median ranks included.
  public static func mean(_ recalls: [Recall]) -> Recall {
    func mean(_ values: [Double]) -> Double {
      values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }
    func meanOfAll(_ values: [Double?]) -> Double? {
      let measured = values.compactMap { $0 }
      return measured.isEmpty || measured.count < values.count ? nil : mean(measured)
    }
    var result = Recall(
      r1: mean(recalls.map(\.r1)), r5: mean(recalls.map(\.r5)), r10: mean(recalls.map(\.r10)))
    result.medianRank = meanOfAll(recalls.map(\.medianRank))
    result.meanAveragePrecision = meanOfAll(recalls.map(\.meanAveragePrecision))
    return result
  }
}

/// Where a query's right answers stand among the candidates.
public struct QueryRanking: Sendable, Hashable {
  /// Number of wrong candidates that score at least as high as the best right one: 0 is the best rank.
  public var rank: Int
  /// The average precision of all its right answers, as ``averagePrecision(scores:isRight:)`` has it.
  public var averagePrecision: Double

  /// A ranking; of a query with a single right answer when no precision is given.
  public init(rank: Int, averagePrecision: Double? = nil) {
    self.rank = rank
    self.averagePrecision = averagePrecision ?? 1 / Double(rank + 1)
  }
}

/// For every query, how many wrong candidates score at least as high as its target: 0 is the best rank.
///
/// A tie counts against the model: one that gives every pair the same score has found nothing. Where several candidates
/// are right, such as copies of a caption, see ``retrievalRanks(queries:candidates:rightAnswers:)``.
///
/// - Parameters:
///   - queries: `[queries, width]`, of length 1.
///   - candidates: `[candidates, width]`, of length 1.
///   - targets: The right candidate of each query.
/// - Throws: ``EvaluationError`` for embeddings or scores that are not finite.
public func retrievalRanks(queries: Tensor, candidates: Tensor, targets: [Int]) throws -> [Int] {
  try retrievalRanks(queries: queries, candidates: candidates, rightAnswers: targets.map { [$0] })
}

/// For every query, how many wrong candidates score at least as high as the best of its right ones: 0 is the best rank.
///
/// Candidates that are the same answer, such as captions with the same words, all belong in `rightAnswers`: none of them
/// counts against another, and finding any of them is a hit, as in the evaluation of COCO's five captions an image.
/// Candidates that differ but get the same score do count.
///
/// - Parameters:
///   - queries: `[queries, width]`, of length 1.
///   - candidates: `[candidates, width]`, of length 1.
///   - rightAnswers: The right candidates of each query, at least one, none twice.
/// - Throws: ``EvaluationError`` for embeddings or scores that are not finite.
public func retrievalRanks(queries: Tensor, candidates: Tensor, rightAnswers: [[Int]]) throws -> [Int] {
  try retrievalRankings(queries: queries, candidates: candidates, rightAnswers: rightAnswers).map(\.rank)
}

/// For every query, the rank of the best of its right answers and the average precision of all of them.
///
/// The rank is that of ``retrievalRanks(queries:candidates:rightAnswers:)``, whose arguments these are.
///
/// - Throws: ``EvaluationError`` for embeddings or scores that are not finite.
public func retrievalRankings(
  queries: Tensor, candidates: Tensor, rightAnswers: [[Int]]
) throws -> [QueryRanking] {
  guard queries.rank == 2, candidates.rank == 2, queries.shape[0] == rightAnswers.count,
    queries.shape[1] == candidates.shape[1]
  else {
    programmerError(
      "retrievalRankings: queries of shape \(queries.shape), candidates of shape \(candidates.shape) and "
        + "\(rightAnswers.count) targets, expected [queries, width], [candidates, width] and one target a query"
    )
  }
  let columns = candidates.shape[0]
  for (row, right) in rightAnswers.enumerated()
  where right.isEmpty || !right.allSatisfy((0..<columns).contains) || Set(right).count != right.count {
    programmerError(
      "retrievalRankings: targets \(right) of query \(row), expected some of 0..<\(columns), each once")
  }
  var rankings: [QueryRanking] = []
  rankings.reserveCapacity(rightAnswers.count)
  // Rows in blocks: memory stays at block x candidates however many queries there are.
  for start in stride(from: 0, to: rightAnswers.count, by: 512) {
    let block = queries[start..<min(start + 512, rightAnswers.count)]
    try matmul(block, candidates.transpose()).withUnsafeScalars { scores in
      for row in 0..<block.shape[0] {
        let scores = UnsafeBufferPointer(rebasing: scores[(row * columns)..<((row + 1) * columns)])
        if let column = scores.firstIndex(where: { !$0.isFinite }) {
          throw EvaluationError(queries: queries, start + row, candidates: candidates, column)
        }
        let right = rightAnswers[start + row].map { scores[$0] }
        let best = right.max()!
        rankings.append(
          QueryRanking(
            rank: scores.count { $0 >= best } - right.count { $0 >= best },
            averagePrecision: averagePrecision(of: right, among: scores)))
      }
    }
  }
  return rankings
}

extension EvaluationError {
  /// What made a score infinite or NaN: whatever is not finite in an embedding is not finite in its products.
  fileprivate init(queries: Tensor, _ query: Int, candidates: Tensor, _ candidate: Int) {
    if !queries[query].isFinite {
      self = .query(row: query)
    } else if !candidates[candidate].isFinite {
      self = .candidate(row: candidate)
    } else {
      self = .score(query: query, candidate: candidate)
    }
  }
}
