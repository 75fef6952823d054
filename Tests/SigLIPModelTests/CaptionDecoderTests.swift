import TestSupport
import Testing

import SigLIPModel

/// The decoder against `Fixtures/captioning.py`, and the tokens of images that it looks at.
@Suite struct CaptionDecoderTests {
  private static func configuration(
    _ output: CaptionConfiguration.Output, memoryWidth: Int = 8
  ) -> CaptionConfiguration {
    var result = CaptionConfiguration(
      vocabularySize: 13, contextLength: 6, width: 8, depth: 2, heads: 2, hiddenWidth: 12,
      memoryWidth: memoryWidth, startToken: 0, endToken: 1)
    result.output = output
    result.attentionHasBias = output == .tokenTable
    return result
  }

  @Test(arguments: ["cappa", "tied"])
  func logitsLossAndGradientsAreThoseOfPyTorch(_ name: String) throws {
    let arrays = try SafetensorsFile(fixture("captioning.safetensors"))
    func expected(_ array: String) throws -> Tensor { try arrays.tensor(named: "\(name)/\(array)") }
    func expect(_ found: Tensor, equals array: String) throws {
      let tensor = try expected(array)
      CheckpointReference.expect(found, tensor, largest: tensor.abs().max().item(), "\(name) \(array)")
    }
    var random = Random(seed: 1)
    let memory = Variable(try expected("memory"), requiresGradient: true)
    let decoder = CaptionDecoder(
      Self.configuration(name == "tied" ? .tokenTable : .linear(bias: true), memoryWidth: memory.shape[2]),
      random: &random)
    let paths = decoder.namedParameters().map(\.path)
    try decoder.load(
      Dictionary(uniqueKeysWithValues: paths.map { ($0, try expected("weights/\($0)")) }))
    let texts = try arrays.indices(named: "\(name)/tokens")
    try expect(decoder(texts[0..., ..<(-1)], memory: memory).value, equals: "logits")
    let loss = decoder.loss(texts, memory: memory)
    try expect(loss.value, equals: "loss")
    let gradients = loss.backward()
    // Softmax gives the same whatever is added to all of its scores: these gradients are rounding alone.
    for (path, parameter) in decoder.namedParameters() where !path.hasSuffix("key.bias") {
      try expect(try #require(gradients[parameter]), equals: "gradient/\(path)")
    }
    try expect(try #require(gradients[memory]), equals: "gradient/memory")
    #expect(arrays.names.count { $0.hasPrefix("\(name)/weights/") } == paths.count)
  }

  @Test func rowsAreStartTextEnd() {
    let configuration = Self.configuration(.tokenTable)
    #expect(
      configuration.rows(of: [[], [4, 5], [2, 3, 4, 5, 6, 7], [2, 3, 4, 5, 6, 7, 8, 9], [2, 3, 4, 5, 6]])
        == IndexTensor(
          [
            0, 1, 1, 1, 1, 1, 1, 0, 4, 5, 1, 1, 1, 1, 0, 2, 3, 4, 5, 6, 7, 0, 2, 3, 4, 5, 6, 7,
            0, 2, 3, 4, 5, 6, 1,
          ] as [Int], shape: [5, 7]))
  }

  /// What fills up a text changes neither value nor gradients, and a short text may as well stand in a short row.
  @Test func whatStandsBehindTheEndCountsForNothing() {
    var random = Random(seed: 3)
    let configuration = Self.configuration(.tokenTable)
    let decoder = CaptionDecoder(configuration, random: &random)
    let memory = Variable(random.normal([2, 3, 8]))
    func results(_ texts: IndexTensor) -> [Tensor] {
      let loss = decoder.loss(texts, memory: memory)
      let gradients = loss.backward()
      return [loss.value] + decoder.parameters.compactMap { gradients[$0] }
    }
    let found = results(configuration.rows(of: [[4, 5], [6]]))
    #expect(found.count == decoder.parameters.count + 1)
    let others = [
      IndexTensor([0, 4, 5, 1, 9, 0, 12, 0, 6, 1, 1, 2, 3, 4] as [Int], shape: [2, 7]),
      IndexTensor([0, 4, 5, 1, 0, 6, 1, 7] as [Int], shape: [2, 4]),
    ]
    for texts in others {
      for (a, b) in zip(found, results(texts)) {
        #expect(a.isApproximatelyEqual(to: b, absolute: 1e-6, relative: 1e-5))
      }
    }
    #expect(
      results(IndexTensor([0, 4, 5, 1, 0, 7, 1, 1] as [Int], shape: [2, 4]))[0].item() != found[0].item())
  }

