import Foundation
import TestSupport
import Testing

import SigLIPModel

/// Towers that no published model has: EfficientNet, a projection behind the image tower, a narrow token table.
@Suite struct TowerTests {
  /// A model with everything that can be chosen.
  static func configuration(
    _ vision: VisionConfiguration = .efficientNetLite0(imageSize: 48), projection: ImageProjection? = nil
  ) -> SigLIPConfiguration {
    SigLIPConfiguration(
      vision: vision,
      imageProjection: projection ?? ImageProjection(width: 12, normalizesFeatures: true, hasBias: true),
      text: TextConfiguration(
        vocabularySize: 30, contextLength: 5, width: 16, depth: 1, heads: 2, hiddenWidth: 24, outputWidth: 12,
        pooling: .mean, tokenBottleneck: 6))
  }

  static let transformer = VisionConfiguration(
    imageSize: 12, patchSize: 4, width: 16, depth: 2, heads: 2, hiddenWidth: 20)

  static var naFlex: VisionConfiguration {
    var result = transformer
    result.isNaFlex = true
    return result
  }

  /// A model whose biases and normalisation are no zeros and ones.
  static func model(_ configuration: SigLIPConfiguration, seed: UInt64 = 3) -> SigLIP {
    var random = Random(seed: seed)
    let model = SigLIP(configuration, random: &random)
    for parameter in model.parameters where parameter.shape.count == 1 {
      parameter.value = parameter.value + random.normal(parameter.shape, standardDeviation: 0.1)
    }
    for (_, buffer) in model.namedBuffers() {
      buffer.value = buffer.value + random.uniform(buffer.value.shape, in: 0..<0.5)
    }
    return model
  }

  @Test(arguments: [VisionConfiguration.efficientNetLite0(imageSize: 48), transformer, naFlex])
  func parametersAreThoseOfTheModel(_ vision: VisionConfiguration) {
    for projection in [
      ImageProjection(width: 12), ImageProjection(width: 12, normalizesFeatures: true, hasBias: true),
    ] {
      let configuration = Self.configuration(vision, projection: projection)
      let model = SigLIP.outline(configuration)
      #expect(configuration.parameterCount == model.parameters.reduce(0) { $0 + $1.shape.elementCount })
      #expect(model.namedBuffers().count == (projection.normalizesFeatures ? 2 : 0))
      #expect(configuration.embeddingWidth == 12)
    }
  }

  /// 4,652,008 as published, of which batch normalisation's scales, one for each channel, are folded away.
  @Test func efficientNetHasThePublishedSize() throws {
    let tower = try EfficientNetLite0(
      path: exampleData("efficientnet-lite0.safetensors"), hasClassifier: false)
    let vision = VisionConfiguration.efficientNetLite0()
    var random = Random(seed: 1)
    let made = EfficientNetLite0(random: &random)
    #expect(made.namedParameters().map(\.path) == tower.namedParameters().map(\.path))
    #expect(made.parameters.map(\.shape) == tower.parameters.map(\.shape))
    let count = tower.parameters.reduce(0) { $0 + $1.shape.elementCount }
    let configuration = Self.configuration(vision)
    #expect(SigLIP.outline(configuration).image.parameters.count == tower.parameters.count + 2)
    let biases = tower.namedParameters().filter { $0.path.hasSuffix("bias") }
      .reduce(0) { $0 + $1.parameter.shape.elementCount }
    #expect(count + biases + 1281 * 1000 == 4_652_008)
    // TensorFlow's model card says 407 million multiply-adds, the classifier's 1.28 million among them.
    let adds = configuration.imageMultiplyAdds - 1280 * 12 + 1280 * 1000
    #expect((380_000_000..<412_000_000).contains(adds), "\(adds)")
  }

