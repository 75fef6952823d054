import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel

/// A decoder that learns to write the names of emoji beside a locked, pretrained image tower, and then names pictures that it
/// has never seen, in a language's own words.
@main struct CaptionEmoji: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "caption-emoji",
    abstract: "Learns to write the names of emoji, and names those that it has never seen.",
    discussion: """
      The pictures go once through a locked EfficientNet-Lite0; the decoder looks at what that makes of their parts. In \
      the end it names the pictures that were held out, with what it computed for earlier tokens kept (a KV cache) and \
      without.
      """)

  @Option(
    help: "A folder with emoji, a tokenizer and EfficientNet-Lite0; the one of these examples if not given.")
  var data: String?
  @Option(help: "Which names to learn, such as en or ja.") var language = "en"
  @Option(help: "Optimizer steps.") var steps = 500
  @Option(help: "Names in a batch.") var batchSize = 64
  @Option(help: "Pixels along a side of the pictures that the locked tower sees.") var imageSize = 160
  @Option(help: "Width of the decoder's tokens, a multiple of 48.") var width = 192
  @Option(help: "The decoder's blocks.") var depth = 2
  @Option(
    help: "Draw names instead of taking the likeliest tokens: below 1 more likely ones, above 1 bolder ones.")
  var temperature: Float?
  @Option(help: "Draw among so many of the likeliest tokens.") var topK: Int?
  @Option(help: "How many of the names to print.") var show = 12
  @Option(help: "Seed of weights, batches and drawn names.") var seed: UInt64 = 1
  @Option(help: "A folder for metrics, checkpoints and a report; a run in it goes on.") var output: String?

  func validate() throws {
    func expect(_ option: String, _ value: Int, _ bounds: ClosedRange<Int>) throws {
      if !bounds.contains(value) {
        throw ValidationError(
          "--\(option) \(value): expected \(bounds.lowerBound) to \(bounds.upperBound)")
      }
    }
    try expect("steps", steps, 1...1_000_000_000)
    try expect("batch-size", batchSize, 1...65_536)
    try expect("image-size", imageSize, 32...1024)
    try expect("width", width, 48...4_800)
    try expect("depth", depth, 1...64)
    try expect("show", show, 0...1_000_000)
    if width % 48 != 0 { throw ValidationError("--width \(width): expected a multiple of 48") }
    if let topK { try expect("top-k", topK, 1...1_000_000) }
    if topK != nil && temperature == nil { throw ValidationError("--top-k needs --temperature") }
    if let temperature, !(temperature > 0 && temperature.isFinite) {
      throw ValidationError("--temperature \(temperature): expected a positive number")
    }
  }

  static func main() { runAsProgram() }

  func run() throws {
    Interruption.watch()
    let folder = data ?? Self.embeddedData
    let emoji = try EmojiData(folder: URL(filePath: folder), languages: [language])
    let training = emoji.trainingCaptions.map(\.image)
    let names = try EmojiNames(
      emoji, tokenizer: SentencePieceTokenizer(path: "\(folder)/tokenizer.model"), training: training)
    try printLines(
      "\(training.count) emoji to learn from, \(emoji.compositions.count) others to name, in \(language)")

    let tower = try EfficientNetLite0(path: "\(folder)/efficientnet-lite0.safetensors", hasClassifier: false)
    let memory = Self.tokens(of: emoji.images, tower, imageSize: imageSize, normalizedOver: training)
    var random = Random(seed: seed)
    let decoder = CaptionDecoder(
      names.sizes(width: width, depth: depth, memoryWidth: memory.shape[2]), random: &random)
    try train(decoder, memory, names, on: training, choosing: emoji.validationCompositions)

    let held = emoji.compositions.sorted()
    let choice = temperature.map { TokenChoice.drawn(temperature: $0, topK: topK, seed: seed) } ?? .greedy
    let pictures = Variable(memory.take(IndexTensor(held)))
    let (written, seconds) = timed { decoder.generate(about: pictures, choosing: choice) }
    let (again, secondsWithout) = timed {
      decoder.generate(about: pictures, choosing: choice, usesCache: false)
    }
    if written != again { throw CommandError("names written with the cache are not those without") }
    for (image, name) in zip(held, written).prefix(show) {
      let isRight = name == names.ids[image]
      try printLines(
        "  \(names.text(name).shown)\(isRight ? "" : "   (is: \(names.text(names.ids[image]).shown))")")
    }
    let right = zip(held, written).count { $1 == names.ids[$0] }
    let subjects = zip(held, written).count { names.subject($1) == names.subject(names.ids[$0]) }
    try printLines(
      "\(right) of \(held.count) unseen emoji named to the letter, \(subjects) up to a colon; "
        + "\(milliseconds(seconds)) with the cache, \(milliseconds(secondsWithout)) without, the same names")
  }

  /// Trains by batches of names, and looks every so often at pictures that are not among them.
  private func train(
    _ decoder: CaptionDecoder, _ memory: Tensor, _ names: EmojiNames, on training: [Int],
    choosing validation: [Int]
  ) throws {
    let run = try output.map { output in
      try RunFolder(
        URL(filePath: output),
        configuration: try RunConfiguration([
          "language": language, "steps": "\(steps)", "batchSize": "\(batchSize)", "imageSize": "\(imageSize)",
          "width": "\(width)", "depth": "\(depth)", "seed": "\(seed)",
        ]), start: .resumingIfAny)
    }
    let trainer = try Self.trainer(of: decoder, steps: steps, run: run)
    trainer.showsProgress = true
    let pictures = memory.take(IndexTensor(validation))
    let texts = decoder.configuration.rows(of: validation.map { names.ids[$0] })
    trainer.validate(every: max(1, min(100, steps))) {
      let loss = decoder.loss(texts, memory: Variable(pictures)).item()
      let written = decoder.generate(about: Variable(pictures))
      let right = zip(validation, written).count { $1 == names.ids[$0] }
      return ["loss": Double(loss), "named right": Double(right) / Double(validation.count)]
    }
    trainer.writers.append(ValidationLines())
    let order = try Self.train(
      decoder, memory.take(IndexTensor(training)),
      decoder.configuration.rows(of: training.map { names.ids[$0] }), by: trainer, until: steps,
      batchSize: batchSize, seed: seed)
    decoder.evaluate()
    if let run {
      try TrainingReport(title: "Names of emoji", of: run, order: order).write(to: run.path("report.html"))
    }
  }

  static func trainer(of decoder: CaptionDecoder, steps: Int, run: RunFolder? = nil) throws -> Trainer {
    let optimizer = AdamW(
      decoder, learningRate: 2e-3, weightDecay: 0.05,
      schedule: Schedule(.cosine(), totalSteps: steps, warmUpSteps: min(20, steps / 2)),
      groups: [.decayOnlyKernels])
    return Trainer(decoder, optimizer, run: run, settings: .init(gradientNorm: 1))
  }

  /// Learns what is written about the pictures; both have a row for each.
  @discardableResult
  static func train(
    _ decoder: CaptionDecoder, _ memory: Tensor, _ texts: IndexTensor, by trainer: Trainer, until steps: Int,
    batchSize: Int, seed: UInt64
  ) throws -> BatchOrder {
    let order = try BatchOrder(
      sampleCount: texts.shape[0], batchSize: min(batchSize, texts.shape[0]), seed: seed)
    let batches = DataLoader(order) { samples in
      let rows = IndexTensor(samples.indices)
      return (memory: memory.take(rows), texts: texts[rows])
    }
    try trainer.train(batches, until: steps) { decoder.loss($0.texts, memory: Variable($0.memory)) }
    return order
  }

  /// What a locked tower makes of the parts of pictures, `[pictures, parts, width]`, each number brought to mean 0 and deviation
  /// 1 over some of the pictures.
  static func tokens(
    of images: [RGBImage], _ tower: some ImageTower, imageSize: Int, normalizedOver training: [Int]
  ) -> Tensor {
    tower.freeze()
    tower.evaluate()
    let preprocessing = ImagePreprocessing.efficientNetLite(imageSize: imageSize)
    let progress = Progress("locked tower", total: images.count, unit: "pictures")
    var parts: [Tensor] = []
    for start in stride(from: 0, to: images.count, by: 32) {
      let some = Array(images[start..<min(start + 32, images.count)])
      if case .pixels(let pixels) = preprocessing(some) {
        parts.append(withoutGradients { tower.tokens(Variable(pixels)).value })
      }
      progress.advance(by: some.count)
    }
    let tokens = Tensor.concatenate(parts, axis: 0)
    let known = tokens.take(IndexTensor(training)).flatten(from: 0, to: 1)
    return withoutGradients { FeatureNormalization(of: known)(Variable(tokens)).value }
  }

  private static let embeddedData = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Data").path

  private func timed<Result>(_ body: () -> Result) -> (Result, seconds: Double) {
    let start = ContinuousClock.now
    let result = body()
    return (result, (ContinuousClock.now - start) / .seconds(1))
  }

  private func milliseconds(_ seconds: Double) -> String { String(format: "%.0f ms", seconds * 1000) }
}
