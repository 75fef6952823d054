import CommandSupport
import Foundation
import SigLIPModel

/// One training run from data to report.
struct TrainingRun {
  let recipe: Recipe
  let data: URL
  let output: URL

  private var checkpoint: String { path("checkpoint.safetensors") }

  /// Trains, evaluates and writes everything to the output folder, which no other run can use meanwhile.
  func callAsFunction(resuming: Bool) throws -> Evaluation {
    if resuming && !FileManager.default.fileExists(atPath: checkpoint) {
      throw CommandError("\(checkpoint): there is no checkpoint to continue from")
    }
    let identity = try RunIdentity(recipe: recipe, data: data)
    if resuming { _ = try TrainingSession.checkpoint(checkpoint, of: identity) }
    let emoji = try EmojiData(folder: data, languages: recipe.languages)
    let captions = emoji.trainingCaptions
    guard captions.count >= recipe.batchSize else {
      throw CommandError(
        "\(data.path): \(captions.count) training captions for batches of \(recipe.batchSize)")
    }
    let encoder = TextEncoder(
      tokenizer: try SentencePieceTokenizer(path: data.appending(path: "tokenizer.model").path),
      contextLength: recipe.text.contextLength)
    try makeFolder(output.path, option: "--output")
    return try OutputLock.withLock(path(".lock"), of: output.path) {
      try run(identity, emoji, captions, encoder, resuming: resuming)
    }
  }

  private func run(
    _ identity: RunIdentity, _ emoji: EmojiData, _ captions: [EmojiData.Caption], _ encoder: TextEncoder,
    resuming: Bool
  ) throws -> Evaluation {
    let weights = data.appending(path: "efficientnet-lite0.safetensors").path
    let features = standardized(
      try ImageFeatures(images: emoji.images, weights: weights, size: recipe.imageSize)
        .load(cache: path("features.safetensors")),
      training: Array(Set(captions.map(\.image))).sorted())
    var text = recipe.text
    text.vocabularySize = encoder.tokenizer.vocabularySize
    let session = try TrainingSession(
      identity: identity, text: text, features: features, captions: captions,
      tokens: captions.map { encoder.row(emoji.name($0) ?? "") })
    if resuming { try session.restore(from: checkpoint) } else { try clear() }
    try write(JSONEncoder.readable.encode(recipe), to: "config.json")
    let metrics = try MetricsLog(path: path("metrics.jsonl"), keeping: session.step)
    try session.train(until: recipe.steps, metrics: metrics, checkpoint: checkpoint)

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

  /// Removes what another run has left: its results are not this one's.
  private func clear() throws {
    let old = ["checkpoint.safetensors", "evaluation.json", "report.html"].map(path).filter {
      FileManager.default.fileExists(atPath: $0)
    }
    if old.isEmpty { return }
    printError("\(output.path): a run that was there is replaced")
    for path in old where unlink(path) != 0 {
      throw CommandError("cannot remove \(path): \(String(cString: strerror(errno)))")
    }
  }

  private func path(_ name: String) -> String { output.appending(path: name).path }

  private func write(_ bytes: Data, to name: String) throws { try bytes.writeWhole(to: path(name)) }
}

extension JSONEncoder {
  static var readable: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return encoder
  }
}