  /// Weights that were trained on features which were computed once give the embeddings that the whole model gives.
  @Test(arguments: [VisionConfiguration.efficientNetLite0(imageSize: 48), transformer])
  func aProjectionOfFeaturesIsPutBehindItsTower(_ vision: VisionConfiguration) throws {
    let source = Self.model(Self.configuration(vision))
    guard let projected = source.image as? ProjectedTower else {
      Issue.record("the image tower is \(source.image)")
      return
    }
    projected.tower.freeze()
    var random = Random(seed: 5)
    let pixels = random.uniform([5, 3, vision.imageSize, vision.imageSize], in: -1..<1)
    let features = withoutGradients { projected.tower(Variable(pixels)).value }
    #expect(features.shape == [5, vision.width])

    let projection = FeatureProjection(
      ImageProjection(width: 12, normalizesFeatures: false, hasBias: true), inputs: vision.width,
      random: &random)
    let normalized = FeatureProjection(
      normalization: FeatureNormalization(of: features), projection: projection.projection)
    let trained = source.replacingImageTower(normalized)
    #expect(
      trained.namedParameters().map(\.path).filter { $0.hasPrefix("image.") } == [
        "image.projection.weight", "image.projection.bias",
      ])
    let whole = trained.replacingImageTower(ProjectedTower(projected.tower, normalized))
    #expect(whole.text === source.text && whole.logitBias === source.logitBias)
    #expect(Set(trained.stateDictionary().keys).isSubset(of: whole.stateDictionary().keys))
    #expect(Set(whole.stateDictionary().keys) == Set(source.stateDictionary().keys))
    let expected = trained.embed(images: Variable(features)).value
    for row in 0..<5 {
      let one = whole.embed(images: Variable(pixels.slice(row..<row + 1, axis: 0))).value
      #expect(one.scalars == expected.slice(row..<row + 1, axis: 0).contiguous().scalars)
    }
    let weight = projection.projection.weight.value
    let bias = try #require(projection.projection.bias).value
    let normalization = try #require(normalized.normalization)
    let standard = (features - normalization.mean.value) / normalization.deviation.value
    let composed = withoutGradients {
      Variable(standard.matmul(weight.transpose()) + bias).normalized().value
    }
    #expect(expected.isApproximatelyEqual(to: composed, absolute: 1e-5, relative: 1e-5))
    // What the normalisation says of itself.
    #expect(standard.mean(axes: [0]).abs().max().item() < 1e-4)
    let gradient = trained.embed(images: Variable(features)).sum().backward()
    #expect(gradient[projection.projection.weight] != nil)
  }

  @Test func projectedNaFlexTowersTakePatches() {
    let configuration = Self.configuration(Self.naFlex)
    let model = Self.model(configuration)
    var random = Random(seed: 6)
    let images = [random.uniform([3, 8, 12], in: -1..<1), random.uniform([3, 4, 4], in: -1..<1)]
    let together = model.embed(patches: PatchSequences(images: images, patchSize: 4)).value
    #expect(together.shape == [2, 12])
    for (row, image) in images.enumerated() {
      let alone = model.embed(images: Variable(image.unsqueeze(0))).value
      #expect(alone.scalars == together.slice(row..<row + 1, axis: 0).contiguous().scalars)
    }
  }

  @Test func narrowTokenTablesAreBroughtToTheWidth() throws {
    var configuration = Self.configuration().text
    (configuration.depth, configuration.vocabularySize, configuration.tokenBottleneck) = (1, 4000, 48)
    configuration.width = 96
    var random = Random(seed: 8)
    let tower = TextTransformer(configuration, random: &random)
    let projection = try #require(tower.tokenProjection)
    #expect(tower.tokenEmbedding.table.shape == [4000, 48] && projection.weight.shape == [96, 48])
    #expect(projection.bias == nil)
    let tokens = IndexTensor([7, 19, 3, 0, 3999], shape: [1, 5])
    let rows = tower.tokenEmbedding.table.value.take(tokens, axis: 0).matmul(
      projection.weight.value.transpose())
    let hidden = tower.encoder(Variable(rows) + tower.positionEmbedding.variable)
    let expected = withoutGradients { tower.projection!(hidden.mean(axes: [1])).value }
    let found = tower(tokens)
    #expect(found.value.isApproximatelyEqual(to: expected, absolute: 1e-5, relative: 1e-5))
    let gradients = found.sum().backward()
    #expect(gradients[projection.weight] != nil && gradients[tower.tokenEmbedding.table] != nil)
    // Tokens start with the variance of an embedding as wide as they are.
    let all = tower.tokenEmbedding.table.value.matmul(projection.weight.value.transpose())
    let variance = all.square().mean().item()
    #expect(abs(variance * 96 - 1) < 0.1, "\(variance)")
    var plain = configuration
    plain.tokenBottleneck = nil
    func model(_ text: TextConfiguration) -> SigLIPConfiguration {
      SigLIPConfiguration(vision: Self.transformer, imageProjection: ImageProjection(width: 12), text: text)
    }
    #expect(
      model(configuration).textMultiplyAdds - model(plain).textMultiplyAdds
        == configuration.contextLength * 48 * 96)
  }

  @Test func resizedModelsKeepWhatHasNoPositions() throws {
    let pixels = Random(seed: 2)
    var random = pixels
    for vision in [VisionConfiguration.efficientNetLite0(imageSize: 48), Self.transformer] {
      let configuration = Self.configuration(vision)
      let checkpoint = SigLIPCheckpoint(model: Self.model(configuration), configuration: configuration)
      let resized = checkpoint.resized(imageSize: vision.imageSize * 2)
      #expect(resized.configuration.vision.imageSize == vision.imageSize * 2)
      let (before, after) = (checkpoint.model.stateDictionary(), resized.model.stateDictionary())
      #expect(before.keys == after.keys)
      for (path, value) in before where path != "image.tower.positionEmbedding" {
        #expect(after[path] == value, "\(path)")
      }
      if vision.architecture == .transformer {
        let positions = try #require(before["image.tower.positionEmbedding"])
        #expect(
          after["image.tower.positionEmbedding"] == PositionResize.bicubic(positions, height: 6, width: 6))
      }
      let size = vision.imageSize * 2
      let embedding = resized.model.embed(images: Variable(random.normal([1, 3, size, size]))).value
      #expect(embedding.scalars.allSatisfy { $0.isFinite })
    }
  }

  /// Set on a model that was read, behind a projection too.
  @Test func whatTowersDoWhileTrainingIsReached() async throws {
    let model = Self.model(Self.configuration(Self.transformer))
    let encoder = try #require((model.image as? ProjectedTower)?.tower as? VisionTransformer).encoder
    #expect(model.image.transformer === encoder)
    var random = Random(seed: 4)
    model.image.patchDropout = PatchDropout(probability: 0.5, random: &random)
    let pixels = Variable(random.normal([1, 3, 12, 12]))
    var tokens = 0
    let hook = model.addForwardHook(at: "image.tower.encoder") { inputs, _ in
      tokens = inputs[0].shape[1]
    }
    _ = model.embed(images: pixels)
    #expect(tokens == 4)
    model.image.patchDropout = nil
    _ = model.embed(images: pixels)
    #expect(tokens == 9)
    withExtendedLifetime(hook) {}
    #expect(SigLIP.outline(Self.configuration(Self.naFlex)).image.transformer != nil)
    #expect(SigLIP.outline(Self.configuration()).image.transformer == nil)
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var random = Random(seed: 4)
      SigLIP.outline(Self.configuration()).image.patchDropout = PatchDropout(
        probability: 0.5, random: &random)
    }
    let line = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(line.contains("patchDropout: a EfficientNetLite0 leaves out no patches"), "\(line)")
  }

  @Test func modelsOfAllKindsAreFrozen() throws {
    for vision in [VisionConfiguration.efficientNetLite0(imageSize: 48), Self.transformer] {
      let configuration = Self.configuration(vision)
      let model = Self.model(configuration)
      var random = Random(seed: 9)
      let pixels = random.normal([2, 3, vision.imageSize, vision.imageSize])
      let expected = withoutGradients { model.embed(images: Variable(pixels)).value }
      let frozen = try SigLIPCheckpoint(model: model, configuration: configuration).frozen()
      #expect(frozen { $0.embed(images: Variable(pixels)).value.scalars } == expected.scalars)
    }
  }
}

