import Foundation
import SigLIPModel
import TestSupport
import Testing

/// Files and what Pillow finds in them.
private struct ImageFiles {
  private let fixtures: SafetensorsFile

  init() throws { fixtures = try SafetensorsFile(fixture("images.safetensors")) }

  /// Names of the files that this build reads.
  var names: [String] {
    fixtures.names.filter { name in
      !name.contains("/") && !name.hasPrefix("bomb")
        && RGBImage.readableExtensions.contains(String(name.split(separator: ".")[1]))
    }
  }

  func bytes(_ name: String) throws -> [UInt8] { try fixtures.bytes(named: name) }

  func expected(_ name: String, _ variant: String) throws -> RGBImage? {
    guard let entry = fixtures["\(name)/\(variant)"] else { return nil }
    return RGBImage(
      width: entry.shape[1], height: entry.shape[0], pixels: try bytes("\(name)/\(variant)"))
  }
}

@Suite struct ImageFileTests {
  @Test func pixelsArePillows() throws {
    let files = try ImageFiles()
    var compared = 0
    for name in files.names {
      let bytes = try files.bytes(name)
      let kinds: [(String, Transparency)] = [
        ("dropped", .dropped), ("white", .over(.white)),
        ("green", .over(RGBColor(red: 10, green: 200, blue: 30))),
      ]
      for (variant, transparency) in kinds {
        guard let expected = try files.expected(name, variant) else { continue }
        let image = try RGBImage(
          decoding: bytes, name: name, options: ImageReadingOptions(transparency: transparency))
        #expect(image == expected, "\(name), \(variant)")
        compared += 1
      }
    }
    #if ImageCodecs
      #expect(compared == 77)
    #else
      #expect(compared == 4)
    #endif
  }

  @Test func orientationCanBeLeftAlone() throws {
    let files = try ImageFiles()
    for name in files.names where name.hasPrefix("orientation") {
      let image = try RGBImage(
        decoding: files.bytes(name), name: name, options: ImageReadingOptions(appliesOrientation: false))
      #expect(image.width == 19 && image.height == 13, "\(name)")
    }
  }

  @Test func cutFilesAreRefusedOrWhole() throws {
    let files = try ImageFiles()
    for name in files.names {
      let bytes = try files.bytes(name)
      let whole = try RGBImage(decoding: bytes, name: name)
      for count in 0..<bytes.count {
        // Nothing after the last pixel matters, as with other readers.
        guard let image = try? RGBImage(decoding: Array(bytes.prefix(count)), name: name) else { continue }
        #expect(image == whole && count > bytes.count - 20, "\(name), \(count) of \(bytes.count) bytes")
      }
    }
  }

  @Test func changedBytesNeverBreakMoreThanTheImage() throws {
    let files = try ImageFiles()
    let options = ImageReadingOptions(maximumPixels: 10_000)
    var refused = 0
    for name in files.names {
      let bytes = try files.bytes(name)
      for position in stride(from: 0, to: bytes.count, by: 3) {
        var changed = bytes
        changed[position] ^= UInt8(truncatingIfNeeded: position &* 37 | 1)
        do {
          let image = try RGBImage(decoding: changed, name: name, options: options)
          #expect(image.width * image.height <= options.maximumPixels)
        } catch is FileError {
          refused += 1
        }
      }
    }
    #expect(refused > 0)
  }

  @Test func bombsAreRefusedByTheirHeaders() throws {
    let fixtures = try SafetensorsFile(fixture("images.safetensors"))
    let sizes = [
      "bomb.ppm": (1_000_000, 1_000_000), "bomb.png": (1 << 30, 1 << 30), "bomb.jpg": (0xFFDC, 0xFFDC),
    ]
    for (name, size) in sizes where RGBImage.readableExtensions.contains(String(name.suffix(3))) {
      let error = #expect(throws: FileError.self, "\(name)") {
        try RGBImage(decoding: fixtures.bytes(named: name), name: name)
      }
      #expect(
        error?.description == "\(name): it declares \(size.0) x \(size.1) pixels, expected at most 178956970."
      )
    }
  }

  @Test func errorsNameTheFileAndTheProblem() throws {
    func problem(_ text: String) -> String? {
      do {
        _ = try RGBImage(decoding: Array(text.utf8), name: "a.ppm")
        return nil
      } catch {
        return "\(error)"
      }
    }
    #expect(problem("GIF89a") == "a.ppm: it is not an image, expected a JPEG, PNG or PPM file.")
    #expect(problem("") == "a.ppm: it is not an image, expected a JPEG, PNG or PPM file.")
    #expect(
      problem("P6 2 2 255\nabc") == "a.ppm is damaged: 3 bytes of pixels, expected 12 for 2 x 2.")
    #expect(problem("P6 2") == "a.ppm is damaged: its header has no height.")
    #expect(problem("P6 0 2 255\n") == "a.ppm is damaged: 0 x 2 pixels.")
    #expect(
      problem("P6 1 1 70000\nabcdef") == "a.ppm is damaged: its largest value is 70000, expected 1 to 65535.")
    let folder = try TemporaryFolder()
    #expect(throws: FileError.self) { try RGBImage(contentsOf: folder.path("nothing.ppm")) }
    #if !ImageCodecs
      let error = #expect(throws: FileError.self) {
        try RGBImage(decoding: [0xFF, 0xD8, 0xFF, 0xE0], name: "a.jpg")
      }
      #expect(error?.found == "it is a JPEG file, which this build cannot read")
      #expect(error?.advice?.contains("--traits ImageCodecs") ?? false)
    #endif
  }

  @Test func writtenPixmapsAreReadBack() throws {
    let folder = try TemporaryFolder()
    let image = RGBImage(width: 2, height: 3, pixels: (0..<18).map { UInt8($0 * 14) })
    try image.writePPM(to: folder.path("a.ppm"))
    #expect(try RGBImage(contentsOf: folder.path("a.ppm")) == image)
    #expect(try folder.contents() == ["a.ppm"])
  }
}