  @Test(arguments: [
    TowerTests.transformer, TowerTests.naFlex,
    VisionConfiguration(
      imageSize: 12, patchSize: 4, width: 16, depth: 2, heads: 2, hiddenWidth: 20, pooling: .classToken),
  ])
  func gradientsOfImagesAndTextsAgreeWithDifferences(_ vision: VisionConfiguration) throws {
    var random = Random(seed: 6)
    var sizes = Self.configuration(.linear(bias: false), memoryWidth: vision.tokenWidth)
    sizes.depth = 1
    let model = Captioner(vision: vision, sizes, random: &random)
    model.evaluate()
    let output = try #require(model.decoder.output)
    output.weight.value = random.normal(output.weight.shape, standardDeviation: 0.4)
    let texts = sizes.rows(of: [[4, 5], [6]])
    let pixels = random.uniform([2, 3, vision.imageSize, vision.imageSize], in: -1..<1)
    let check = checkGradients(at: [pixels], directions: 3) { model.loss(images: $0[0], texts: texts) }
    #expect(check.passes, "\(check)")
    #expect(model.image.tokens(Variable(pixels)).shape[2] == vision.tokenWidth)
    let gradients = model.loss(images: Variable(pixels), texts: texts).backward()
    for (path, parameter) in model.namedParameters() {
      let isPool = path.hasPrefix("image.head")
      #expect((gradients[parameter] == nil) == isPool, "\(path)")
    }
  }

  /// What towers pool are these tokens.
  @Test func tokensAreWhatIsPooled() throws {
    var random = Random(seed: 7)
    for vision in [TowerTests.transformer, TowerTests.naFlex] {
      let tower = vision.tower(random: &random)
      let pixels = Variable(random.uniform([2, 3, 12, 12], in: -1..<1))
      let tokens = tower.tokens(pixels)
      #expect(tokens.shape == [2, 9, 16])
      let head = try #require(
        (tower as? VisionTransformer)?.head ?? (tower as? NaFlexVisionTransformer)?.head)
      #expect(head(tokens).value == tower(pixels).value)
      let projected = ProjectedTower(tower, projection: Linear(inputs: 16, outputs: 3, random: &random))
      #expect(projected.tokens(pixels).value == tokens.value)
    }
    let network = ModifiedResNet(
      .resNet(imageSize: 64, stages: [1, 1, 1, 1], channels: 4, width: 8), random: &random)
    network.evaluate()
    let images = Variable(random.uniform([2, 3, 64, 64], in: -1..<1))
    let places = network.tokens(images)
    #expect(places.shape == [2, 4, network.configuration.tokenWidth])
    #expect(network.pool(places.transpose().reshape([2, 128, 2, 2])).value == network(images).value)
    var vision = TowerTests.transformer
    vision.pooling = .classToken
    let tower = vision.tower(random: &random)
    let pixels = Variable(random.uniform([2, 3, 12, 12], in: -1..<1))
    #expect(tower.tokens(pixels).shape == [2, 10, 16])
    #expect(tower.tokens(pixels).value.select(0, axis: 1) == tower(pixels).value)
  }

  /// With and without a tape, which take different ways.
  @Test func tokensOfEfficientNetHaveItsFeatureAsMean() throws {
    let tower = try EfficientNetLite0(
      path: exampleData("efficientnet-lite0.safetensors"), hasClassifier: false)
    var random = Random(seed: 8)
    let pixels = Variable(random.uniform([2, 3, 96, 64], in: -1..<1))
    let recorded = (tower.tokens(pixels).value, tower(pixels).value)
    tower.freeze()
    let inferred = (tower.tokens(pixels).value, tower(pixels).value)
    for (tokens, features) in [recorded, inferred] {
      #expect(tokens.shape == [2, 6, 1280])
      #expect(tokens.mean(axes: [1]).isApproximatelyEqual(to: features, absolute: 1e-5, relative: 1e-5))
    }
    #expect(recorded.0.isApproximatelyEqual(to: inferred.0, absolute: 2e-4, relative: 1e-4))
    #expect(Set(inferred.0[0, 0, ..<20].scalars) != Set(inferred.0[0, 1, ..<20].scalars))
  }
}
