import SigLIPModel
import Testing

@Suite struct RetrievalTests {
  @Test func ranksCountBetterCandidates() throws {
    let candidates = Tensor.eye(4)
    let queries = Tensor([[0.1, 0.5, 0.9, 0], [0.4, 0.3, 0.2, 0.1], [0.6, 0.5, 0.5, 0.4]])
    #expect(try retrievalRanks(queries: queries, candidates: candidates, targets: [1, 3, 0]) == [1, 3, 0])
  }

  /// A model that says the same of everything has found nothing.
  @Test func aTieCountsAgainstTheModel() throws {
    let same = Tensor.ones([7, 3])
    let ranks = try retrievalRanks(queries: same, candidates: same, targets: Array(0..<7))
    #expect(ranks == [Int](repeating: 6, count: 7))
    #expect(Recall(ranks: ranks).r1 == 0)
    let queries = Tensor([[0.5, 0.5, 0.5, 0.4]])
    #expect(try retrievalRanks(queries: queries, candidates: .eye(4), targets: [0]) == [2])
  }

  @Test func theBestOfSeveralRightAnswersCounts() throws {
    let queries = Tensor([[0.1, 0.5, 0.9, 0.2], [0.3, 0.3, 0.3, 0.1]])
    func ranks(_ rightAnswers: [[Int]]) throws -> [Int] {
      try retrievalRanks(queries: queries, candidates: .eye(4), rightAnswers: rightAnswers)
    }
    #expect(try ranks([[0, 2], [0, 1, 2]]) == [0, 0])
    #expect(try ranks([[0, 1], [0, 1]]) == [1, 1])
    #expect(try ranks([[0, 3], [3]]) == [2, 3])
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func whatIsNotFiniteIsNamed(_ value: Float) throws {
    let damaged = Tensor((0..<1200).map { $0 == 1101 ? value : 1 }, shape: [600, 2])
    let whole = Tensor.ones([600, 2])
    let targets = Array(0..<600)
    let query = #expect(throws: RetrievalError.self) {
      try retrievalRanks(queries: damaged, candidates: whole, targets: targets)
    }
    #expect(query == .query(row: 550) && "\(query!)".contains("query 550 is not finite"))
    let candidate = #expect(throws: RetrievalError.self) {
      try retrievalRanks(queries: whole, candidates: damaged, targets: targets)
    }
    #expect(candidate == .candidate(row: 550) && "\(candidate!)".contains("candidate 550 is not finite"))
  }

  @Test func scoresThatOverflowAreRefused() {
    let error = #expect(throws: RetrievalError.self) {
      try retrievalRanks(
        queries: Tensor([[1, 0], [1e30, 0]]), candidates: Tensor([[1e30, 1]]), targets: [0, 0])
    }
    #expect(error == .score(query: 1, candidate: 0))
  }

  @Test func nothingIsRankedWithoutQueries() throws {
    #expect(try retrievalRanks(queries: .zeros([0, 3]), candidates: .eye(3), targets: []) == [])
  }

  @Test func recallCountsFirstFiveTen() {
    let recall = Recall(ranks: [0, 1, 4, 5, 9, 10, 0, 100])
    #expect(recall == Recall(r1: 0.25, r5: 0.5, r10: 0.75))
    #expect(Recall.chance(candidates: 20) == Recall(r1: 0.05, r5: 0.25, r10: 0.5))
    #expect(Recall.chance(candidates: 2).r5 == 1)
    #expect(Recall.mean([recall, Recall(ranks: [])]).r1 == 0.125)
  }
}
