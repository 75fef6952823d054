import CommandSupport
import Foundation
import SigLIPModel
import Testing

@testable import train_siglit

@Suite struct TrainingTests {
  /// Eight images with features of their own and three captions each, two tokens long.
  private func session(
    steps: Int, optimizer: OptimizerKind = .adamw, loss: LossKind = .sigmoid, learningRate: Float = 1e-3,
    featureScale: Float = 1
  ) throws -> TrainingSession {
    var recipe = Recipe.standard
    recipe.steps = steps
    recipe.learningRate = learningRate
    recipe.batchSize = 8
    recipe.optimizer = optimizer
    recipe.loss = loss
    recipe.warmUpSteps = 2
    recipe.text = TextConfiguration(
      vocabularySize: 32, contextLength: 3, width: 16, depth: 1, heads: 2, hiddenWidth: 32, outputWidth: 8,
      pooling: .mean)
    var random = Random(seed: 5)
    let captions = (0..<24).map { EmojiData.Caption(image: $0 % 8, language: $0 / 8) }
    return try TrainingSession(
      identity: RunIdentity(recipe: recipe, files: [:]), text: recipe.text,
      features: random.normal([8, 12]) * featureScale,
      captions: captions,
      tokens: captions.map { [Int32(2 + $0.image), Int32(12 + $0.language), 1] })
  }

  private func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "siglit-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  @Test(arguments: OptimizerKind.allCases, LossKind.allCases)
  func lossFalls(optimizer: OptimizerKind, loss: LossKind) throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let session = try session(steps: 60, optimizer: optimizer, loss: loss)
    let metrics = try MetricsLog(path: folder.appending(path: "metrics.jsonl").path, keeping: 0)
    try session.train(until: 60, metrics: metrics, checkpoint: folder.appending(path: "c.safetensors").path)
    let losses = metrics.entries.map(\.loss)
    #expect(losses.count == 60)
    let (before, after) = (losses.prefix(5).reduce(0, +), losses.suffix(5).reduce(0, +))
    #expect(after < 0.6 * before, "\(losses)")
  }

  @Test func aResumedRunIsTheSameRun() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appending(path: name).path }
    let whole = try session(steps: 12)
    try whole.train(until: 12, metrics: MetricsLog(path: path("a.jsonl"), keeping: 0), checkpoint: path("a"))
    let first = try session(steps: 12)
    try first.train(until: 7, metrics: MetricsLog(path: path("b.jsonl"), keeping: 0), checkpoint: path("b"))
    let second = try session(steps: 12)
    try second.restore(from: path("b"))
    #expect(second.step == 7)
    try second.train(
      until: 12, metrics: MetricsLog(path: path("b.jsonl"), keeping: second.step), checkpoint: path("b"))
    #expect(try Data(contentsOf: URL(filePath: path("a"))) == Data(contentsOf: URL(filePath: path("b"))))
    #expect(
      try Data(contentsOf: URL(filePath: path("a.jsonl"))) == Data(contentsOf: URL(filePath: path("b.jsonl")))
    )
  }

  @Test func foreignCheckpointsAreRefused() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "c.safetensors").path
    try SafetensorsFile.write(["x": Tensor([1])], to: path)
    #expect(throws: CommandError.self) { try session(steps: 4).restore(from: path) }
    let long = try session(steps: 8)
    try long.train(
      until: 8, metrics: MetricsLog(path: folder.appending(path: "m").path, keeping: 0), checkpoint: path)
    let error = #expect(throws: CommandError.self) {
      try session(steps: 4, optimizer: .adafactor, loss: .softmax, learningRate: 0.5).restore(from: path)
    }
    #expect(
      error?.description
        == "\(path) was trained with --learning-rate 0.001 (now 0.5), --loss sigmoid (now softmax), "
        + "--optimizer adamw (now adafactor), --steps 8 (now 4): give the same, or another --output")
  }

  @Test func divergedTrainingIsStoppedBeforeItIsKept() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "c.safetensors").path
    let metrics = try MetricsLog(path: folder.appending(path: "m").path, keeping: 0)
    let error = #expect(throws: CommandError.self) {
      try session(steps: 12, learningRate: 1e30).train(until: 12, metrics: metrics, checkpoint: path)
    }
    #expect(error?.description.contains("training has diverged") ?? false)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func aGradientThatIsNotFiniteEndsTheTraining() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let metrics = try MetricsLog(path: folder.appending(path: "m").path, keeping: 0)
    let error = #expect(throws: CommandError.self) {
      try session(steps: 4, featureScale: .nan).train(
        until: 4, metrics: metrics, checkpoint: folder.appending(path: "c.safetensors").path)
    }
    #expect(
      error?.description
        == "step 1: training has diverged, with loss nan and a gradient that is not finite; a smaller --learning-rate "
        + "may help")
  }
}
