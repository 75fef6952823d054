import CommandSupport
import Foundation
import SigLIPModel
import Testing

@testable import train_siglit

/// A folder of a test's own.
private final class Workplace {
  let folder = FileManager.default.temporaryDirectory.appending(path: "siglit-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appending(path: name).path }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: folder.appending(path: name))
  }

  func read(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }
}

@Suite struct ResumingTests {
  /// Nothing is read before the checkpoint but for checksums, so any files will do.
  private func dataFolder(_ place: Workplace) throws -> URL {
    let data = place.folder.appending(path: "data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    for name in RunIdentity.fileNames { try Data(name.utf8).write(to: data.appending(path: name)) }
    return data
  }

  @Test func anotherRecipeOrOtherDataIsRefusedByName() throws {
    let place = try Workplace()
    let data = try dataFolder(place)
    let identity = try RunIdentity(recipe: .standard, data: data)
    var writer = SafetensorsWriter(metadata: [
      "format": "pairwise-siglit", "step": "100",
      "trained with": String(decoding: try JSONEncoder().encode(identity), as: UTF8.self),
    ])
    writer.add(Tensor([1]), named: "model.x")
    try writer.write(to: place.path("checkpoint.safetensors"))
    try place.write("old", to: "config.json")
    try place.write("old", to: "metrics.jsonl")
    let before = try SHA256.digest(ofFile: place.path("checkpoint.safetensors"))

    func refusal(_ change: (inout Recipe) -> Void) -> String {
      var recipe = Recipe.standard
      change(&recipe)
      let error = #expect(throws: CommandError.self) {
        try TrainingRun(recipe: recipe, data: data, output: place.folder)(resuming: true)
      }
      return error?.description ?? ""
    }
    let changes: [(change: (inout Recipe) -> Void, words: String)] = [
      ({ $0.seed = 2 }, "--seed 1 (now 2)"),
      ({ $0.steps = 800 }, "--steps 400 (now 800)"),
      ({ $0.batchSize = 8 }, "--batch-size 768 (now 8)"),
      ({ $0.learningRate = 0.5 }, "--learning-rate 0.001 (now 0.5)"),
      ({ $0.optimizer = .adafactor }, "--optimizer adamw (now adafactor)"),
      ({ $0.loss = .softmax }, "--loss sigmoid (now softmax)"),
      ({ $0.languages = ["en", "de"] }, "--languages not given (now en,de)"),
      ({ $0.text.depth = 2 }, "text.depth 1 (now 2)"),
      ({ $0.weightDecay = 0 }, "weightDecay 0.01 (now 0.0)"),
    ]
    for (change, words) in changes {
      let message = refusal(change)
      #expect(
        message.contains(" was trained with \(words): give the same, or another --output"), "\(message)")
    }
    let both = refusal {
      $0.seed = 2
      $0.loss = .softmax
    }
    #expect(both.contains("--loss sigmoid (now softmax), --seed 1 (now 2):"))

