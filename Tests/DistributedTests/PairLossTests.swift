import Autograd
import Distributed
import Optim
import TestSupport
import Testing

/// The pairwise losses of batches that several ranks share.
@Suite struct PairLossTests {
  /// A batch in eight shards, of which some have nothing.
  private struct Batch: Sendable {
    let images, texts: Tensor
    let counts: [(images: Int, texts: Int)]
    let classes: (images: [Int32], texts: [Int32])

    init(counts: [(images: Int, texts: Int)]) {
      var random = Random(seed: 5)
      self.counts = counts
      let (n, m) = (counts.reduce(0) { $0 + $1.images }, counts.reduce(0) { $0 + $1.texts })
      (images, texts) = (random.normal([n, 6]) * 0.4, random.normal([m, 6]) * 0.4)
      // Some belong to several, and some to none.
      classes = ((0..<n).map { Int32($0 % 11) }, (0..<m).map { Int32(($0 * 7) % 13) })
    }

    func rows(_ shards: Range<Int>, _ count: KeyPath<(images: Int, texts: Int), Int>) -> [Range<Int>] {
      let starts = counts.reduce(into: [0]) { $0.append($0.last! + $1[keyPath: count]) }
      return shards.map { starts[$0]..<starts[$0 + 1] }
    }

    func pairs(_ shards: Shards) -> ShardedPairs {
      ShardedPairs(
        images: rows(shards.own, \.images).map { images.slice($0, axis: 0) },
        texts: rows(shards.own, \.texts).map { texts.slice($0, axis: 0) }, counts: counts, classes: classes)
    }
  }

  private struct Outcome: Equatable {
    let value: Float
    let images, texts: [Float]
    let numbers: [Float]
  }

  private static let (logScale, bias) = (Tensor(1.5), Tensor(-2))

  enum Loss: CaseIterable { case sigmoid, softmax }

  private static func outcome(
    _ loss: Loss, _ batch: Batch, ranks: Int, _ distribution: PairDistribution, _ precision: MatmulPrecision
  ) throws -> Outcome {
    let losses = try ThreadCommunicator.run(ranks: ranks) { communicator in
      let shards = try Shards(batch.counts.count, communicator)
      if loss == .softmax {
        return try shardedSoftmaxLoss(
          batch.pairs(shards), logScale: logScale, shards: shards, communicator, distribution: distribution,
          logitPrecision: precision)
      }
      return try shardedSigmoidLoss(
        batch.pairs(shards), logScale: logScale, bias: bias, shards: shards, communicator,
        distribution: distribution, logitPrecision: precision)
    }
    for loss in losses {
      #expect((loss.value, loss.logScale, loss.bias) == (losses[0].value, losses[0].logScale, losses[0].bias))
    }
    return Outcome(
      value: losses[0].value, images: losses.flatMap { $0.images.flatMap(\.scalars) },
      texts: losses.flatMap { $0.texts.flatMap(\.scalars) }, numbers: [losses[0].logScale, losses[0].bias])
  }

  private static let batches = [
    Array(repeating: (images: 4, texts: 4), count: 8),
    // Damaged samples leave shards of other sizes, and a rank of eight or of four without any.
    [(3, 4), (5, 5), (0, 0), (0, 0), (4, 4), (0, 3), (2, 0), (1, 1)],
  ]

  @Test(arguments: Loss.allCases, PairDistribution.allCases)
  func bitsDoNotDependOnRanks(loss: Loss, distribution: PairDistribution) throws {
    for (counts, precision) in zip(PairLossTests.batches, [MatmulPrecision.float32, .bfloat16]) {
      let batch = Batch(counts: counts)
      let expected = try PairLossTests.outcome(loss, batch, ranks: 1, .gather, precision)
      for ranks in [2, 4, 8] {
        let found = try PairLossTests.outcome(loss, batch, ranks: ranks, distribution, precision)
        #expect(found == expected, "\(ranks) ranks")
      }
    }
  }

  @Test(arguments: Loss.allCases, PairDistribution.allCases)
  func theyAreThoseOfTheWholeBatch(loss: Loss, distribution: PairDistribution) throws {
    for counts in PairLossTests.batches {
      for precision in [MatmulPrecision.float32, .bfloat16] {
        try compareWithWhole(loss, Batch(counts: counts), distribution, precision)
      }
    }
  }

  private func compareWithWhole(
    _ loss: Loss, _ batch: Batch, _ distribution: PairDistribution, _ precision: MatmulPrecision
  ) throws {
    let inputs = [batch.images, batch.texts, PairLossTests.logScale, PairLossTests.bias]
    let labels = PairLabels.classes(
      images: IndexTensor(batch.classes.images), texts: IndexTensor(batch.classes.texts))
    let (value, gradients) = valueAndGradient(at: inputs) { inputs in
      switch loss {
      case .sigmoid:
        sigmoidPairwiseLoss(
          images: inputs[0], texts: inputs[1], logScale: inputs[2], bias: inputs[3], positives: labels,
          logitPrecision: precision)
      case .softmax:
        softmaxPairwiseLoss(
          images: inputs[0], texts: inputs[1], logScale: inputs[2], positives: labels,
          logitPrecision: precision)
      }
    }
    for ranks in [1, 3, 5] {
      let found = try PairLossTests.outcome(loss, batch, ranks: ranks, distribution, precision)
      func isClose(_ found: [Float], _ expected: Tensor) -> Bool {
        Tensor(found, shape: expected.shape).isApproximatelyEqual(
          to: expected, absolute: 1e-6 * expected.abs().max().item())
      }
      #expect(isClose([found.value], value.reshape([1])))
      #expect(isClose(found.images, gradients[0]))
      #expect(isClose(found.texts, gradients[1]))
      #expect(isClose(found.numbers, Tensor([gradients[2].item(), gradients[3].item()])))
    }
  }
}
