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
        at: URL(filePath: TrainSigLIT.embeddedData).appending(path: name), to: data.appending(path: name))
    }
    return data
  }

  /// Runs the command on the data of a place.
  private func train(_ place: Workplace, _ options: String..., batchSize: Int = 2, steps: Int = 2) throws {
    let command = try TrainSigLIT.parse(
      [
        "--data", place.path("data"), "--output", place.path("run"), "--steps", "\(steps)", "--batch-size",
        "\(batchSize)",
      ] + options)
    try command.run()
  }

  @Test func anotherRecipeOrOtherDataIsRefusedByName() throws {
    let place = try Workplace()
    _ = try dataFolder(place)
    let output = place.folder.appending(path: "run")
    try train(place)
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

    func refusal(_ options: String...) -> String {
      let error = #expect(throws: ConfigurationMismatch.self) {
        let command = try TrainSigLIT.parse(
          ["--data", place.path("data"), "--output", output.path, "--batch-size", "2", "--steps", "2"]
            + ["--resume"] + options)
        try command.run()
      }
      return error?.description ?? ""
    }
    let message = refusal(
      "--seed", "2", "--learning-rate", "0.5", "--loss", "softmax", "--optimizer", "lion")
    for part in [
      "step-00000002 was trained with ", "loss.kind \"sigmoid\" (now \"softmax\")",
      "optimizer.kind \"adamw\" (now \"lion\")", "optimizer.learningRate 0.001", "(now 0.5)",
      "seed 1 (now 2)",
      "loss.temperature not given (now 10)", ": give the same",
    ] {
      #expect(message.contains(part), "\(message)")
    }
    #expect(refusal("--languages", "en").contains("\"languages\":[\"en\"]"))
    try place.write("codepoints\ten\n1\tz\n2\ty\n", to: "data/names.tsv")
    #expect(refusal().contains("data/names.tsv \""))
    #expect(try files() == before)
    try place.write("codepoints\ten\n1\tx\n2\ty\n", to: "data/names.tsv")

    // What is allowed, and more steps without that.
    try train(
      place, "--resume", "--learning-rate", "0.5", "--allow", "optimizer.learningRate", steps: 3)
    let lines = try JSONLinesWriter.read(path: output.appending(path: "metrics.jsonl").path)
    #expect(lines.map(\.step) == [1, 2, 3])
  }

  @Test func aFolderThatIsInUseIsRefused() throws {
    let place = try Workplace()
    _ = try dataFolder(place)
    try FileManager.default.createDirectory(atPath: place.path("run"), withIntermediateDirectories: true)
    try FileLock.withLock(place.path("run/.lock"), of: "test") {
      let error = #expect(throws: FileError.self) { try train(place) }
      #expect(error?.description.contains("process \(getpid()) is writing there") ?? false)
    }
  }

  @Test func tooFewCaptionsForABatch() throws {
    let place = try Workplace()
    _ = try dataFolder(place)
    let error = #expect(throws: ConfigurationError.self) { try train(place, batchSize: 3) }
    #expect(error?.description.contains("2 samples, expected enough for a batch of 3") ?? false)
  }

  @Test func aDivergedRunSaysWhatMayHelp() throws {
    let place = try Workplace()
    _ = try dataFolder(place)
    let error = #expect(throws: CommandError.self) {
      try train(place, "--learning-rate", "1e30", steps: 12)
    }
    #expect(error?.description.hasSuffix("; a smaller --learning-rate may help") ?? false)
    #expect(!FileManager.default.fileExists(atPath: place.path("run/checkpoints")))
  }
}
