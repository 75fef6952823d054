import Foundation
import SigLIPModel
import Testing

@testable import train_siglit

@Suite struct EvaluationTests {
  @Test func perfectEmbeddingsRankFirstAndTheReportSaysSo() throws {
    let data = try EmojiData(folder: TrainSigLIT.embeddedData, languages: ["en", "de"])
    var random = Random(seed: 3)
    let images = random.normal([data.images.count, 64])
    let length = images.norm(axes: [1], keepDimensions: true)
    let rows = Dictionary(uniqueKeysWithValues: data.images.indices.map { ($0, $0) })
    let texts = data.languages.map { _ in NamedTexts(embeddings: images / length, rows: rows) }
    let evaluation = Evaluation(data: data, images: images / length, texts: texts)
    let perfect = Recall(r1: 1, r5: 1, r10: 1)
    for retrieval in [evaluation.compositions, evaluation.compositionsAmongAll, evaluation.translations] {
      #expect(retrieval.imageToText == perfect && retrieval.textToImage == perfect)
    }
    #expect(evaluation.compositions.candidates == 60 && evaluation.translations.candidates == 1789)
    let json = try #require(String(data: evaluation.json(), encoding: .utf8))
    for key in [
      "compositions_among_all", "image_to_text", "text_to_image", "\"r10\"", "\"candidates\" : 60", "\"de\"",
    ] {
      #expect(json.contains(key))
    }
    #expect(try JSONDecoder().decode(Evaluation.self, from: Data(json.utf8)) == evaluation)
    let entries = (1...3).map { MetricsLog.Entry(step: $0, loss: Float($0), temperature: 10, bias: -6) }
    let page = Report(recipe: .standard, data: data, evaluation: evaluation, metrics: entries)
      .html(images: images / length, texts: texts)
    #expect(page.contains("class=\"right\"") && page.contains("<polyline") && !page.contains("card missed"))
    #expect(!page.contains("http"))
  }

  @Test func shuffledEmbeddingsRankByChance() throws {
    let data = try EmojiData(folder: TrainSigLIT.embeddedData, languages: ["en"])
    var random = Random(seed: 4)
    let images = random.normal([data.images.count, 32])
    let rows = Dictionary(uniqueKeysWithValues: data.images.indices.map { ($0, $0) })
    let texts = [NamedTexts(embeddings: random.normal([data.images.count, 32]), rows: rows)]
    let evaluation = Evaluation(data: data, images: images, texts: texts)
    #expect(evaluation.compositions.imageToText.r1 < 0.2)
    #expect(evaluation.translations.textToImage.r10 < 0.1)
  }
}
