import Autograd
import Foundation
import Kernels
import TestSupport
import Testing

/// Golden numbers are in double precision.
@Suite struct PairwiseLossTests {
  /// The loss and all its gradients.
  struct Outcome: Equatable {
    let loss: Float
    let images, texts, logScale, bias: Tensor?
  }

  func sigmoid(
    _ images: Tensor, _ texts: Tensor, scale: Float = 10, bias: Float = -10,
    _ positives: PairLabels = .diagonal,
    rows: Int = 16, columns: Int = 1024
  ) -> Outcome {
    let leaves = [images, texts, Tensor(log(scale)), Tensor(bias)].map {
      Variable($0, requiresGradient: true)
    }
    let loss = sigmoidPairwiseLoss(
      images: leaves[0], texts: leaves[1], logScale: leaves[2], bias: leaves[3], positives: positives,
      tile: (rows, columns))
    let found = loss.backward()
    return Outcome(
      loss: loss.item(), images: found[leaves[0]], texts: found[leaves[1]], logScale: found[leaves[2]],
      bias: found[leaves[3]])
  }

  func isClose(_ found: Float?, _ golden: Double, _ relative: Double = 3e-7) -> Bool {
    abs(Double(found ?? .nan) - golden) <= relative * abs(golden)
  }

  /// Unit vectors of random directions.
  func directions(_ count: Int, _ features: Int, _ random: inout Random) -> Tensor {
    let vectors = random.normal([count, features])
    return vectors / vectors.norm(axes: [1], keepDimensions: true)
  }

  @Test(arguments: [(4, 10.00018159559687), (16384, 10.743815564769111)])
  func orthogonalPairs(_ count: Int, golden: Double) {
    let zeros = Variable(Tensor.zeros([count, 2]))
    let loss = sigmoidPairwiseLoss(
      images: zeros, texts: zeros, logScale: Variable(log(10)), bias: Variable(-10))
    // Equal terms add up without luck: rounding errors of long sums would all have one sign.
    #expect(isClose(loss.item(), golden))
    #expect(!loss.requiresGradient)
  }

  @Test func orthonormalPairs() {
    #expect(isClose(sigmoid(.eye(4), .eye(4)).loss, 0.6932833772575959))
  }

  @Test func threePairsGiveTheGoldenLossAndGradients() {
    let products = Tensor([[0.9, 0.1, -0.2], [0.3, 0.7, 0], [-0.5, 0.2, 0.6]])
    let outcome = sigmoid(products, .eye(3))
    #expect(isClose(outcome.loss, 2.7938070303403775))
    #expect(isClose(outcome.logScale?.item(), -6.3787051350315815))
    #expect(isClose(outcome.bias?.item(), -0.888074950547987))
  }

  @Test(arguments: [(64, [(64, 64), (32, 64), (8, 5), (1, 64)]), (70, [(8, 16), (70, 1)])])
  func tilesEqualTheWhole(_ count: Int, tiles: [(Int, Int)]) throws {
    var random = Random(seed: 3)
    let (images, texts) = (directions(count, 24, &random), directions(count, 24, &random))
    let inputs = [images, texts, Tensor(log(10)), Tensor(-10)]
    let leaves = inputs.map { Variable($0, requiresGradient: true) }
    let logits = matmul(leaves[0], leaves[1].transpose()) * leaves[2].exp() + leaves[3]
    let signs = Variable(Tensor.eye(count) * 2 - 1)
    let whole = -(logits * signs).logSigmoid().sum() / Float(count)
    let expected = whole.backward()
    for (rows, columns) in tiles {
      let outcome = sigmoid(images, texts, rows: rows, columns: columns)
      #expect(isClose(outcome.loss, Double(whole.item()), 1e-6))
      let found = [outcome.images, outcome.texts, outcome.logScale, outcome.bias]
      for (leaf, gradient) in zip(leaves, found) {
        let expected = try #require(expected[leaf])
        let scale = expected.abs().max().item()
        #expect(
          try #require(gradient).isApproximatelyEqual(to: expected, absolute: 1e-6 * scale, relative: 1e-5))
      }
    }
  }

