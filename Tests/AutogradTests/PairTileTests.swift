import Autograd
import Foundation
import Kernels
import TestSupport
import Testing

/// The pairwise losses a tile of pairs at a time, and of other pairs than all.
@Suite struct PairTileTests {
  private typealias Loss =
    @Sendable (_ inputs: [Variable], PairLabels, _ tile: (rows: Int, columns: Int)?) -> Variable

  private static func sigmoid(_ negatives: NegativeSelection = .all) -> Loss {
    { inputs, labels, tile in
      sigmoidPairwiseLoss(
        images: inputs[0], texts: inputs[1], logScale: inputs[2], bias: Variable(-3), positives: labels,
        negatives: negatives, tile: tile)
    }
  }

  private static let softmax: Loss = { inputs, labels, tile in
    softmaxPairwiseLoss(
      images: inputs[0], texts: inputs[1], logScale: inputs[2], positives: labels, tile: tile)
  }

  private func inputs(images: Int, texts: Int) -> [Variable] {
    var random = Random(seed: 7)
    return [random.normal([images, 8]), random.normal([texts, 8]), Tensor(0.4)].map {
      Variable($0, requiresGradient: true)
    }
  }

  private static let labels: [PairLabels] = [
    .classes(
      images: IndexTensor((0..<70).map { $0 % 9 }), texts: IndexTensor((0..<53).map { $0 % 11 - 1 })),
    PairLabels.lists((0..<70).map { image in (0..<image % 4).map { (image * 5 + $0) % 53 } })
      .excluding((0..<70).map { image in (0..<image % 3).map { (image * 7 + $0) % 53 } }),
  ]

  /// Rounding is all that differs: other sums of partial sums.
  @Test(arguments: [0, 1], [false, true]) func tilesEqualTheWhole(labels: Int, isSoftmax: Bool) throws {
    let loss = isSoftmax ? PairTileTests.softmax : PairTileTests.sigmoid()
    let inputs = inputs(images: 70, texts: 53)
    let whole = loss(inputs, PairTileTests.labels[labels], (70, 53))
    let expected = whole.backward()
    for tile in [(70, 1), (1, 53), (16, 16), (33, 52)] {
      let found = loss(inputs, PairTileTests.labels[labels], tile)
      #expect(abs(found.item() / whole.item() - 1) < 1e-6)
      let gradients = found.backward()
      for input in inputs {
        let scale = expected[input]!.abs().max().item()
        #expect(
          try #require(gradients[input]).isApproximatelyEqual(to: expected[input]!, absolute: 2e-6 * scale))
      }
    }
  }

  /// Logits so far apart that every later tile makes the sums before it vanish, or vanishes beside them.
  @Test(arguments: [[0, 90, -90, 40], [-90, -40, 0, 90], [90, 40, 0, -90]] as [[Float]])
  func sumsOfTilesThatAreFarApart(logits: [Float]) throws {
    let images = Variable(Tensor([[1, 0], [0, 1], [1, 1], [0.5, 0]]), requiresGradient: true)
    let texts = Variable(
      .concatenate([Tensor(logits, shape: [4, 1]), Tensor(logits.reversed(), shape: [4, 1])], axis: 1),
      requiresGradient: true)
    let scale = Variable(Tensor(0), requiresGradient: true)
    func outcome(_ tile: (rows: Int, columns: Int)) -> (Variable, Gradients) {
      let loss = softmaxPairwiseLoss(
        images: images, texts: texts, logScale: scale, positives: .diagonal, tile: tile)
      return (loss, loss.backward())
    }
    let (whole, expected) = outcome((4, 4))
    for tile in [(1, 1), (2, 3), (4, 1)] {
      let (loss, gradients) = outcome(tile)
      #expect(loss.item() == whole.item())
      for input in [images, texts, scale] {
        #expect(gradients[input]!.isApproximatelyEqual(to: expected[input]!, absolute: 1e-5, relative: 1e-6))
      }
    }
  }

