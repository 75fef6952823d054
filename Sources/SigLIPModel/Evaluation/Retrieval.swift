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

/// Why candidates cannot be ranked; its description is one line.
public enum RetrievalError: DataError, Hashable {
  /// A query's embedding holds NaN or an infinity.
  case query(row: Int)
  /// A candidate's embedding holds NaN or an infinity.
  case candidate(row: Int)
  /// Finite embeddings whose product is too large for a number.
  case score(query: Int, candidate: Int)

  /// Which row it is, counted from 0.
  public var sentence: String {
    switch self {
    case .query(let row): "retrieval: the embedding of query \(row) is not finite, so nothing can be ranked"
    case .candidate(let row):
      "retrieval: the embedding of candidate \(row) is not finite, so nothing can be ranked"
    case .score(let query, let candidate):
      "retrieval: the score of query \(query) and candidate \(candidate) is not finite, so nothing can be ranked"
    }
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
/// - Throws: ``RetrievalError`` for embeddings or scores that are not finite.
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
/// - Throws: ``RetrievalError`` for embeddings or scores that are not finite.
public func retrievalRanks(queries: Tensor, candidates: Tensor, rightAnswers: [[Int]]) throws -> [Int] {
  guard queries.rank == 2, candidates.rank == 2, queries.shape[0] == rightAnswers.count,
    queries.shape[1] == candidates.shape[1]
  else {
    programmerError(
      "retrievalRanks: queries of shape \(queries.shape), candidates of shape \(candidates.shape) and "
        + "\(rightAnswers.count) targets, expected [queries, width], [candidates, width] and one target a query"
    )
  }
  let columns = candidates.shape[0]
  for (row, right) in rightAnswers.enumerated()
  where right.isEmpty || !right.allSatisfy((0..<columns).contains) || Set(right).count != right.count {
    programmerError(
      "retrievalRanks: targets \(right) of query \(row), expected some of 0..<\(columns), each once")
  }
  var ranks: [Int] = []
  ranks.reserveCapacity(rightAnswers.count)
  // Rows in blocks: memory stays at block x candidates however many queries there are.
  for start in stride(from: 0, to: rightAnswers.count, by: 512) {
    let block = queries[start..<min(start + 512, rightAnswers.count)]
    try matmul(block, candidates.transpose()).withUnsafeScalars { scores in
      for row in 0..<block.shape[0] {
        let scores = UnsafeBufferPointer(rebasing: scores[(row * columns)..<((row + 1) * columns)])
        if let column = scores.firstIndex(where: { !$0.isFinite }) {
          throw RetrievalError(queries: queries, start + row, candidates: candidates, column)
        }
        let right = rightAnswers[start + row]
        let best = right.reduce(-Float.infinity) { max($0, scores[$1]) }
        ranks.append(scores.count { $0 >= best } - right.count { scores[$0] >= best })
      }
    }
  }
  return ranks
}

extension RetrievalError {
  /// What made a score infinite or NaN: whatever is not finite in an embedding is not finite in its products.
  fileprivate init(queries: Tensor, _ query: Int, candidates: Tensor, _ candidate: Int) {
    func isFinite(_ row: Tensor) -> Bool { row.scalars.allSatisfy(\.isFinite) }
    if !isFinite(queries[query]) {
      self = .query(row: query)
    } else if !isFinite(candidates[candidate]) {
      self = .candidate(row: candidate)
    } else {
      self = .score(query: query, candidate: candidate)
    }
  }
}
