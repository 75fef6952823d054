import Foundation
import NN
import SigLIPModel
import TestSupport
import Testing
import Training

/// How trainings go, and what they leave.
extension SigLIPTrainingTests {
  private func metrics(_ output: String, _ name: String) throws -> [Double] {
    try JSONLinesWriter.read(path: folder.path("\(output)/metrics.jsonl")).compactMap { $0.numbers[name] }
  }

  @Test(arguments: OptimizerConfiguration.Kind.allCases, PairObjective.allCases)
  func everyOptimizerLowersEachLoss(optimizer: OptimizerConfiguration.Kind, loss: PairObjective) throws {
    let rate = optimizer == .lion ? 1e-3 : 5e-3
    _ = try run(
      "run",
      [
        "optimizer.kind=\(optimizer)", "loss.kind=\(loss)", "steps=40", "batchSize=12", "augmentations=[]",
        "optimizer.learningRate=\(rate)", "checkpoints.every=100",
      ])
    let losses = try metrics("run", "loss")
    #expect(losses.count == 40)
    let (before, after) = (losses.prefix(5).reduce(0, +), losses.suffix(5).reduce(0, +))
    #expect(after < 0.6 * before, "\(losses)")
    #expect(try metrics("run", "bias").count == (loss == .sigmoid ? 40 : 0))
  }

  /// CLIP's bound on the temperature holds for its loss alone.
  @Test func theTemperatureOfTheSoftmaxLossHasABound() throws {
    for loss in PairObjective.allCases {
      _ = try run("\(loss)", ["loss.kind=\(loss)", "loss.temperature=200", "steps=3"])
      let temperatures = try metrics("\(loss)", "temperature")
      #expect(
        temperatures.allSatisfy { ($0 <= 100.001) == (loss == .softmax) && $0 > 90 },
        "\(loss): \(temperatures)")
    }
  }

  @Test func divergedTrainingIsStoppedBeforeItIsKept() throws {
    let error = #expect(throws: NonFiniteError.self) {
      try run("run", ["optimizer.learningRate=1e30", "checkpoints.every=1000", "steps=12"])
    }
    #expect(error?.sentence.contains("training has diverged") ?? false)
    #expect(!FileManager.default.fileExists(atPath: folder.path("run/checkpoints")))
    #expect(!FileManager.default.fileExists(atPath: folder.path("run/model")))
  }

  /// CLIP's baseline: words without order, of which padding is none.
  @Test func aBagOfWordsIsTrained() throws {
    func text(_ more: String) -> String {
      #"model.text={"architecture": "bagOfWords", "contextLength": 8, "width": 24\#(more)}"#
    }
    _ = try run(
      "run", [text(""), "steps=40", "batchSize=12", "augmentations=[]", "optimizer.learningRate=5e-3"])
    let losses = try metrics("run", "loss")
    let (before, after) = (losses.prefix(5).reduce(0, +), losses.suffix(5).reduce(0, +))
    #expect(losses.count == 40 && after < 0.6 * before, "\(losses)")
    let checkpoint = try SigLIPCheckpoint(path: folder.path("run/model"))
    #expect(checkpoint.model.text is BagOfWords)
    #expect(checkpoint.configuration.text.paddingToken == Int(try checkpoint.textEncoder().padID))
    let model = try EmbeddingModel(checkpoint)
    #expect(try model.embed(texts: ["red moon"]) == model.embed(texts: ["moon red"]))

    for (more, problem) in [
      (#", "depth": 2"#, "depth: is that of blocks"), (#", "dropout": 0.1"#, "dropout: is that of blocks"),
      (#", "pooling": "last""#, "pooling: is last, expected mean or endToken"),
    ] {
      let error = #expect(throws: ConfigurationError.self) { try run("never", [text(more)]) }
      #expect(error?.description.contains(problem) ?? false, "\(error.map(String.init(describing:)) ?? "")")
    }
  }

  /// What a program adds of its own sees the model that was written, and stands in the report.
  @Test func aProgramAddsToTheReport() throws {
    let training = try SigLIPTraining(configuration("run", ["steps=2"]))
    try training.run(warn: { _ in }) { report in
      let model = try EmbeddingModel(SigLIPCheckpoint(path: folder.path("run/model")))
      let width = try model.embed(texts: ["moon"]).shape[1]
      report.sections.append(.init(title: "my own", html: "<p>\(width) numbers</p>"))
    }
    let page = try String(contentsOfFile: folder.path("run/report.html"), encoding: .utf8)
    #expect(page.contains("my own") && page.contains("<p>32 numbers</p>"))
  }

  /// A locked tower is in no checkpoint of a run, so its file is part of what the run is.
  @Test func otherWeightsOfALockedTowerAreRefused() throws {
    let settings = try lockedTower()
    _ = try run("run", settings)
    _ = try run("run", settings, start: .resuming)
    let weights = folder.path("base/model/model.safetensors")
    var bytes = try [UInt8](Data(contentsOf: URL(filePath: weights)))
    bytes[bytes.count - 1] ^= 1
    _ = try folder.write(bytes, to: "base/model/model.safetensors")
    let error = #expect(throws: ConfigurationMismatch.self) { try run("run", settings, start: .resuming) }
    #expect(error?.description.contains("base/model/model.safetensors") ?? false)
  }

  /// An evaluation finds what a locked tower saw in training, whatever was trained behind it, and embeds as the whole model
  /// does.
  @Test func evaluationsFindTheFeaturesOfALockedTower() throws {
    _ = try run("run", try lockedTower() + ["steps=2", "loader.featureCache=\(folder.path("features"))"])
    func kept() throws -> [String: Int] {
      let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path("features"))
      return Dictionary(
        uniqueKeysWithValues: try names.map { name in
          let path = folder.path("features/\(name)")
          return (name, try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? -1)
        })
    }
    let before = try kept()
    #expect(!before.isEmpty)
    let checkpoint = try SigLIPCheckpoint(path: folder.path("run/model"))
    let source = try TableSource(folder.path("pictures.csv"))
    let embedded = try EvaluationModel(checkpoint, cache: folder.path("features")).embed(source)
    #expect(try kept() == before)

    let whole = try EmbeddingModel(checkpoint)
    let images = try whole.embed(
      fitted: whole.read(embedded.samples.map { folder.path(source.key(at: $0)) }).map { try $0.get() })
    #expect(images == embedded.embeddings && images.shape == [12, 20])
  }

  /// Settings of a run beside the locked tower of one that was trained before.
  private func lockedTower() throws -> [String] {
    _ = try run("base", ["steps=1"])
    return [
      "model={\"image\": {\"checkpoint\": \"\(folder.path("base/model"))\"}, \"embeddingWidth\": 20, "
        + #""text": {"contextLength": 8, "width": 24, "depth": 1, "heads": 2, "pooling": "mean"}, "#
        + "\"tokenizer\": \"\(exampleData("tokenizer.model"))\"}", "towers.image.training=locked",
      "augmentations=[]", "steps=2",
    ]
  }
}