/// Configurations as files hold them.
@Suite struct ConfigurationCodingTests {
  private static let old = """
    {"vision":{"activation":"gelu","depth":2,"heads":2,"hiddenWidth":20,"imageSize":12,"isNaFlex":NAFLEX,"patchSize":4,
    "width":12},"text":{"activation":"gelu","contextLength":5,"depth":1,"dropout":0,"heads":2,"hiddenWidth":24,
    "outputWidth":12,"pooling":"last","vocabularySize":30,"width":16},"generation":1}
    """

  private static func decode(_ text: String) throws -> SigLIPConfiguration {
    try JSONDecoder().decode(SigLIPConfiguration.self, from: Data(text.utf8))
  }

  @Test func whatWasWrittenBeforeIsRead() throws {
    let plain = try Self.decode(Self.old.replacingOccurrences(of: "NAFLEX", with: "false"))
    #expect(plain.vision.architecture == .transformer && plain.imageProjection == nil)
    #expect(plain.text.tokenBottleneck == nil && plain.text.pooling == .last)
    #expect(plain.vision.patchSize == 4 && plain.text.outputWidth == 12)
    #expect(plain.family == .siglip && plain.objective == .sigmoid)
    let second = Self.old.replacingOccurrences(of: "NAFLEX", with: "false")
    #expect(
      try Self.decode(second.replacingOccurrences(of: "generation\":1", with: "generation\":2")).family
        == .siglip2)
    #expect(try Self.decode(Self.old.replacingOccurrences(of: "NAFLEX", with: "true")).vision.isNaFlex)
  }

  @Test func allThatIsWrittenIsRead() throws {
    for vision in [VisionConfiguration.efficientNetLite0(), TowerTests.transformer, TowerTests.naFlex] {
      for projection in [ImageProjection(width: 12), nil] {
        var configuration = TowerTests.configuration(vision)
        configuration.imageProjection = projection
        if projection == nil { configuration.text.outputWidth = vision.width }
        let encoded = try JSONEncoder().encode(configuration)
        #expect(try JSONDecoder().decode(SigLIPConfiguration.self, from: encoded) == configuration)
      }
    }
  }

  @Test(arguments: [
    ("\"generation\":1", "\"generation\":3", "generation 3, expected 1 or 2"),
    ("\"generation\":1", "\"generations\":1", "\"generations\" is none of vision, imageProjection, text"),
    ("\"depth\":2", "\"depht\":2", "\"depht\" is none of architecture, imageSize"),
    ("\"pooling\"", "\"poolings\"", "\"poolings\" is none of vocabularySize"),
    ("\"pooling\":\"last\"", "\"pooling\":\"first\"", "first"),
    ("\"dropout\":0", "\"tokenBottleneck\":0", "a token bottleneck of 0, expected 1 to 16384"),
    ("\"dropout\":0", "\"tokenBottleneck\":4611686018427387904", "a token bottleneck of 4611686018427387904"),
    (
      "\"generation\":1", "\"imageProjection\":{\"width\":-1}",
      "a width of -1, expected 1 to 16384"
    ),
    (
      "\"generation\":1", "\"imageProjection\":{\"width\":13}",
      "its text tower gives 12 numbers, its image projection 13"
    ),
    (
      "\"generation\":1", "\"imageProjection\":{\"width\":12,\"bias\":true}",
      "\"bias\" is none of width, normalizesFeatures, hasBias"
    ),
    ("\"width\":12}", "\"width\":14}", "its text tower gives 12 numbers, its image tower 14"),
    ("\"imageSize\":12,", "\"imageSize\":12,\"architecture\":\"naFlex\",", "but the architecture is naFlex"),
    ("\"imageSize\":12,", "\"imageSize\":12,\"architecture\":\"mixer\",", "mixer"),
    ("\"imageSize\":12,", "\"imageSize\":12,\"architecture\":\"resNet\",", "0 stages, expected 4"),
    ("\"imageSize\":12,", "\"imageSize\":12,\"stageDepths\":[1,1,1,1],", "which only a residual network has"),
    (
      "\"imageSize\":12,", "\"imageSize\":12,\"architecture\":\"efficientNetLite0\",",
      "an EfficientNet-Lite0 has only an image size to choose"
    ),
  ])
  func whatIsNoModelIsRefused(_ old: String, _ new: String, _ problem: String) throws {
    let text = Self.old.replacingOccurrences(of: "NAFLEX", with: "false")
    try #require(text.contains(old))
    let error = #expect(throws: DecodingError.self) {
      try Self.decode(text.replacingOccurrences(of: old, with: new))
    }
    #expect("\(error!)".contains(problem), "\(error!)")
  }

  @Test(arguments: [0, 31, 4097, -1, 1 << 62]) func sizesOfEfficientNetHaveBounds(_ size: Int) throws {
    let text = "{\"architecture\": \"efficientNetLite0\", \"imageSize\": \(size)}"
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(VisionConfiguration.self, from: Data(text.utf8))
    }
  }

  @Test func efficientNetHasItsOwnSizesOnly() {
    var vision = VisionConfiguration.efficientNetLite0()
    #expect(vision.problem == nil)
    vision.width = 640
    #expect(vision.problem == "an EfficientNet-Lite0 of other sizes than its own")
  }
}
