import Foundation
import SigLIPModel

/// One training run from data to report.
struct TrainingRun {
  let recipe: Recipe
  let data: URL
  let output: URL

  /// Trains, evaluates and writes everything to the output folder.
  func callAsFunction(resuming: Bool) throws -> Evaluation {
    let checkpoint = output.appending(path: "checkpoint.safetensors").path
    if resuming && !FileManager.default.fileExists(atPath: checkpoint) {
      throw InputError("\(checkpoint): there is no checkpoint to continue from")
    }
    let emoji = try EmojiData(folder: data, languages: recipe.languages)
    let captions = emoji.trainingCaptions
    guard captions.count >= recipe.batchSize else {
      throw InputError("\(data.path): \(captions.count) training captions for batches of \(recipe.batchSize)")
    }
    let encoder = TextEncoder(
      tokenizer: try SentencePieceTokenizer(path: data.appending(path: "tokenizer.model").path),
      contextLength: recipe.text.contextLength)
    try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
    let features = standardized(
      try ImageFeatures.load(
        images: emoji.images, weights: data.appending(path: "efficientnet-lite0.safetensors"),
        size: recipe.imageSize,
        cache: output.appending(path: "features.safetensors")),
      training: Array(Set(captions.map(\.image))).sorted())
    var text = recipe.text
    text.vocabularySize = encoder.tokenizer.vocabularySize
    let session = try TrainingSession(
      recipe: recipe, text: text, features: features, captions: captions,
      tokens: captions.map { encoder.row(emoji.name($0) ?? "") })
    if resuming { try session.restore(from: checkpoint) }
    try write(JSONEncoder.readable.encode(recipe), to: "config.json")
    let metrics = try MetricsLog(path: output.appending(path: "metrics.jsonl").path, keeping: session.step)
    try session.train(until: recipe.steps, metrics: metrics, checkpoint: checkpoint)

    let images = session.embedImages(features)
    let texts = emoji.languages.indices.map { language -> NamedTexts in
      let named = emoji.images.indices.filter { emoji.name(.init(image: $0, language: language)) != nil }
      return NamedTexts(
        embeddings: session.embedTexts(
          named.map { encoder.row(emoji.name(.init(image: $0, language: language))!) }),
        rows: Dictionary(uniqueKeysWithValues: named.enumerated().map { ($0.element, $0.offset) }))
    }
    let evaluation = Evaluation(data: emoji, images: images, texts: texts)
    try write(evaluation.json(), to: "evaluation.json")
    let report = Report(recipe: recipe, data: emoji, evaluation: evaluation, metrics: metrics.entries)
    try write(Data(report.html(images: images, texts: texts).utf8), to: "report.html")
    return evaluation
  }

  /// Every feature with mean 0 and deviation 1 over the training images.
  private func standardized(_ features: Tensor, training: [Int]) -> Tensor {
    let known = features.take(IndexTensor(training), axis: 0)
    let deviation = (known.variance(axes: [0]) + 1e-6).sqrt()
    return (features - known.mean(axes: [0])) / deviation
  }

  private func write(_ bytes: Data, to name: String) throws {
    try bytes.write(to: output.appending(path: name), options: .atomic)
  }
}

extension JSONEncoder {
  static var readable: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return encoder
  }
}
