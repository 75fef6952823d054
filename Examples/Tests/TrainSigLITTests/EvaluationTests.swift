import Foundation
import SigLIPModel
import Testing

@testable import train_siglit

@Suite struct EvaluationTests {
  @Test func perfectEmbeddingsRankFirstAndTheReportSaysSo() throws {
    let data = try EmojiData(folder: URL(filePath: TrainSigLIT.embeddedData), languages: ["en", "de"])
    var random = Random(seed: 3)
    let images = random.normal([data.images.count, 64])
    let length = images.norm(axes: [1], keepDimensions: true)
    let rows = Dictionary(uniqueKeysWithValues: data.images.indices.map { ($0, $0) })
    let texts = data.languages.map { _ in EmojiEmbeddings.Names(embeddings: images / length, rows: rows) }
    let embeddings = EmojiEmbeddings(images: images / length, texts: texts)
    let evaluation = try Evaluation(data: data, embeddings)
    let perfect = Recall(ranks: [0])
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
    let entries = (1...3).map {
      StepMetrics(step: $0, numbers: ["loss": Double($0), "temperature": 10, "bias": -6])
    }
    let report = Report(
      configuration: TrainSigLIT.standard, data: data, evaluation: evaluation,
      page: TrainingReport(title: "a run", metrics: entries))
    let page = report.page(embeddings).html()
    #expect(page.contains("class=\"right\"") && page.contains(".right {") && !page.contains("card missed"))
    for part in ["<b>loss</b>", "<b>bias</b>", "<th>compositions, 60 candidates</th>", "<h1>SigLiT on emoji"]
    {
      #expect(page.contains(part))
    }
    #expect(!page.contains("http"))
  }

  @Test func shuffledEmbeddingsRankByChance() throws {
    let data = try EmojiData(folder: URL(filePath: TrainSigLIT.embeddedData), languages: ["en"])
    var random = Random(seed: 4)
    let images = random.normal([data.images.count, 32])
    let rows = Dictionary(uniqueKeysWithValues: data.images.indices.map { ($0, $0) })
    let texts = [EmojiEmbeddings.Names(embeddings: random.normal([data.images.count, 32]), rows: rows)]
    let evaluation = try Evaluation(data: data, EmojiEmbeddings(images: images, texts: texts))
    #expect(evaluation.compositions.imageToText.r1 < 0.2)
    #expect(evaluation.translations.textToImage.r10 < 0.1)
  }

  /// A model that says the same of every image and every name.
  @Test func collapsedEmbeddingsFindNothing() throws {
    let data = try EmojiData(folder: URL(filePath: TrainSigLIT.embeddedData), languages: ["en"])
    let same = Tensor.ones([data.images.count, 4])
    let rows = Dictionary(uniqueKeysWithValues: data.images.indices.map { ($0, $0) })
    let evaluation = try Evaluation(
      data: data,
      EmojiEmbeddings(images: same, texts: [EmojiEmbeddings.Names(embeddings: same, rows: rows)]))
    for retrieval in [evaluation.compositions, evaluation.compositionsAmongAll, evaluation.translations] {
      #expect(retrieval.queries > 0 && retrieval.imageToText.r10 == 0 && retrieval.textToImage.r10 == 0)
    }
    #expect(throws: EvaluationError.self) {
      try Evaluation(
        data: data,
        EmojiEmbeddings(images: same * .nan, texts: [EmojiEmbeddings.Names(embeddings: same, rows: rows)]))
    }
  }

  /// Two images of one name are one answer, two names that the model cannot tell apart are two; and a language without
  /// queries has no part in the mean.
  @Test func equalNamesAreOneAnswer() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "siglit-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var writer = SafetensorsWriter()
    writer.add(bytes: [UInt8](repeating: 0, count: 4 * 12), shape: [4, 2, 2, 3], named: "images")
    try writer.write(to: folder.appending(path: "images.safetensors").path)
    try Data("codepoints\ten\tde\n1\tsame\t\n2\tsame\t\n3\tother\t\n4\tlast\tx\n".utf8)
      .write(to: folder.appending(path: "names.tsv"))
    try Data("codepoints\tsplit\tlanguages\n1\tcompositions\t\n3\tcompositions\t\n".utf8)
      .write(to: folder.appending(path: "held_out.tsv"))
    let data = try EmojiData(folder: folder)
    // The second image is liked best by both its own name and the first's; the third cannot be told from the last.
    let images = Tensor([[0.8, 0.6, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]])
    let texts = [
      EmojiEmbeddings.Names(
        embeddings: Tensor([[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]]), rows: [0: 0, 1: 1, 2: 2, 3: 3]),
      EmojiEmbeddings.Names(embeddings: Tensor([[0, 0, 1]]), rows: [3: 0]),
    ]
    let evaluation = try Evaluation(data: data, EmojiEmbeddings(images: images, texts: texts))
    #expect(evaluation.compositionsAmongAll.imageToText.r1 == 0.5)
    #expect(evaluation.compositionsAmongAll.textToImage.r1 == 0.5)
    #expect(evaluation.compositionsAmongAll.queries == 2 && evaluation.compositionsAmongAll.candidates == 4)
    #expect(evaluation.languages.keys.sorted() == ["en"])
    #expect(evaluation.translations.queries == 0)
    #expect(evaluation.table.contains("translations: nothing to ask for"))
  }
}
