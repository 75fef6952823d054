import Foundation
import TestSupport
import Testing

import SigLIPModel

/// The text tower without order, against `Fixtures/bag_of_words.py`.
@Suite struct BagOfWordsTests {
  private static func configuration(padding: Int?) -> TextConfiguration {
    .bagOfWords(
      vocabularySize: 20, contextLength: 6, width: 8, outputWidth: 5, paddingToken: padding,
      projectionHasBias: padding != nil)
  }

  private static func model(_ text: TextConfiguration) -> SigLIPConfiguration {
    SigLIPConfiguration(
      vision: TowerTests.transformer, imageProjection: ImageProjection(width: 5), text: text)
  }

  @Test(arguments: [("endToken", nil), ("padding", 1)] as [(String, Int?)])
  func embeddingsLossAndGradientsAreThoseOfTheDefinition(_ kind: String, _ padding: Int?) throws {
    let arrays = try SafetensorsFile(fixture("bag_of_words.safetensors"))
    func expected(_ name: String) throws -> Tensor { try arrays.tensor(named: "\(kind)/\(name)") }
    func expect(_ found: Tensor, equals name: String) throws {
      let array = try expected(name)
      CheckpointReference.expect(found, array, largest: array.abs().max().item(), "\(kind) \(name)")
    }
    var random = Random(seed: 1)
    let tower = BagOfWords(Self.configuration(padding: padding), random: &random)
    for (path, parameter) in tower.namedParameters() { parameter.value = try expected("weights/\(path)") }
    let tokens = try arrays.indices(named: "\(kind)/tokens")
    let texts = tower(tokens)
    try expect(texts.value, equals: "texts")
    let loss = softmaxPairwiseLoss(
      images: Variable(try expected("images")), texts: texts.normalized(),
      logScale: Variable(Tensor([Float(log(3.0))])))
    try expect(loss.value, equals: "loss")
    let gradients = loss.backward()
    for (path, parameter) in tower.namedParameters() {
      try expect(try #require(gradients[parameter]), equals: "gradient/\(path)")
    }
    // Alone as among others, and with other padding.
    for (row, values) in tokens.rowValues.enumerated() {
      let alone = tower(IndexTensor(values, shape: [1, 6])).value
      #expect(alone.scalars == texts.value.slice(row..<row + 1, axis: 0).contiguous().scalars)
    }
    #expect(texts.value[0].scalars == texts.value[1].scalars)
  }

  @Test func itIsATowerOfItsConfiguration() throws {
    for padding in [nil, 0] {
      let configuration = Self.model(Self.configuration(padding: padding))
      let model = TowerTests.model(configuration)
      #expect(model.text is BagOfWords && model.text.transformer == nil)
      #expect(configuration.family == (padding == nil ? .clip : .siglip))
      #expect(configuration.parameterCount == model.parameters.reduce(0) { $0 + $1.shape.elementCount })
      // A mean of tokens, and the projection.
      #expect(configuration.textMultiplyAdds == 6 * 8 + 8 * 5)
    }
  }

  @Test func allIsReadAsItWasWritten() throws {
    for padding in [nil, 3] {
      let configuration = Self.model(Self.configuration(padding: padding))
      let checkpoint = SigLIPCheckpoint(
        model: TowerTests.model(configuration), configuration: configuration)
      let folder = try TemporaryFolder()
      try checkpoint.write(to: folder.path("model"), format: .pairwise)
      let copy = try SigLIPCheckpoint(path: folder.path("model"))
      #expect(copy.configuration == configuration)
      #expect(copy.model.stateDictionary() == checkpoint.model.stateDictionary())
      let tokens = IndexTensor([4, 3, 19, 3, 0, 3], shape: [1, 6])
      #expect(copy.model.embed(texts: tokens).value == checkpoint.model.embed(texts: tokens).value)
      for format in [WeightFormat.huggingFace, .openClip] {
        let error = #expect(throws: FileError.self) {
          try checkpoint.write(to: folder.path("other"), format: format)
        }
        #expect("\(error!)".contains("this model has a bag of words as text tower"), "\(error!)")
      }
    }
  }

  private static func decode(_ more: String) throws -> TextConfiguration {
    let text = "{\"vocabularySize\":20,\"contextLength\":6,\"width\":8,\"outputWidth\":5,\(more)}"
    return try JSONDecoder().decode(TextConfiguration.self, from: Data(text.utf8))
  }

  @Test func filesNeedNotSayWhatABagHasNot() throws {
    let more = "\"architecture\":\"bagOfWords\",\"normEpsilon\":1e-5"
    #expect(
      try Self.decode(more + ",\"pooling\":\"endToken\",\"projectionHasBias\":false")
        == Self.configuration(padding: nil))
    #expect(
      try Self.decode(more + ",\"pooling\":\"mean\",\"paddingToken\":1") == Self.configuration(padding: 1))
  }

  @Test(arguments: [
    ("\"architecture\":\"bag\"", "bag"),
    ("\"architecture\":\"bagOfWords\"", "a bag of words that pools by last, expected endToken, or mean"),
    ("\"architecture\":\"bagOfWords\",\"pooling\":\"mean\"", "a bag of words that pools by mean"),
    (
      "\"architecture\":\"bagOfWords\",\"pooling\":\"endToken\",\"paddingToken\":1",
      "a bag of words that pools by endToken"
    ),
    (
      "\"architecture\":\"bagOfWords\",\"pooling\":\"mean\",\"paddingToken\":20",
      "padding of 20, expected 0 to 19"
    ),
    (
      "\"architecture\":\"bagOfWords\",\"pooling\":\"endToken\",\"depth\":1",
      "other sizes than those of a bag"
    ),
    ("\"architecture\":\"bagOfWords\",\"pooling\":\"endToken\",\"isCausal\":true", "other sizes than those"),
    ("\"depth\":1,\"heads\":1,\"hiddenWidth\":8,\"paddingToken\":1", "1 as padding, which only a bag"),
    ("\"architecture\":\"transformer\",\"heads\":1,\"hiddenWidth\":8", "depth"),
  ])
  func whatIsNoTowerIsRefused(_ more: String, _ problem: String) throws {
    let error = #expect(throws: DecodingError.self) { try Self.decode(more) }
    #expect("\(error!)".contains(problem), "\(error!)")
  }
}

extension IndexTensor {
  fileprivate var rowValues: [[Int32]] {
    (0..<shape[0]).map { Array(values[($0 * shape[1])..<(($0 + 1) * shape[1])]) }
  }
}