  @Test func theNumberOfThreadsChangesNoBit() {
    var random = Random(seed: 4)
    let (images, texts) = (directions(300, 16, &random), directions(300, 16, &random))
    let one = ThreadPool.withThreadCount(1) { sigmoid(images, texts, rows: 128) }
    let two = ThreadPool.withThreadCount(2) { sigmoid(images, texts, rows: 128) }
    #expect(one == two)
  }

  /// Logits of -130 to 110, with pairs on the wrong side: a wrong pair costs its logit, a right one nothing.
  @Test func largeScalesNeitherOverflowNorLoseTheSmallEnd() throws {
    let outcome = sigmoid(Tensor([[1, 0], [0, 1]]), Tensor([[-1, 0], [0, 1]]), scale: 120)
    // Pair 0 has logit -130, pair 1 has 110, the others -10.
    let expected = (130 + log1p(exp(-110.0)) + 2 * log1p(exp(-10.0))) / 2
    #expect(isClose(outcome.loss, expected))
    for gradient in [outcome.images, outcome.texts, outcome.logScale, outcome.bias] {
      #expect(try #require(gradient).scalars.allSatisfy(\.isFinite))
    }
    // The gradient of a pair that is right by 30 is e^-30 and not 0.
    let right = sigmoid(Tensor([[1]]), Tensor([[1]]), scale: 40)
    #expect(isClose(right.loss, exp(-30.0), 1e-5))
    #expect(isClose(right.bias?.item(), -exp(-30.0), 1e-5))
  }

  @Test func captionsOfOneImageAreAllPositives() {
    // Two images, three texts, the first two texts belong to the first image: with logits all b the loss is known.
    let labels = PairLabels.classes(
      images: IndexTensor([7, 8] as [Int]), texts: IndexTensor([7, 7, 8] as [Int]))
    let outcome = sigmoid(.zeros([2, 4]), .zeros([3, 4]), labels)
    let (positive, negative) = (10.000045398899218, 4.539889921686465e-05)
    #expect(isClose(outcome.loss, (3 * positive + 3 * negative) / 2))
    let sigmoid = 1 / (1 + exp(10.0))
    #expect(isClose(outcome.bias?.item(), (3 * (sigmoid - 1) + 3 * sigmoid) / 2))
  }

  @Test func theIncomingGradientScalesTheSavedOnes() throws {
    var random = Random(seed: 5)
    let images = Variable(directions(5, 3, &random), requiresGradient: true)
    let texts = Variable(directions(5, 3, &random))
    func loss() -> Variable {
      sigmoidPairwiseLoss(images: images, texts: texts, logScale: Variable(2), bias: Variable(-3))
    }
    let once = try #require(loss().backward()[images])
    let scaled = try #require((loss() * 3).backward()[images])
    #expect(scaled.isApproximatelyEqual(to: once * 3, absolute: 0, relative: 1e-6))
  }

  @Test func theSoftmaxLossAgreesWithPyTorch() throws {
    let file = try SafetensorsFile(fixture("attention.safetensors"))
    let names = ["clip.images", "clip.texts", "clip.scale"]
    let leaves = try names.map { Variable(try file.tensor(named: $0), requiresGradient: true) }
    let loss = softmaxPairwiseLoss(images: leaves[0], texts: leaves[1], logScale: leaves[2])
    #expect(isClose(loss.item(), Double(try file.tensor(named: "clip.loss").item()), 1e-6))
    let found = loss.backward()
    for (name, leaf) in zip(names, leaves) {
      let expected = try file.tensor(named: "\(name).gradient")
      #expect(try #require(found[leaf]).isApproximatelyEqual(to: expected, absolute: 1e-6, relative: 1e-5))
    }
  }

  @Test func theSoftmaxLossStaysFiniteAtLargeScales() throws {
    let images = Variable(Tensor([[1, 0], [0, 1]]), requiresGradient: true)
    let texts = Variable(Tensor([[-1, 0], [0, 1]]), requiresGradient: true)
    let loss = softmaxPairwiseLoss(images: images, texts: texts, logScale: Variable(log(120)))
    // Rows: logits (-120, 0) and (0, 120); columns: (-120, 0) and (0, 120).
    #expect(isClose(loss.item(), 60))
    #expect(try #require(loss.backward()[images]).scalars.allSatisfy(\.isFinite))
  }
}
