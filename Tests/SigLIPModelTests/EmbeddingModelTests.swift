import Foundation
import NN
import SigLIPModel
import TestSupport
import Testing

/// What stands between files, texts and towers.
@Suite struct EmbeddingModelTests {
  private let place = try! EvaluationPlace()

  @Test func batchesOfAnySizeAreTheSame() throws {
    let texts = ["moon", "a red star", "book", "tree", "two fish"]
    let pictures = (0..<5).map { number in
      RGBImage(
        width: 8 + number, height: 9,
        pixels: (0..<(8 + number) * 27).map { UInt8(truncatingIfNeeded: $0 * (number + 3)) })
    }
    let whole = try EmbeddingModel(place.checkpoint)
    for size in [1, 2, 64] {
      let model = try EmbeddingModel(place.checkpoint, batchSize: size)
      #expect(try model.embed(texts: texts) == place.texts(texts))
      let images = try pictures.map { try model.embed($0) }
      #expect(try Tensor.concatenate(images) == whole.embed(fitted: pictures.map(model.preprocessing.fit)))
    }
    #expect(try whole.tokens(texts).shape == [5, 8])
  }

  /// The sigmoid judges each pair, the softmax shares out each image's texts.
  @Test func probabilitiesAreThoseOfTheObjective() throws {
    let similarities = Tensor([[0.5, -0.25, 0], [-1, 1, 0.75]])
    func logit(_ similarity: Float) -> Double { exp(1.5) * Double(similarity) }
    let pairs = try EmbeddingModel(place.checkpoint).probabilities(similarities)
    for (found, similarity) in zip(pairs.scalars, similarities.scalars) {
      #expect(abs(Double(found) - 1 / (1 + exp(1 - logit(similarity)))) < 1e-6)
    }

    let model = place.checkpoint.model
    let softmax = SigLIPCheckpoint(
      model: SigLIP(image: model.image, text: model.text, logitScale: 1.5, logitBias: nil),
      configuration: place.checkpoint.configuration, preprocessing: .huggingFaceV1(imageSize: 8),
      tokenizer: exampleData("tokenizer.model"))
    let shares = try EmbeddingModel(softmax).probabilities(similarities)
    for row in 0..<2 {
      let exponentials = similarities[row].scalars.map { exp(logit($0)) }
      for (found, exponential) in zip(shares[row].scalars, exponentials) {
        #expect(abs(Double(found) - exponential / exponentials.reduce(0, +)) < 1e-6)
      }
    }
  }

  @Test func aTokenizerOfAnotherModelIsRefused() throws {
    var configuration = place.checkpoint.configuration
    configuration.text.vocabularySize = 100
    let checkpoint = SigLIPCheckpoint(
      model: .outline(configuration), configuration: configuration,
      preprocessing: .huggingFaceV1(imageSize: 8), tokenizer: exampleData("tokenizer.model"))
    let error = #expect(throws: FileError.self) {
      try EmbeddingModel(checkpoint).embed(texts: ["moon"])
    }
    #expect(error?.description.contains("but its text tower knows 100 tokens") ?? false)
  }
}
