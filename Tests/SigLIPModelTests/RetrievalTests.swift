import Foundation
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
    let query = #expect(throws: EvaluationError.self) {
      try retrievalRanks(queries: damaged, candidates: whole, targets: targets)
    }
    #expect(query == .query(row: 550) && "\(query!)".contains("query 550 is not finite"))
    let candidate = #expect(throws: EvaluationError.self) {
      try retrievalRanks(queries: whole, candidates: damaged, targets: targets)
    }
    #expect(candidate == .candidate(row: 550) && "\(candidate!)".contains("candidate 550 is not finite"))
  }

  @Test func scoresThatOverflowAreRefused() {
    let error = #expect(throws: EvaluationError.self) {
      try retrievalRanks(
        queries: Tensor([[1, 0], [1e30, 0]]), candidates: Tensor([[1e30, 1]]), targets: [0, 0])
    }
    #expect(error == .score(query: 1, candidate: 0))
  }

  /// Right answers at places 1, 3 and 4 of five; of one alone the precision is the reciprocal of its place.
  @Test func precisionOfAllRightAnswers() throws {
    let queries = Tensor([[0.9, 0.8, 0.7, 0.6, 0.5]])
    func ranking(_ right: [Int]) throws -> QueryRanking {
      try retrievalRankings(queries: queries, candidates: .eye(5), rightAnswers: [right])[0]
    }
    let three = try ranking([0, 2, 3])
    #expect(three.rank == 0)
    #expect(abs(three.averagePrecision - 29.0 / 36) < 1e-15)
    #expect(try ranking([2]) == QueryRanking(rank: 2, averagePrecision: 1.0 / 3))
    #expect(QueryRanking(rank: 2).averagePrecision == 1.0 / 3)
  }

  /// Four candidates of one score, two of them right: the rank counts the wrong ones before, the precision is chance.
  @Test func precisionOfTies() throws {
    let ranking = try retrievalRankings(
      queries: Tensor([[0.5, 0.5, 0.5, 0.5]]), candidates: .eye(4), rightAnswers: [[1, 3]])
    #expect(ranking == [QueryRanking(rank: 2, averagePrecision: 0.5)])
  }

  @Test func medianAndMean() {
    let rankings = [
      QueryRanking(rank: 0), QueryRanking(rank: 9, averagePrecision: 0.5), QueryRanking(rank: 3),
    ]
    #expect(Recall(rankings).medianRank == 4)
    #expect(Recall(rankings).meanAveragePrecision == 1.75 / 3)
    #expect(Recall(ranks: [7, 0]).medianRank == 4.5)
    #expect(Recall.mean([Recall(ranks: [0]), Recall(ranks: [2])]).medianRank == 2)
    #expect(Recall.mean([Recall(ranks: [0]), Recall(r1: 1, r5: 1, r10: 1)]).medianRank == nil)
    #expect(Recall([]).medianRank == nil && Recall([]).r1 == 0)
  }

  /// What a run wrote before there were a median rank and a precision.
  @Test func olderEvaluationsAreRead() throws {
    let old = #"{"r1": 0.5, "r5": 0.75, "r10": 1}"#
    #expect(try JSONDecoder().decode(Recall.self, from: Data(old.utf8)) == Recall(r1: 0.5, r5: 0.75, r10: 1))
    let new = Recall(ranks: [0, 3])
    #expect(try JSONDecoder().decode(Recall.self, from: JSONEncoder().encode(new)) == new)
  }

  /// The order of a dictionary is another in every process: a sum in that order would not be equal in equal runs.
  @Test func theMeanOverLanguagesIsInTheirOrder() throws {
    var random = Random(seed: 3)
    let captions = (0..<24).flatMap { language in
      (0..<7 + language).map { (caption: Caption("\($0)", language: "l\(language)"), image: $0 % 30) }
    }
    func embeddings(_ count: Int) -> Tensor {
      Variable(random.normal([count, 3])).normalized().value
    }
    let evaluation = try RetrievalEvaluation(
      images: embeddings(31), texts: embeddings(captions.count), captions: captions)
    let sorted = evaluation.languages.sorted { $0.key < $1.key }.map(\.value)
    #expect(evaluation.languages.count == 24 && evaluation.retrieval == .mean(sorted))
    // Other orders have other sums.
    #expect((1..<24).contains { evaluation.retrieval != .mean(Array(sorted[$0...] + sorted[..<$0])) })
  }

  @Test func nothingIsRankedWithoutQueries() throws {
    #expect(try retrievalRanks(queries: .zeros([0, 3]), candidates: .eye(3), targets: []) == [])
  }

  @Test func recallCountsFirstFiveTen() {
    let recall = Recall(ranks: [0, 1, 4, 5, 9, 10, 0, 100])
    #expect((recall.r1, recall.r5, recall.r10) == (0.25, 0.5, 0.75))
    #expect(recall.medianRank == 5.5)
    #expect(Recall.chance(candidates: 20) == Recall(r1: 0.05, r5: 0.25, r10: 0.5))
    #expect(Recall.chance(candidates: 2).r5 == 1)
    #expect(Recall.mean([recall, Recall(ranks: [])]).r1 == 0.125)
  }
}
