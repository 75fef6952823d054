import ArgumentParser
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
    var command = try Embed.parse(all)
    try command.run()
  }

  func index(_ options: String...) throws {
    var command = try IndexFolder.parse(
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

  @Test func damagedImagesEndTheCommandUnlessLeftOut() throws {
    let place = try Workplace()
    try place.addPhoto(1, as: "a.ppm")
    try place.addFile("P6 9 9 255\n", as: "b.ppm")
    try place.addPhoto(2, as: "c.ppm")
    let photos = place.folder + "/photos"
    #expect(throws: ImageError.self) { try place.embed(photos, model: "v1-64") }
    #expect(!FileManager.default.fileExists(atPath: place.folder + "/out.safetensors"))
    #expect(throws: filesLeftOut) { try place.embed(photos, "--skip-damaged", model: "v1-64") }
    #expect(try place.output()["image_embeds"]?.shape == [2, 16])
    #expect(try place.output().metadata["images"]?.contains("b.ppm") == false)
    #expect(throws: CommandError.self) { try place.embed("missing.ppm", model: "v1-64") }
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
    #expect(throws: CommandError.self) { try place.index() }
    try place.index("--rebuild")
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
