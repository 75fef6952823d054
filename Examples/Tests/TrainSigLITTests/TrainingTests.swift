import CommandSupport
import Foundation
import SigLIPModel
import Testing

@testable import train_siglit

@Suite struct TrainingTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "siglit-\(UUID().uuidString)")

  private func remove() { try? FileManager.default.removeItem(at: folder) }

  /// Trains on eight images with features of their own and three captions each, two tokens long.
  @discardableResult
  private func train(
    _ name: String = "run", until steps: Int, optimizer: OptimizerKind = .adamw, loss: LossKind = .sigmoid,
    learningRate: Float = 1e-3, featureScale: Float = 1, temperature: Float = 10
  ) throws -> TrainingSession {
    var recipe = Recipe.standard
    recipe.steps = 60
    recipe.learningRate = learningRate
    recipe.batchSize = 8
    recipe.optimizer = optimizer
    recipe.loss = loss
    recipe.warmUpSteps = 2
    recipe.logitScale = log(temperature)
    recipe.text = TextConfiguration(
      vocabularySize: 32, contextLength: 3, width: 16, depth: 1, heads: 2, hiddenWidth: 32, outputWidth: 8,
      pooling: .mean)
    var random = Random(seed: 5)
    let captions = (0..<24).map { EmojiData.Caption(image: $0 % 8, language: $0 / 8) }
    let session = try TrainingSession(
      recipe: recipe, text: recipe.text, features: random.normal([8, 12]) * featureScale, captions: captions,
      tokens: captions.map { [Int32(2 + $0.image), Int32(12 + $0.language), 1] },
      run: RunFolder(
        folder.appending(path: name), configuration: RunConfiguration(recipe), start: .resumingIfAny))
    try session.train(BatchOrder(sampleCount: 24, batchSize: 8, seed: recipe.seed), until: steps)
    return session
  }

  private func metrics(_ name: String = "run") throws -> [StepMetrics] {
    try JSONLinesWriter.read(path: folder.appending(path: "\(name)/metrics.jsonl").path)
  }

  @Test(arguments: OptimizerKind.allCases, LossKind.allCases)
  func lossFalls(optimizer: OptimizerKind, loss: LossKind) throws {
    defer { remove() }
    try train(until: 60, optimizer: optimizer, loss: loss)
    let losses = try metrics().compactMap { $0.numbers["loss"] }
    #expect(losses.count == 60)
    let (before, after) = (losses.prefix(5).reduce(0, +), losses.suffix(5).reduce(0, +))
    #expect(after < 0.6 * before, "\(losses)")
    for line in try metrics() { #expect(line.numbers["temperature"]! > 0 && line.numbers["bias"] != nil) }
  }

  @Test func aResumedRunIsTheSameRun() throws {
    defer { remove() }
    try train("whole", until: 12)
    try train("pieces", until: 7)
    try train("pieces", until: 12)
    for name in ["metrics.jsonl", "checkpoints/step-00000012/state.safetensors"] {
      let bytes = try ["whole", "pieces"].map {
        try Data(contentsOf: folder.appending(path: "\($0)/\(name)"))
      }
      #expect(bytes[0] == bytes[1], "\(name)")
    }
  }

  /// CLIP's bound on the temperature holds for its loss alone.
  @Test func theTemperatureOfTheSoftmaxLossHasABound() throws {
    defer { remove() }
    for (loss, isBounded) in [(LossKind.softmax, true), (.sigmoid, false)] {
      try train(loss.rawValue, until: 3, loss: loss, temperature: 200)
      let temperatures = try metrics(loss.rawValue).compactMap { $0.numbers["temperature"] }
      #expect(temperatures.allSatisfy { ($0 <= 100.001) == isBounded && $0 > 90 }, "\(loss): \(temperatures)")
    }
  }

  @Test func divergedTrainingIsStoppedBeforeItIsKept() throws {
    defer { remove() }
    let error = #expect(throws: CommandError.self) { try train(until: 12, learningRate: 1e30) }
    #expect(error?.description.contains("training has diverged") ?? false)
    #expect(error?.description.hasSuffix("; a smaller --learning-rate may help") ?? false)
    #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "run/checkpoints").path))
  }

  @Test func aGradientThatIsNotFiniteEndsTheTraining() throws {
    defer { remove() }
    let error = #expect(throws: CommandError.self) { try train(until: 4, featureScale: .nan) }
    #expect(
      error?.description
        == "step 0: training has diverged, the loss is nan; a smaller --learning-rate may help")
  }
}
