import CommandSupport
import Foundation
import SigLIPModel

/// One run from data to report.
struct TrainingRun {
  let recipe: Recipe
  let data: URL
  let output: URL
  /// Keys of the configuration that may differ when a run goes on.
  var allowed: Set<String> = []
  /// Whether TensorBoard's files are written too.
  var writesEvents = false
  /// Whether it is evaluated on the validation's captions.
  var validates = false

  /// Trains, evaluates and writes everything to the output folder, which no other run can use meanwhile.
  func callAsFunction(resuming: Bool) throws -> Evaluation {
    let configuration = try configuration
    let all = try EmojiData(folder: data, languages: recipe.languages)
    let emoji = validates ? all.forValidation : all
    let encoder = TextEncoder(
      tokenizer: try SentencePieceTokenizer(path: data.appending(path: "tokenizer.model").path),
      contextLength: recipe.text.contextLength)
    let captions = emoji.trainingCaptions
    let order: BatchOrder
    do {
      order = try BatchOrder(sampleCount: captions.count, batchSize: recipe.batchSize, seed: recipe.seed)
    } catch let error as BatchOrder.SizeError {
      throw CommandError("\(data.path): captions for training: \(error.sentence)")
    }
    let run = try RunFolder(
      output, configuration: configuration, start: resuming ? .resuming : .replacing, allowing: allowed,
      warn: printError)
    try run.remove("evaluation.json", "report.html")

    let weights = data.appending(path: "efficientnet-lite0.safetensors").path
    let seen = try imageFeatures(
      of: emoji, weights: weights, size: recipe.imageSize, folder: run.path("features"))
    let known = IndexTensor(Array(Set(captions.map(\.image))).sorted())
    let features = FeatureNormalization(of: seen.take(known, axis: 0))(Variable(seen)).value
    var text = recipe.text
    text.vocabularySize = encoder.tokenizer.vocabularySize
    let session = try TrainingSession(
      recipe: recipe, text: text, features: features, captions: captions,
      tokens: captions.map { encoder.row(emoji.name($0) ?? "") }, run: run)
    if writesEvents {
      session.write(to: try TensorBoardWriter(folder: output.appending(path: "tensorboard")))
    }
    try session.train(order, until: recipe.steps)

    try Interruption.check("stopped before the evaluation: the same command with --resume makes it")
    let images = session.embedImages(features)
    let texts = emoji.languages.indices.map { language -> NamedTexts in
      let named = emoji.images.indices.filter { emoji.name(.init(image: $0, language: language)) != nil }
      return NamedTexts(
        embeddings: session.embedTexts(
          named.map { encoder.row(emoji.name(.init(image: $0, language: language))!) }),
        rows: Dictionary(uniqueKeysWithValues: named.enumerated().map { ($0.element, $0.offset) }))
    }
    let evaluation = try Evaluation(data: emoji, images: images, texts: texts)
    try evaluation.json().writeWhole(to: run.path("evaluation.json"))
    let report = Report(
      recipe: recipe, data: emoji, evaluation: evaluation, isOfValidation: validates,
      page: try TrainingReport(
        title: "SigLiT on emoji: a text tower for a locked image tower", of: run, order: order))
    try Data(report.html(images: images, texts: texts).utf8).writeWhole(to: run.path("report.html"))
    return evaluation
  }

  /// What decides the result: the recipe, and SHA-256 of each file of data. More steps may be asked for later: from then on
  /// the learning rate is that of the longer run.
  private var configuration: RunConfiguration {
    get throws {
      let files = try TrainingRun.fileNames.map {
        ($0, try SHA256.digest(ofFile: data.appending(path: $0).path))
      }
      return try RunConfiguration(
        Identity(recipe: recipe, files: Dictionary(uniqueKeysWithValues: files)), mayChange: ["steps"])
    }
  }

  /// The files that a run reads.
  static let fileNames = EmojiData.fileNames + ["tokenizer.model", "efficientnet-lite0.safetensors"]
}

/// All that decides the result of a run.
private struct Identity: Encodable {
  let recipe: Recipe
  /// SHA-256 of each file of data by its name.
  let files: [String: String]

  private enum CodingKeys: CodingKey { case files }

  /// The recipe's values beside the files.
  func encode(to encoder: any Encoder) throws {
    try recipe.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(files, forKey: .files)
  }
}
