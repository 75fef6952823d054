import Foundation
import SigLIPModel
import TestSupport
import Testing

/// SigLIP against the one in transformers: embeddings, logits, loss, and the loss's gradient for every parameter.
@Suite struct ModelTests {
  @Test(arguments: ReferenceModel.Case.allCases)
  func embeddingsAndLogitsAreTransformers(of name: ReferenceModel.Case) throws {
    let reference = try ReferenceModel(name)
    let model = try reference.model()
    let pixels = Variable(try reference.tensor("pixels"))
    let tokens = try reference.tokens()
    try withoutGradients {
      try reference.expect(model.image(pixels).value, equals: "image_features")
      try reference.expect(model.text(tokens).value, equals: "text_features")
      let (images, texts) = (model.embed(images: pixels), model.embed(texts: tokens))
      try reference.expect(images.value, equals: "image_embeddings")
      try reference.expect(texts.value, equals: "text_embeddings")
      try reference.expect(model.logits(images: images, texts: texts).value, equals: "logits_per_image")
    }
  }

  @Test(arguments: ReferenceModel.Case.allCases)
  func lossAndGradientsAreTransformers(of name: ReferenceModel.Case) throws {
    let reference = try ReferenceModel(name)
    let model = try reference.model()
    let loss = try reference.loss(of: model)
    try reference.expect(loss.value, equals: "loss")
    let gradients = loss.backward()
    for (path, parameter) in model.namedParameters() {
      try reference.expect(gradients[parameter], equalsGradientOf: path)
    }
  }

  @Test func frozenTowerBuildsNoTape() throws {
    let reference = try ReferenceModel(.siglip)
    let model = try reference.model()
    model.image.freeze()
    #expect(!model.embed(images: Variable(try reference.tensor("pixels"))).requiresGradient)
    let loss = try reference.loss(of: model)
    try reference.expect(loss.value, equals: "loss")
    let gradients = loss.backward()
    for (path, parameter) in model.namedParameters() {
      if path.hasPrefix("image.") {
        #expect(gradients[parameter] == nil, "\(path)")
      } else {
        try reference.expect(gradients[parameter], equalsGradientOf: path)
      }
    }
    model.image.unfreeze()
    #expect(model.embed(images: Variable(try reference.tensor("pixels"))).requiresGradient)
  }

  @Test func meanPoolingCountsEveryPosition() throws {
    var random = Random(seed: 3)
    let configuration = TextConfiguration(
      vocabularySize: 20, contextLength: 5, width: 8, depth: 1, heads: 2, hiddenWidth: 12, outputWidth: nil,
      pooling: .mean)
    let tower = TextTransformer(configuration, random: &random)
    #expect(tower.projection == nil)
    let tokens = IndexTensor([7, 19, 3, 0, 0, 4, 4, 8, 1, 0], shape: [2, 5])
    let hidden = tower.encoder(tower.tokenEmbedding(tokens) + tower.positionEmbedding.variable).value.scalars
    var mean = [Float](repeating: 0, count: 2 * 8)
    for text in 0..<2 {
      for position in 0..<5 {
        for i in 0..<8 { mean[text * 8 + i] += hidden[(text * 5 + position) * 8 + i] / 5 }
      }
    }
    let embeddings = tower(tokens).value
    #expect(embeddings.isApproximatelyEqual(to: Tensor(mean, shape: [2, 8]), absolute: 1e-5, relative: 1e-5))
  }

  @Test func summaryAddsUp() throws {
    let reference = try ReferenceModel(.siglip)
    let model = try reference.model()
    let (images, texts) = (reference.vision.parameterCount, reference.text.parameterCount)
    func totals() -> [Substring] { model.summary().split(separator: "\n").last?.split(separator: " ") ?? [] }
    #expect(totals().prefix(2) == ["total", "\(images + texts + 2)"])
    #expect(model.parameters.reduce(0) { $0 + $1.shape.elementCount } == images + texts + 2)
    model.image.freeze()
    #expect(totals().suffix(2) == ["\(images)", "frozen"])
  }

  /// The number in the published checkpoint; the formula is the one that ``summaryAddsUp()`` holds to a model.
  @Test func base16HasThePublishedSize() {
    let (vision, text) = (VisionConfiguration.base16(), TextConfiguration.base)
    #expect(vision.parameterCount + text.parameterCount + 2 == 203_155_970)
  }

  @Test func stateSurvivesAFile() throws {
    let reference = try ReferenceModel(.siglip)
    let model = try reference.model()
    let folder = try TemporaryFolder()
    try SafetensorsFile.write(model.stateDictionary(), to: folder.path("model.safetensors"))
    let copy = reference.untrained(seed: 5)
    #expect(copy.stateDictionary() != model.stateDictionary())
    try copy.load(SafetensorsFile(folder.path("model.safetensors")).tensors())
    #expect(copy.stateDictionary() == model.stateDictionary())
    try reference.expect(reference.loss(of: copy).value, equals: "loss")
  }

  /// An image of a single patch would otherwise be repeated at every position.
  @Test func imagesOfAnotherSizeTrap() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var random = Random(seed: 1)
      let tower = VisionTransformer(
        VisionConfiguration(imageSize: 32, patchSize: 8, width: 8, depth: 1, heads: 2, hiddenWidth: 8),
        random: &random)
      _ = tower(Variable(.zeros([1, 3, 8, 8])))
    }
    let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(output.contains("expected [batch, 3, 32, 32]"), "\(output)")
  }
}

extension VisionConfiguration {
  fileprivate var parameterCount: Int {
    let patches = 3 * patchSize * patchSize * width + width + gridSize * gridSize * width
    let block = blockParameterCount(width: width, hiddenWidth: hiddenWidth)
    // The head is a block with a query in place of a normalisation.
    return patches + depth * block + 2 * width + (block - 2 * width + width)
  }
}

extension TextConfiguration {
  fileprivate var parameterCount: Int {
    (vocabularySize + contextLength) * width
      + depth * blockParameterCount(width: width, hiddenWidth: hiddenWidth) + 2 * width
      + (outputWidth.map { (width + 1) * $0 } ?? 0)
  }
}

private func blockParameterCount(width: Int, hiddenWidth: Int) -> Int {
  4 * (width + 1) * width + 2 * width * hiddenWidth + hiddenWidth + width + 4 * width
}
