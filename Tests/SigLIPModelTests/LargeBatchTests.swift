import SigLIPModel
import Testing

/// A batch whose towers are computed in parts gives the gradients of the whole, those of temperature and bias too, which
/// accumulation by losses of their own would give as many times too large as there are parts. Texts have dropout.
@Suite struct LargeBatchTests {
  private func model() -> SigLIP {
    var random = Random(seed: 3)
    let configuration = SigLIPConfiguration(
      vision: VisionConfiguration(
        imageSize: 16, patchSize: 8, width: 16, depth: 2, heads: 2, hiddenWidth: 24),
      text: TextConfiguration(
        vocabularySize: 40, contextLength: 6, width: 16, depth: 2, heads: 2, hiddenWidth: 24, outputWidth: 16,
        dropout: 0.3))
    return SigLIP(configuration, random: &random)
  }

  @Test(arguments: [(1, 1), (2, 5), (3, 4), (100, 2)], [false, true])
  func gradientsAreThoseOfTheWhole(atATime: (Int, Int), isSoftmax: Bool) throws {
    var random = Random(seed: 4)
    let pixels = Variable(random.normal([5, 3, 16, 16]))
    let tokens = IndexTensor((0..<7 * 6).map { _ in random.nextInt(below: 40) }, shape: [7, 6])
    let labels = PairLabels.lists([[0], [1, 2], [3], [4, 5], []]).excluding([[], [], [], [], [6]])
    let loss: PairLoss = isSoftmax ? .softmax : .sigmoid(divisor: .texts)
    let precision: MatmulPrecision = atATime == (2, 5) ? .bfloat16 : .float32
    let (plain, parts) = (model(), model())
    let whole = loss(
      plain, images: plain.embed(images: pixels), texts: plain.embed(texts: tokens), positives: labels,
      logitPrecision: precision)
    let found = parts.loss(
      images: pixels, texts: tokens, atATime: atATime, positives: labels, loss: loss,
      logitPrecision: precision)
    #expect(whole.value == found.value)
    let (expected, gradients) = (whole.backward(), found.backward())
    let largest = plain.parameters.compactMap { expected[$0.variable]?.abs().max().item() }.max() ?? 0
    for (a, b) in zip(plain.namedParameters(), parts.namedParameters()) {
      guard let wanted = expected[a.parameter.variable] else {
        // The softmax loss has no bias.
        #expect(isSoftmax && a.path == "logitBias" && gradients[b.parameter.variable] == nil)
        continue
      }
      let gradient = try #require(gradients[b.parameter.variable])
      // The gradients of keys' biases are 0 but for rounding.
      #expect(
        gradient.isApproximatelyEqual(
          to: wanted, absolute: Swift.max(1e-5 * wanted.abs().max().item(), 1e-7 * largest)), "\(a.path)")
    }
  }

  /// Images of several shapes, in one piece and in parts, with blocks that are computed again and without.
  @Test func patchesGiveTheGradientsOfTheirEmbeddings() throws {
    func model(rematerializes: Bool) throws -> SigLIP {
      let model = TowerTests.model(TowerTests.configuration(TowerTests.naFlex))
      try #require(model.image.transformer).rematerializesBlocks = rematerializes
      return model
    }
    var random = Random(seed: 7)
    let patches = PatchSequences(
      images: [(8, 12), (4, 4), (12, 8), (4, 20), (8, 8)].map { height, width in
        random.uniform([3, height, width], in: -1..<1)
      }, patchSize: 4)
    let tokens = IndexTensor((0..<5 * 5).map { _ in random.nextInt(below: 30) }, shape: [5, 5])
    let plain = try model(rematerializes: false)
    let whole = sigmoidPairwiseLoss(
      images: plain.embed(patches: patches), texts: plain.embed(texts: tokens),
      logScale: plain.logitScale.variable, bias: try #require(plain.logitBias).variable)
    let expected = whole.backward()
    #expect(expected[plain.parameters[0]] != nil)
    for rematerializes in [false, true] {
      for size in [nil, 2, 5] {
        let model = try model(rematerializes: rematerializes)
        let loss =
          size.map { model.loss(patches: patches, texts: tokens, atATime: ($0, 3)) }
          ?? model.loss(patches: patches, texts: tokens)
        #expect(loss.value == whole.value)
        let gradients = loss.backward()
        for (a, b) in zip(plain.namedParameters(), model.namedParameters()) {
          let (wanted, found) = (try #require(expected[a.parameter]), try #require(gradients[b.parameter]))
          let largest = wanted.abs().max().item()
          #expect(
            found.isApproximatelyEqual(to: wanted, absolute: Swift.max(1e-5 * largest, 1e-7)), "\(a.path)")
        }
      }
    }
  }

  /// What a probe sees of the towers and inside of them is what it sees of the whole batch, and changes nothing.
  @Test func probesSeeTheTowersOnce() {
    var random = Random(seed: 5)
    let pixels = Variable(random.normal([5, 3, 16, 16]))
    let tokens = IndexTensor((0..<5 * 6).map { _ in random.nextInt(below: 40) }, shape: [5, 6])
    func numbers(atATime: (Int, Int), isProbed: Bool) -> (loss: Tensor, numbers: [String: Double]) {
      let model = model()
      let paths = ["image", "image.head", "image.encoder.blocks.1", "text", "text.encoder"]
      let probe = isProbed ? ModuleProbe(model, at: paths) : nil
      probe?.start()
      let loss = model.loss(images: pixels, texts: tokens, atATime: atATime)
      _ = loss.backward()
      return (loss.value, probe?.finish() ?? [:])
    }
    let (whole, parts) = (numbers(atATime: (5, 5), isProbed: true), numbers(atATime: (2, 3), isProbed: true))
    #expect(whole.loss == numbers(atATime: (5, 5), isProbed: false).loss && whole.loss == parts.loss)
    #expect(whole.numbers.count == 5 * 8 && Set(whole.numbers.keys) == Set(parts.numbers.keys))
    for (name, number) in whole.numbers {
      #expect(abs(number - (parts.numbers[name] ?? .nan)) <= 1e-5 * max(1, abs(number)), "\(name)")
    }
    #expect(whole.numbers["gradient/largest/text"]! > 0 && whole.numbers["output/deviation/image.head"]! > 0)
  }

  /// A locked tower needs no second pass, and nothing of it is kept.
  @Test func aLockedTowerIsComputedOnce() {
    let model = model()
    for parameter in model.image.parameters { parameter.isFrozen = true }
    var calls = 0
    let tokens = IndexTensor(Array(repeating: 1, count: 24), shape: [4, 6])
    let loss = model.loss(
      images: 4, texts: 4, atATime: (2, 2),
      embedImages: {
        calls += 1
        return model.embed(images: Variable(.ones([$0.count, 3, 16, 16])))
      }, embedTexts: { model.embed(texts: tokens[$0]) })
    _ = loss.backward()
    #expect(calls == 2)
  }

  @Test func onlyTheSoftmaxLossLimitsTheTemperature() {
    let model = model()
    model.logitScale.value = Tensor([5])
    PairLoss.sigmoid().limitTemperature(of: model)
    #expect(model.logitScale.value.item() == 5)
    PairLoss.softmax.limitTemperature(of: model)
    #expect(abs(model.logitScale.value.exp().item() - 100) < 1e-4)
    model.logitScale.value = Tensor([2])
    PairLoss.softmax.limitTemperature(of: model)
    #expect(model.logitScale.value.item() == 2)
  }
}