    try Data("other".utf8).write(to: data.appending(path: "names.tsv"))
    let other = refusal { _ in }
    #expect(
      other.contains(
        "with names.tsv of --data checksum \(identity.files["names.tsv"]!.prefix(12)) (now checksum "))
    #expect(try SHA256.digest(ofFile: place.path("checkpoint.safetensors")) == before)
    #expect(try place.read("config.json") == "old" && place.read("metrics.jsonl") == "old")
    #expect(!FileManager.default.fileExists(atPath: place.path(".lock")))
  }

  /// Every field of a recipe decides the result; one that a new version adds must not be overlooked.
  @Test func everyFieldOfTheRecipeIsCompared() throws {
    let whole = try #require(
      JSONSerialization.jsonObject(with: JSONEncoder().encode(Recipe.standard)) as? [String: Any])
    let recorded = try JSONEncoder().encode(RunIdentity(recipe: .standard, files: [:]))
    let kept = try #require(JSONSerialization.jsonObject(with: recorded) as? [String: Any])
    #expect(Set(try #require(kept["recipe"] as? [String: Any]).keys) == Set(whole.keys))
    let path = "c.safetensors"
    for record in [nil, "{}", "no JSON"] {
      #expect(throws: CommandError.self) {
        try RunIdentity(recipe: .standard, files: [:]).check(isThatOf: path, recording: record)
      }
    }
    try RunIdentity(recipe: .standard, files: [:])
      .check(isThatOf: path, recording: String(decoding: recorded, as: UTF8.self))
  }

  @Test func aFolderThatIsInUseIsRefused() throws {
    let place = try Workplace()
    let data = try dataFolder(place)
    var writer = SafetensorsWriter()
    writer.add(bytes: [0, 0, 0, 0, 0, 0], shape: [2, 1, 1, 3], named: "images")
    try writer.write(to: data.appending(path: "images.safetensors").path)
    try place.write("codepoints\ten\n1\tx\n2\ty\n", to: "data/names.tsv")
    try place.write("codepoints\tsplit\tlanguages\n1\ttranslations\t\n", to: "data/held_out.tsv")
    try Data(contentsOf: TrainSigLIT.embeddedData.appending(path: "tokenizer.model"))
      .write(to: data.appending(path: "tokenizer.model"))
    var recipe = Recipe.standard
    recipe.batchSize = 2
    try OutputLock.withLock(place.path(".lock"), of: "test") {
      let error = #expect(throws: CommandError.self) {
        try TrainingRun(recipe: recipe, data: data, output: place.folder)(resuming: false)
      }
      #expect(error?.description.contains("process \(getpid()) is writing there") ?? false)
    }
  }

  @Test func theFeatureCacheKnowsWhatItIsOf() throws {
    let place = try Workplace()
    var random = Random(seed: 1)
    let images = (0..<2).map { index in
      RGBImage(width: 4, height: 4, pixels: (0..<48).map { UInt8(truncatingIfNeeded: $0 * (index + 3)) })
    }
    let original = TrainSigLIT.embeddedData.appending(path: "efficientnet-lite0.safetensors")
    try FileManager.default.copyItem(atPath: original.path, toPath: place.path("weights"))
    func features() -> ImageFeatures {
      ImageFeatures(images: images, weights: place.path("weights"), size: 32)
    }
    let cache = place.path("features.safetensors")
    let computed = try features().load(cache: cache)
    let key = try features().key()

    // What is there is used, if it says that it is whole and of the same things.
    let planted = random.normal(computed.shape)
    func plant(key: String, digest: String? = nil) throws {
      let own = planted.withUnsafeScalars { SHA256.digest(UnsafeRawBufferPointer($0)) }
      var writer = SafetensorsWriter(metadata: ["key": key, "sha256": digest ?? own])
      writer.add(planted, named: "features")
      try writer.write(to: cache)
    }
    try plant(key: key)
    #expect(try features().load(cache: cache) == planted)

    // One byte changed, cut off, of something else, no such file at all: computed anew, and kept.
    var bytes = try Data(contentsOf: URL(filePath: cache))
    bytes[bytes.count - 3] ^= 1
    try bytes.write(to: URL(filePath: cache))
    #expect(try features().load(cache: cache) == computed)
    #expect(try features().load(cache: cache) == computed)
    try bytes.prefix(bytes.count / 2).write(to: URL(filePath: cache))
    #expect(try features().load(cache: cache) == computed)
    try plant(key: key.replacingOccurrences(of: key.prefix(4), with: "0000"))
    #expect(try features().load(cache: cache) == computed)

    // Weights of the same size that hold something else, and every other part of the key.
    var weights = try Data(contentsOf: original)
    weights[weights.count - 1] ^= 1
    try weights.write(to: URL(filePath: place.path("weights")))
    #expect(try features().key() != key)
    try Data(contentsOf: original).write(to: URL(filePath: place.path("weights")))
    #expect(try features().key() == key)
    #expect(try ImageFeatures(images: images.reversed(), weights: original.path, size: 32).key() != key)
    #expect(try ImageFeatures(images: images, weights: original.path, size: 64).key() != key)
  }

  @Test func metricsOfEarlierStepsMustBeWhole() throws {
    let place = try Workplace()
    let path = place.path("metrics.jsonl")
    let log = try MetricsLog(path: path, keeping: 0)
    for step in 1...5 { try log.append(.init(step: step, loss: 1, temperature: 10, bias: -6)) }
    let whole = try place.read("metrics.jsonl")
    #expect(try MetricsLog(path: path, keeping: 3).entries.map(\.step) == [1, 2, 3])
    #expect(try place.read("metrics.jsonl").split(separator: "\n").count == 3)

    let lines = whole.split(separator: "\n").map { String($0) + "\n" }
    for damaged: String in [lines[0] + "{\"step\":\n" + lines[2], lines[0] + lines[2], lines[0] + lines[1]] {
      try place.write(damaged, to: "metrics.jsonl")
      #expect(throws: CommandError.self) { try MetricsLog(path: path, keeping: 3) }
      #expect(try place.read("metrics.jsonl") == damaged)
    }
    // What the steps after the checkpoint have left is of no matter; nor is a file that was removed, or begun later.
    for fine: String in [lines[0] + lines[1] + lines[2] + "{\"st", lines[1] + lines[2], ""] {
      try place.write(fine, to: "metrics.jsonl")
      _ = try MetricsLog(path: path, keeping: 3)
    }
  }
}
