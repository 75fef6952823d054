import SigLIPModel
import Testing

@Suite struct RetrievalTests {
  @Test func ranksCountBetterCandidates() {
    let candidates = Tensor.eye(4)
    let queries = Tensor([[0.1, 0.5, 0.9, 0], [0.4, 0.3, 0.2, 0.1], [0.5, 0.5, 0.5, 0.4]])
    #expect(retrievalRanks(queries: queries, candidates: candidates, targets: [1, 3, 0]) == [1, 3, 0])
  }

  @Test func recallCountsFirstFiveTen() {
    let recall = Recall(ranks: [0, 1, 4, 5, 9, 10, 0, 100])
    #expect(recall == Recall(r1: 0.25, r5: 0.5, r10: 0.75))
    #expect(Recall.chance(candidates: 20) == Recall(r1: 0.05, r5: 0.25, r10: 0.5))
    #expect(Recall.chance(candidates: 2).r5 == 1)
    #expect(Recall.mean([recall, Recall(ranks: [])]).r1 == 0.125)
  }
}
