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
  /// The smallest data there can be: two images with a name each, and the tower and the tokenizer of the whole.
  private func dataFolder(_ place: Workplace) throws -> URL {
    let data = place.folder.appending(path: "data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    var writer = SafetensorsWriter()
    writer.add(bytes: (0..<48).map { UInt8($0 * 5) }, shape: [2, 2, 4, 3], named: "images")
    try writer.write(to: data.appending(path: "images.safetensors").path)
    try place.write("codepoints\ten\n1\tx\n2\ty\n", to: "data/names.tsv")
    try place.write("codepoints\tsplit\tlanguages\n1\ttranslations\t\n", to: "data/held_out.tsv")
    for name in ["tokenizer.model", "efficientnet-lite0.safetensors"] {
      try FileManager.default.copyItem(
        at: TrainSigLIT.embeddedData.appending(path: name), to: data.appending(path: name))
    }
    return data
  }

  private func recipe(steps: Int = 2) -> Recipe {
    var recipe = Recipe.standard
    (recipe.batchSize, recipe.steps, recipe.imageSize) = (2, steps, 32)
    return recipe
  }

  @Test func anotherRecipeOrOtherDataIsRefusedByName() throws {
    let place = try Workplace()
    let data = try dataFolder(place)
    let output = place.folder.appending(path: "run")
    _ = try TrainingRun(recipe: recipe(), data: data, output: output)(resuming: false)
    func files() throws -> [String: String] {
      var digests: [String: String] = [:]
      for name in try FileManager.default.subpathsOfDirectory(atPath: output.path) {
        let path = output.appending(path: name)
        if !path.hasDirectoryPath, let bytes = try? Data(contentsOf: path) {
          digests[name] = bytes.withUnsafeBytes { SHA256.digest($0) }
        }
      }
      return digests
    }
    let before = try files()
    #expect(before.count >= 8)

    func refusal(_ change: (inout Recipe) -> Void) -> String {
      var recipe = recipe()
      change(&recipe)
      let error = #expect(throws: ConfigurationMismatch.self) {
        try TrainingRun(recipe: recipe, data: data, output: output)(resuming: true)
      }
      return error?.description ?? ""
    }
    let message = refusal {
      $0.seed = 2
      $0.learningRate = 0.5
      $0.loss = .softmax
      $0.languages = ["en"]
      $0.text.depth = 2
    }
    #expect(
      message.contains(
        "step-00000002 was trained with languages not given (now [\"en\"]), learningRate 0.001 (now 0.5), "
          + "loss \"sigmoid\" (now \"softmax\"), seed 1 (now 2), text.depth 1 (now 2): give the same"),
      "\(message)")
    try place.write("codepoints\ten\n1\tz\n2\ty\n", to: "data/names.tsv")
    #expect(refusal { _ in }.contains("with files.names.tsv \""))
    #expect(try files() == before)
    try place.write("codepoints\ten\n1\tx\n2\ty\n", to: "data/names.tsv")

    // What is allowed, and more steps without that.
    var other = recipe(steps: 3)
    other.learningRate = 0.5
    _ = try TrainingRun(recipe: other, data: data, output: output, allowed: ["learningRate"])(resuming: true)
    let lines = try JSONLinesWriter.read(path: output.appending(path: "metrics.jsonl").path)
    #expect(lines.map(\.step) == [1, 2, 3])
  }

  @Test func aFolderThatIsInUseIsRefused() throws {
    let place = try Workplace()
    let data = try dataFolder(place)
    try FileLock.withLock(place.path(".lock"), of: "test") {
      let error = #expect(throws: FileError.self) {
        try TrainingRun(recipe: recipe(), data: data, output: place.folder)(resuming: false)
      }
      #expect(error?.description.contains("process \(getpid()) is writing there") ?? false)
    }
  }

  @Test func tooFewCaptionsForABatch() throws {
    let place = try Workplace()
    let data = try dataFolder(place)
    var recipe = recipe()
    recipe.batchSize = 3
    let error = #expect(throws: CommandError.self) {
      try TrainingRun(recipe: recipe, data: data, output: place.folder)(resuming: false)
    }
    #expect(
      error?.description
        == "\(data.path): captions for training: 2 samples, expected enough for a batch of 3")
  }
}
