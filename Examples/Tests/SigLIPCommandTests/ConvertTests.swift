import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel
import Testing

@testable import siglip

@Suite struct ConvertTests {
  /// A checkpoint of the library's tests.
  private let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Tests/Fixtures/siglip_family/v1-16").path

  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("siglip-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private func run(_ arguments: String...) throws {
    var command = try SigLIPCommand.parseAsRoot(arguments)
    try command.run()
  }

  @Test func formatsFollowNamesAndOptions() throws {
    try withFolder { folder in
      func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
      try run("convert", "--from", source, "--to", path("a.npz"), "--stacked")
      try run("convert", "--from", path("a.npz"), "--to", path("b"), "--format", "open_clip")
      try run("convert", "--from", path("b"), "--to", path("c"), "--type", "f16", "--image-size", "16")
      let (a, b) = (try SigLIPCheckpoint(path: path("a.npz")), try SigLIPCheckpoint(path: path("b")))
      let c = try SigLIPCheckpoint(path: path("c"))
      #expect([a.format, b.format, c.format] == [.bigVision, .openClip, .huggingFace])
      #expect(a.model.stateDictionary() == b.model.stateDictionary())
      #expect(c.configuration.vision.imageSize == 16 && c.configuration.vision.gridSize == 4)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["a.npz", "b", "c"])
    }
  }

  @Test(arguments: [
    ["--from", "nowhere", "--to", "there"], ["--to", "there"],
    ["--from", "nowhere", "--to", "there", "--stacked"],
    ["--from", "nowhere", "--to", "there", "--format", "npz"],
    ["--from", "nowhere", "--to", "x", "--type", "f8"],
    ["--from", "nowhere", "--to", "there", "--format", "onnx"],
  ])
  func wrongArgumentsAreRefused(_ arguments: [String]) {
    #expect(throws: (any Error).self) {
      var command = try SigLIPCommand.parseAsRoot(["convert"] + arguments)
      try command.run()
    }
  }

  @Test func nothingIsReplaced() throws {
    try withFolder { folder in
      let target = folder.appendingPathComponent("taken.npz")
      try Data("mine".utf8).write(to: target)
      #expect(throws: CommandError.self) { try run("convert", "--from", source, "--to", target.path) }
      #expect(try Data(contentsOf: target) == Data("mine".utf8))
    }
  }

  @Test func inspectionSaysWhatTheModelIs() throws {
    let own = try ModelDescription(source)
    #expect(own.parameters == own.imageParameters + own.textParameters + 2)
    #expect(own.table.contains("images of 11 x 11, patches of 4 x 4"))
    #expect(own.parameterTable.contains("text.projection.weight"))
    let base = try ModelDescription("B/16-224")
    #expect(base.table.contains("203.2 M") && base.table.contains("46.4 GFLOPs"))
    #expect(try base.json().contains("\"parameters\" : 203155970"))
    #expect(throws: FileError.self) { try ModelDescription("nowhere") }
  }
}