  @Test(arguments: [false, true]) func theNumberOfThreadsChangesNoBit(isSoftmax: Bool) {
    let inputs = inputs(images: 70, texts: 53)
    func outcome(threads: Int) -> [Tensor?] {
      ThreadPool.withThreadCount(threads) {
        let loss = (isSoftmax ? PairTileTests.softmax : PairTileTests.sigmoid(.hardest(share: 0.3)))(
          inputs, PairTileTests.labels[1], (32, 16))
        let gradients = loss.backward()
        return [loss.value] + inputs.map { gradients[$0] }
      }
    }
    #expect(outcome(threads: 1) == outcome(threads: 3))
  }

  /// The gradient of the one text coordinate is 0 for pairs that do not count.
  @Test func aShareOfTheNegativesIsDrawn() throws {
    let count = 64
    let images = Variable(.eye(count), requiresGradient: true)
    func kept(_ selection: NegativeSelection) throws -> Tensor {
      let loss = sigmoidPairwiseLoss(
        images: images, texts: Variable(.eye(count)), logScale: Variable(0), bias: Variable(0),
        negatives: selection)
      return try #require(loss.backward()[images]).abs().sign()
    }
    let drawn = try kept(.random(share: 0.25, Random(seed: 1)))
    // 63 negatives, 16 of which count, and the positive.
    #expect(drawn.sum(axes: [1]).scalars == Array(repeating: 17, count: count))
    #expect((drawn * Tensor.eye(count)).sum().item() == Float(count))
    #expect(try kept(.random(share: 0.25, Random(seed: 1))) == drawn)
    #expect(try kept(.random(share: 0.25, Random(seed: 2))) != drawn)
    // Rows draw apart from each other: no column is in nearly all or in none.
    let columns = drawn.sum(axes: [0])
    #expect(columns.min().item() > 5 && columns.max().item() < 35)
    #expect(NegativeSelection.random(share: 0.25, Random(seed: 1)).count(of: 63) == 16)
    #expect(
      NegativeSelection.hardest(share: 1e-9).count(of: 63) == 1 && NegativeSelection.all.count(of: 63) == 63)
  }

  /// Against a choice by sorted logits; a tile does not hold a whole row but where there is a selection.
  @Test(arguments: [false, true]) func theHardestAndTheEasiest(areHardest: Bool) throws {
    let (images, texts) = (30, 21)
    let inputs = inputs(images: images, texts: texts)
    let labels = PairLabels.lists((0..<images).map { [$0 % texts, ($0 * 3) % texts] })
    let loss = PairTileTests.sigmoid(areHardest ? .hardest(share: 0.3) : .easiest(share: 0.3))(
      inputs, labels, (8, 8))
    let products = matmul(inputs[0].value, inputs[1].value.transpose())
    var expected = 0.0
    for image in 0..<images {
      let own = Set([image % texts, (image * 3) % texts])
      let logits = (0..<texts).map { exp(0.4) * Double(products[image, $0].item()) - 3 }
      let negatives = (0..<texts).filter { !own.contains($0) }.map { logits[$0] }.sorted()
      let count = Int((0.3 * Double(negatives.count)).rounded())
      let kept = areHardest ? negatives.suffix(count) : negatives.prefix(count)
      expected += kept.reduce(0) { $0 + log1p(exp($1)) } + own.reduce(0) { $0 + log1p(exp(-logits[$1])) }
    }
    #expect(abs(Double(loss.item()) * Double(images) / expected - 1) < 1e-6)
    let gradient = try #require(loss.backward()[inputs[0]])
    let composed = composedGradient(inputs, labels, areHardest ? .hardest(share: 0.3) : .easiest(share: 0.3))
    #expect(gradient.isApproximatelyEqual(to: composed, absolute: 1e-6, relative: 1e-5))
  }

  private func composedGradient(
    _ inputs: [Variable], _ labels: PairLabels, _ negatives: NegativeSelection
  ) -> Tensor {
    composedSigmoidLoss(
      images: inputs[0], texts: inputs[1], logScale: inputs[2], bias: Variable(-3), labels: labels,
      negatives: negatives, divisor: .images
    ).backward()[inputs[0]]!
  }

  @Test func equalNegativesAreTakenInOrder() throws {
    let images = Variable(.zeros([3, 6]), requiresGradient: true)
    for selection in [NegativeSelection.hardest(share: 0.4), .easiest(share: 0.4)] {
      let loss = sigmoidPairwiseLoss(
        images: images, texts: Variable(.eye(6)), logScale: Variable(0), bias: Variable(0),
        positives: .lists([[0], [1], [5]]), negatives: selection)
      let kept = try #require(loss.backward()[images]).abs().sign()
      #expect(kept == Tensor([[1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 1]]))
    }
  }

  @Test(arguments: [NegativeSelection.all, .hardest(share: 0.5), .easiest(share: 0.5)])
  func whatIsNotANumberShows(_ selection: NegativeSelection) {
    var numbers = Tensor.zeros([4, 4])
    numbers[2, 3] = Tensor(Float.nan)
    let loss = sigmoidPairwiseLoss(
      images: Variable(numbers), texts: Variable(.ones([4, 4])), logScale: Variable(0), bias: Variable(0),
      negatives: selection)
    #expect(loss.item().isNaN)
  }

  @Test func dividedByTexts() {
    let inputs = inputs(images: 12, texts: 4)
    let labels = PairLabels.classes(
      images: IndexTensor((0..<12).map { $0 / 3 }), texts: IndexTensor(Array(0..<4)))
    func loss(_ divisor: PairwiseDivisor) -> Float {
      sigmoidPairwiseLoss(
        images: inputs[0], texts: inputs[1], logScale: inputs[2], bias: Variable(-3), positives: labels,
        divisor: divisor
      ).item()
    }
    #expect(abs(loss(.texts) / (3 * loss(.images)) - 1) < 1e-6)
  }

  @Test func pairsThatAreLeftOutCount() {
    let labels = PairLabels.diagonal.excluding([[1, 2, 2], [], [0]])
    #expect(labels.pairCount(images: 3, texts: 3) == 6)
  }

  /// All logits would be 268 MB.
  @Test(arguments: [false, true]) func memoryDoesNotGrowWithThePairs(isSoftmax: Bool) async {
    await #expect(processExitsWith: .success) { [isSoftmax] in
      var random = Random(seed: 6)
      let inputs = (0..<2).map { _ in Variable(random.normal([8192, 4]), requiresGradient: true) }
      let scale = Variable(Tensor(0), requiresGradient: true)
      MemoryPool.shared.resetPeak()
      let before = MemoryPool.shared.usedBytes
      let loss = (isSoftmax ? PairTileTests.softmax : PairTileTests.sigmoid())(
        inputs + [scale], .diagonal, nil)
      let gradients = 2 * 8192 * 4 * 4
      #expect(MemoryPool.shared.peakBytes - before - gradients < 10 << 20)
      #expect(loss.requiresGradient)
    }
  }

  @Test func labelsThatDoNotFitTrap() async {
    await #expect(processExitsWith: .failure) {
      _ = PairTileTests.softmax(
        (0..<2).map { _ in Variable(.zeros([3, 2])) } + [Variable(0)], .lists([[0], [3], []]), nil)
    }
    await #expect(processExitsWith: .failure) {
      _ = PairTileTests.softmax(
        (0..<2).map { _ in Variable(.zeros([3, 2])) } + [Variable(0)], .lists([[0], [1]]), nil)
    }
    await #expect(processExitsWith: .failure) { _ = PairLabels.diagonal.excluding([[-1]]) }
    await #expect(processExitsWith: .failure) {
      _ = PairTileTests.sigmoid(.hardest(share: 0))(
        (0..<2).map { _ in Variable(.zeros([3, 2])) } + [Variable(0)], .diagonal, nil)
    }
  }
}
