import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel
import Testing

@testable import siglip

/// `siglip evaluate` on a small checkpoint of transformers and pictures of one colour each.
@Suite struct EvaluateTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
  private let model: String

  init() throws {
    let fixtures = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../Tests/Fixtures")
      .standardizedFileURL.path
    model = folder + "/model"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: fixtures + "/siglip_family/v1-64", toPath: model)
    for (kind, name) in ["apple", "sea", "tree"].enumerated() {
      try FileManager.default.createDirectory(
        atPath: folder + "/pictures/\(name)", withIntermediateDirectories: true)
      for number in 0..<5 {
        let pixels = (0..<(6 * 4)).flatMap { _ in
          (0..<3).map { UInt8($0 == kind ? 200 + number * 10 : number * 15) }
        }
        try RGBImage(width: 6, height: 4, pixels: pixels).writePPM(
          to: folder + "/pictures/\(name)/\(number).ppm")
      }
    }
  }

  private func run(_ arguments: String...) throws {
    var command = try Evaluate.parseAsRoot(arguments + ["--model", model, "--output", folder + "/out"])
    try command.run()
  }

  private func results() throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/out/evaluation.json"))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private func value(_ measure: String) throws -> Double {
    let measures = try #require(try results()["measures"] as? [String: [String: Double]])
    return try #require(measures[measure]?["value"])
  }

  /// Tasks that read no text.
  @Test(arguments: ["neighbors", "few-shot", "probe"])
  func coloursAreToldApart(_ task: String) throws {
    let pictures = folder + "/pictures"
    let options =
      ["neighbors": ["--neighbors", "3"], "few-shot": ["--shots", "1,4", "--choices", "2"]][task] ?? []
    var command = try Evaluate.parseAsRoot(
      [task, "--train", pictures, "--data", pictures, "--model", model, "--output", folder + "/out"] + options
    )
    try command.run()
    let name = task == "few-shot" ? "4-shot accuracy" : "accuracy@1"
    #expect(try value(name) > 0.8)
    #expect(try results()["task"] as? String == task)
    let settings = try #require(try results()["settings"] as? [String: String])
    #expect(settings["model"] == model && settings["training data"] == pictures)
    let page = try String(contentsOfFile: folder + "/out/evaluation.html", encoding: .utf8)
    #expect(page.contains("Right answers"))
    // Beside the output, for the next evaluation.
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/features").count == 1)
  }

  @Test func partsOfDataCanBeTaken() throws {
    try run(
      "neighbors", "--train", folder + "/pictures", "--data", folder + "/pictures", "--maximum-images", "6",
      "--neighbors", "1", "--cache", folder + "/kept")
    let counts = try #require(try results()["counts"] as? [String: Int])
    #expect(counts["images"] == 6 && counts["training images"] == 6)
    #expect(FileManager.default.fileExists(atPath: folder + "/kept"))
  }

  @Test(arguments: [
    (["zero-shot"], "--data"), (["zero-shot", "--data", "x", "--template", "a photo"], "expected {}"),
    (["few-shot", "--data", "x", "--train", "y", "--shots", "1,1"], "--shots 1,1"),
    (["few-shot", "--data", "x", "--train", "y", "--shots", "0"], "--shots 0"),
    (["few-shot", "--data", "x", "--train", "y", "--choices", "0"], "--choices 0"),
    (["neighbors", "--data", "x"], "--train"), (["calibration", "--data", "x", "--bins", "0"], "--bins 0"),
    (["retrieval", "--data", "x", "--maximum-images", "0"], "--maximum-images 0"),
    (["retrieval", "--data", "x", "--pictures", "2000"], "--pictures 2000"),
    (["retrieval", "--data", "x", "--maximum-damaged-share", "2"], "--maximum-damaged-share 2"),
    (["retrieval", "--data", "x", "--threads", "0"], "--threads 0"),
    (["zero-shot", "--data", "x", "--templates", "openai8"], "openai8"),
  ])
  func wrongArgumentsAreRefused(_ arguments: [String], _ expected: String) {
    do {
      _ = try Evaluate.parseAsRoot(arguments + ["--model", model, "--output", folder + "/out"])
      Issue.record("nothing thrown")
    } catch { #expect(Evaluate.message(for: error).contains(expected)) }
  }

  @Test func nothingIsWrittenWhereNothingCanBe() throws {
    let file = folder + "/file"
    try Data().write(to: URL(fileURLWithPath: file))
    var command = try Evaluate.parseAsRoot(
      ["retrieval", "--data", folder + "/pictures", "--model", model, "--output", file])
    let error = #expect(throws: CommandError.self) { try command.run() }
    #expect(error?.description == "--output \(file): it is there and is not a folder")
    // Images with a model that has no tokenizer.
    #expect(throws: (any Error).self) { try run("zero-shot", "--data", folder + "/pictures") }
    #expect(!FileManager.default.fileExists(atPath: folder + "/out"))
  }
}
