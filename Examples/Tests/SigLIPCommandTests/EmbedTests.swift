import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel
import Tensor
import Testing

@testable import siglip

/// A folder of a test's own, and the small checkpoints of the library's tests.
private final class Workplace {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path

  init() throws {
    try FileManager.default.createDirectory(atPath: folder + "/photos", withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  static func checkpoint(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../Tests/Fixtures/siglip_family/\(name)")
      .standardizedFileURL.path
  }

  /// Writes an image, of one colour that its number decides.
  func addPhoto(_ number: Int, as name: String) throws {
    let pixels = (0..<(6 * 4 * 3)).map { UInt8(truncatingIfNeeded: number * 40 + $0) }
    try RGBImage(width: 6, height: 4, pixels: pixels).writePPM(to: folder + "/photos/" + name)
  }

  func addFile(_ text: String, as name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/photos/" + name))
  }

  func embed(_ arguments: String..., model: String) throws {
    let all = arguments + ["--model", Workplace.checkpoint(model), "--output", folder + "/out.safetensors"]
    let command = try Embed.parse(all)
    try command.run()
  }

  func index(_ options: String...) throws {
    let command = try IndexFolder.parse(
      [folder + "/photos", "--model", Workplace.checkpoint("v1-64"), "--output", folder + "/index"] + options)
    try command.run()
  }

  func output() throws -> SafetensorsFile { try SafetensorsFile(folder + "/out.safetensors") }
}

@Suite struct EmbedTests {
  @Test(arguments: ["v1-64", "v2-naflex"])
  func preparedInputsGiveTheEmbeddingsOfTransformers(_ model: String) throws {
    let place = try Workplace()
    let expected = try SafetensorsFile(Workplace.checkpoint(model) + "/expected.safetensors")
    var writer = SafetensorsWriter()
    if model == "v2-naflex" {
      writer.add(try expected.tensor(named: "patches"), named: "pixel_values")
      writer.add(try expected.indices(named: "grids"), named: "spatial_shapes")
    } else {
      writer.add(try expected.tensor(named: "pixels"), named: "pixel_values")
    }
    writer.add(try expected.indices(named: "input_ids"), named: "input_ids")
    let inputs = place.folder + "/inputs.safetensors"
    try writer.write(to: inputs)
    try place.embed("--pixels", inputs, "--tokens", inputs, "--batch-size", "2", model: model)
    let output = try place.output()
    #expect(output.names.sorted() == ["image_embeds", "logits_per_image", "text_embeds"])
    for name in output.names {
      let (found, wanted) = (try output.tensor(named: name), try expected.tensor(named: name))
      #expect(found.isApproximatelyEqual(to: wanted, absolute: 1e-4, relative: 1e-4), "\(model) \(name)")
    }
  }

  @Test func inputsOfAnotherShapeAreRefused() throws {
    let place = try Workplace()
    let inputs = place.folder + "/inputs.safetensors"
    try SafetensorsFile.write(["pixel_values": Tensor.zeros([2, 3, 12, 16])], to: inputs)
    let error = #expect(throws: CommandError.self) { try place.embed("--pixels", inputs, model: "v1-64") }
    #expect(
      error?.description == "\(inputs): pixel_values has shape [2, 3, 12, 16], expected [any, 3, 12, 12]")
    var writer = SafetensorsWriter()
    writer.add(IndexTensor([Int32](repeating: 40, count: 64), shape: [1, 64]), named: "input_ids")
    try writer.write(to: inputs)
    #expect(throws: CommandError.self) { try place.embed("--tokens", inputs, model: "v1-64") }
    #expect(!FileManager.default.fileExists(atPath: place.folder + "/out.safetensors"))
  }

  @Test func damagedImagesAreLeftOut() throws {
    let place = try Workplace()
    try place.addPhoto(1, as: "a.ppm")
    try place.addFile("P6 9 9 255\n", as: "b.ppm")
    try place.addPhoto(2, as: "c.ppm")
    let photos = place.folder + "/photos"
    #expect(throws: filesLeftOut) { try place.embed(photos, model: "v1-64") }
    #expect(try place.output()["image_embeds"]?.shape == [2, 16])
    #expect(try place.output().metadata["images"]?.contains("b.ppm") == false)
    try FileManager.default.removeItem(atPath: place.folder + "/out.safetensors")
    #expect(throws: CommandError.self) { try place.embed(photos + "/b.ppm", model: "v1-64") }
    #expect(throws: CommandError.self) { try place.embed("missing.ppm", model: "v1-64") }
    #expect(!FileManager.default.fileExists(atPath: place.folder + "/out.safetensors"))
  }

  @Test func anOutputThatIsReadOrCannotBeIsRefused() throws {
    let place = try Workplace()
    try place.addPhoto(1, as: "a.ppm")
    let photo = place.folder + "/photos/a.ppm"
    let before = try Data(contentsOf: URL(fileURLWithPath: photo))
    for output in [photo, place.folder + "/photos", "", place.folder + "/none/out", "/dev/null"] {
      #expect(throws: CommandError.self) {
        let command = try Embed.parse([photo, "--model", Workplace.checkpoint("v1-64"), "--output", output])
        try command.run()
      }
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: photo)) == before)
  }

  @Test func aSecondIndexingEmbedsOnlyWhatChanged() throws {
    let place = try Workplace()
    for (number, name) in ["a.ppm", "b.ppm", "c.ppm"].enumerated() { try place.addPhoto(number, as: name) }
    try place.index("--batch-size", "2")
    let first = try ImageIndex(path: place.folder + "/index")
    #expect(first.entries.map(\.path) == ["a.ppm", "b.ppm", "c.ppm"])

    try FileManager.default.removeItem(atPath: place.folder + "/photos/a.ppm")
    try place.addPhoto(4, as: "c.ppm")
    try place.addPhoto(5, as: "d.ppm")
    try place.addFile("nothing", as: "e.ppm")
    #expect(throws: filesLeftOut) { try place.index() }
    let second = try ImageIndex(path: place.folder + "/index")
    #expect(second.entries.map(\.path) == ["b.ppm", "c.ppm", "d.ppm"])
    #expect(second.embeddings[0] == first.embeddings[1])
    #expect(second.embeddings[1] != first.embeddings[2])
    try FileManager.default.removeItem(atPath: place.folder + "/photos/e.ppm")
    try place.index("--rebuild")
    let fresh = try ImageIndex(path: place.folder + "/index")
    #expect(fresh.entries == second.entries)
    #expect(fresh.embeddings.isApproximatelyEqual(to: second.embeddings, absolute: 1e-6, relative: 0))
  }

  /// Whatever a folder holds, each file is embedded or named.
  @Test func strangeFilesAreNamed() throws {
    let place = try Workplace()
    let photos = place.folder + "/photos/"
    let (composed, decomposed) = ("\u{E9}.ppm", "e\u{301}.ppm")
    for (number, name) in ["a\n\u{1B}[31m.ppm", composed, decomposed, "UPPER.PPM", ".hidden.ppm"].enumerated()
    {
      try place.addPhoto(number, as: name)
    }
    try FileManager.default.createDirectory(atPath: photos + "folder.ppm", withIntermediateDirectories: true)
    try place.addPhoto(9, as: "folder.ppm/inner.ppm")
    // Known to the system by its bytes alone.
    #expect(rename(photos + "UPPER.PPM", [UInt8](photos.utf8) + [0xFF] + [UInt8](".ppm\0".utf8)) == 0)
    #expect(mkfifo(photos + "pipe.ppm", 0o600) == 0)
    for (name, target) in [
      ("loop", "."), ("loop.ppm", "loop.ppm"), ("gone.ppm", "nowhere"), ("again.ppm", composed),
    ] {
      try FileManager.default.createSymbolicLink(atPath: photos + name, withDestinationPath: target)
    }
    // Further away than 64 bits of nanoseconds reach.
    var times = [timespec(tv_sec: 32_503_680_000, tv_nsec: 0), timespec(tv_sec: 32_503_680_000, tv_nsec: 5)]
    #expect(utimensat(AT_FDCWD, photos + composed, &times, 0) == 0)

    let files = try ImageFiles(below: place.folder + "/photos")
    let names = ["a\n\u{1B}[31m.ppm", "again.ppm", decomposed, "folder.ppm/inner.ppm", composed]
    #expect(files.entries.map { Array($0.path.utf8) } == names.map { Array($0.utf8) })
    #expect(
      files.failures.map { "\($0)".dropFirst(place.folder.count) }.count == 4
        && [
          "pipe.ppm: it is not a file", "loop.ppm: Too many levels", "gone.ppm: No such file",
          "name is not UTF-8",
        ]
        .allSatisfy { words in files.failures.contains { "\($0)".contains(words) } }, "\(files.failures)")
    // The second time all are known.
    for _ in 0..<2 {
      #expect(throws: filesLeftOut) { try place.index() }
      #expect(try ImageIndex(path: place.folder + "/index").entries == files.entries)
    }
    #expect(throws: CommandError.self) { try ImageFiles(below: "") }
    #expect(throws: CommandError.self) { try ImageFiles(below: place.folder + "/none") }
  }

  @Test func anIndexOfAnotherFolderOrModelIsNotTouched() throws {
    let place = try Workplace()
    try place.addPhoto(1, as: "a.ppm")
    try place.index()
    var index = try ImageIndex(path: place.folder + "/index")
    index.folder = "/elsewhere"
    try index.write(to: place.folder + "/index")
    #expect(throws: CommandError.self) { try place.index() }
    index.folder = absolutePath(place.folder + "/photos")
    index.probe = index.probe * -1
    try index.write(to: place.folder + "/index")
    let error = #expect(throws: CommandError.self) { try place.index() }
    #expect(error?.description.contains("made with another model, \(Workplace.checkpoint("v1-64"))") ?? false)
    func search(_ more: String...) throws {
      let command = try Search.parse(
        [place.folder + "/index", "--image", place.folder + "/photos/a.ppm"] + more)
      try command.run()
    }
    let other = #expect(throws: CommandError.self) { try search() }
    #expect(other?.description.contains("made with another model, \(Workplace.checkpoint("v1-64"))") ?? false)
    index.model = "/gone"
    try index.write(to: place.folder + "/index")
    let gone = #expect(throws: CommandError.self) { try search() }
    #expect(gone?.description.contains("/gone, which is no longer there: expected --model") ?? false)
    try place.index("--rebuild")
    try search("--top", "1000000000000000000")
    let page = place.folder + "/photos/a.ppm"
    for output in [place.folder + "/index", page, place.folder + "/photos", ""] {
      #expect(throws: CommandError.self) { try search("--html", output) }
    }
  }

  @Test func oneIndexingAtATimeWritesAnIndex() throws {
    let place = try Workplace()
    try place.addPhoto(1, as: "a.ppm")
    try FileLock.withLock(place.folder + "/index.lock", of: "test") {
      _ = #expect(throws: FileError.self) { try place.index() }
    }
    #expect(!FileManager.default.fileExists(atPath: place.folder + "/index"))
    try place.index()
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: place.folder).sorted() == ["index", "photos"])
  }

  @Test func optionsThatContradictAreRefused() {
    #expect(throws: (any Error).self) { try Classify.parse(["a.jpg", "--model", "m"]) }
    #expect(throws: (any Error).self) {
      try Classify.parse(["a.jpg", "--model", "m", "--labels", "a", "--template", "a photo"])
    }
    #expect(throws: (any Error).self) { try Search.parse(["index", "text", "--image", "a.jpg"]) }
    #expect(throws: (any Error).self) { try Search.parse(["index"]) }
    #expect(throws: (any Error).self) {
      try Embed.parse(["a", "--model", "m", "--output", "o", "--batch-size", "0"])
    }
  }
}
