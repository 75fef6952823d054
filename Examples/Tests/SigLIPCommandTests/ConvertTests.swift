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

  @Test func theOwnFormatIsOneOfThem() throws {
    try withFolder { folder in
      func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
      try run("convert", "--from", source, "--to", path("own"), "--format", "pairwise")
      try run("convert", "--from", path("own"), "--to", path("back"), "--image-size", "16")
      let (own, back) = (try SigLIPCheckpoint(path: path("own")), try SigLIPCheckpoint(path: path("back")))
      #expect([own.format, back.format] == [.pairwise, .huggingFace])
      #expect(try back.imagePreprocessing() == .huggingFaceV1(imageSize: 16))
    }
  }

  /// A model as training on drawings leaves it: every command takes it, published formats refuse it.
  @Test func modelsOfOtherTowersAreUsedAndNotConverted() throws {
    try withFolder { folder in
      func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
      let configuration = SigLIPConfiguration(
        vision: .efficientNetLite0(imageSize: 64),
        imageProjection: ImageProjection(width: 24, normalizesFeatures: true),
        text: TextConfiguration(
          vocabularySize: 800, contextLength: 7, width: 16, depth: 1, heads: 2, hiddenWidth: 32,
          outputWidth: 24,
          pooling: .mean, tokenBottleneck: 8))
      var random = Random(seed: 1)
      let tokenizer = URL(fileURLWithPath: source).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("tokenizers/siglip.model").path
      try SigLIPCheckpoint(
        model: SigLIP(configuration, random: &random), configuration: configuration, tokenizer: tokenizer
      ).write(to: path("model"), format: .pairwise)

      let table = try ModelDescription(path("model")).table
      #expect(table.contains("images of 64 x 64\n"))
      #expect(table.contains("EfficientNet-Lite0, 1280 features, normalised, projected to 24"))
      #expect(
        table.contains("7 tokens of 800, each from 8 numbers, mean of all positions, projected to 24"))

      let image = RGBImage(width: 9, height: 4, pixels: [UInt8](repeating: 90, count: 108))
      var ppm = Data("P6 9 4 255\n".utf8)
      ppm.append(contentsOf: image.pixels)
      try ppm.write(to: folder.appendingPathComponent("a.ppm"))
      try run(
        "embed", path("a.ppm"), "--text", "a cat", "--model", path("model"), "--output", path("e.safetensors")
      )
      let found = try SafetensorsFile(path("e.safetensors"))
      let checkpoint = try SigLIPCheckpoint(path: path("model"))
      let pixels = PixelNormalization.efficientNetLite.tensor([
        image.paddedToSquare().resized(width: 64, height: 64, filter: .bicubic)
      ])
      let expected = withoutGradients { checkpoint.model.embed(images: Variable(pixels)).value }
      #expect(try found.tensor(named: "image_embeds").scalars == expected.scalars)
      #expect(try found.tensor(named: "text_embeds").shape == [1, 24])

      for format in ["huggingface", "open_clip", "npz"] {
        let error = #expect(throws: FileError.self) {
          try run("convert", "--from", path("model"), "--to", path("x.npz"), "--format", format)
        }
        #expect(error?.description.contains("an EfficientNet-Lite0 as image tower") ?? false)
      }
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
