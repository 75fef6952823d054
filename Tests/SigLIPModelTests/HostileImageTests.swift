import Foundation
import Kernels
import Synchronization
import TestSupport
import Testing

import SigLIPModel

/// Images and descriptions of preprocessing that somebody made to break their reader.
@Suite struct HostileImageTests {
  // MARK: Exif

  /// A JPEG's beginning with one application segment that claims a length.
  private static func jpeg(_ contents: [UInt8], length: Int) -> [UInt8] {
    [0xFF, 0xD8, 0xFF, 0xE1, UInt8(length >> 8), UInt8(length & 255)] + contents
  }

  private static let tiff: [UInt8] =
    Array("II*\0".utf8) + [8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]

  @Test func segmentsOfEveryLengthAreRead() {
    let contents = Array("Exif\0\0".utf8) + Self.tiff
    for length in 0...80 {
      let orientation = Exif.orientation(ofJPEG: Self.jpeg(contents, length: length))
      // The value of the entry ends 24 bytes into the data, behind the name and the length itself.
      #expect(orientation == (length >= 2 + 6 + 20 ? 6 : 1), "\(length)")
      for count in 0..<contents.count {
        _ = Exif.orientation(ofJPEG: Self.jpeg(Array(contents.prefix(count)), length: length))
      }
    }
  }

  @Test func directoriesAnywhereAreRead() {
    for place in [0, 1, 7, 9, 200, 1 << 31, (1 << 32) - 1] {
      var tiff = Self.tiff
      for i in 0..<4 { tiff[4 + i] = UInt8(truncatingIfNeeded: place >> (8 * i)) }
      _ = Exif.orientation(ofJPEG: Self.jpeg(Array("Exif\0\0".utf8) + tiff, length: 2 + 6 + tiff.count))
      let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
      for length in [0, 1, tiff.count, 1 << 31, (1 << 32) - 1] {
        let size = (0..<4).reversed().map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
        _ = Exif.orientation(ofPNG: signature + size + Array("eXIf".utf8) + tiff)
        _ = Exif.orientation(ofPNG: signature + size + Array("tEXt".utf8) + tiff)
      }
    }
  }

  // MARK: Sizes

  private static func picture(_ width: Int, _ height: Int) -> RGBImage {
    RGBImage(
      width: width, height: height,
      pixels: (0..<(width * height * 3)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) })
  }

  /// A part that is resized alone has the pixels that it has in the whole.
  @Test(
    arguments: ResizeFilter.allCases,
    [(31, 17, 64, 40), (31, 17, 9, 12), (8, 90, 24, 7), (90, 8, 20, 30), (9, 9, 9, 9)])
  func partsAreThoseOfTheWhole(_ filter: ResizeFilter, _ sizes: (Int, Int, Int, Int)) {
    let image = Self.picture(sizes.0, sizes.1)
    let (width, height) = (sizes.2, sizes.3)
    let whole = image.resized(width: width, height: height, filter: filter)
    for (left, top, columns, rows) in [
      (0, 0, 1, 1), (2, 3, 5, 4), (width - 3, height - 2, 3, 2), (0, 0, width, height),
    ] {
      let part = image.resized(
        width: width, height: height, filter: filter, columns: left..<left + columns, rows: top..<top + rows)
      #expect(part == whole.cropped(left: left, top: top, width: columns, height: rows))
    }
  }

  /// As a whole, these would take up to 2.7 terabytes.
  @Test(arguments: [(1, 100_000), (100_000, 1), (1, 4_000_000), (4_000_000, 1)])
  func veryLongImagesAreCutInTheMiddle(_ width: Int, _ height: Int) {
    let image = RGBImage(
      width: width, height: height, pixels: Array(repeating: 77, count: width * height * 3))
    for filter in ResizeFilter.allCases {
      var preprocessing = ImagePreprocessing.clip(imageSize: 224)
      preprocessing.filter = filter
      let fitted = preprocessing.fit(image)
      #expect(fitted == RGBImage(width: 224, height: 224, pixels: Array(repeating: 77, count: 224 * 224 * 3)))
    }
  }

  @Test(arguments: [(178_956_970, 1, 1, 16), (1, 178_956_970, 1, 1), (3, 178_956_970, 2, 2), (4, 4, 16, 1)])
  func naFlexKeepsItsLimit(_ width: Int, _ height: Int, _ patch: Int, _ maximum: Int) {
    let size = NaFlex.imageSize(width: width, height: height, patchSize: patch, maximumPatches: maximum)
    #expect(size.width % patch == 0 && size.height % patch == 0)
    #expect((1...maximum).contains(size.width / patch * (size.height / patch)))
  }

  // MARK: Descriptions

  private static func message(_ json: String, file: String = "preprocessor_config.json") throws -> String {
    let folder = try TemporaryFolder()
    _ = try folder.write(Array(json.utf8), to: file)
    do { _ = try ImagePreprocessing(modelFolder: folder.path(".")) } catch let error as FileError {
      #expect(!error.description.contains("\n"))
      return error.description
    }
    return "nothing was thrown"
  }

  @Test(arguments: [
    (#"{"size": 1000000000000000000}"#, "a width of 1000000000000000000, expected 1 to 4096"),
    (#"{"size": {"height": 9, "width": 4097}}"#, "a width of 4097, expected 1 to 4096"),
    (#"{"size": 1e30}"#, "preprocessor_config.json"),
    (#"{"size": 8, "size": 9}"#, "the name \"size\" occurs twice"),
    (
      #"{"size": {"shortest_edge": 100000}, "do_center_crop": true, "crop_size": 8}"#,
      "a shortest side of 100000, expected 1 to 4096"
    ),
    (#"{"image_processor_type": "Siglip2ImageProcessor", "max_num_patches": 0}"#, "a number of patches of 0"),
    (
      #"{"image_processor_type": "Siglip2ImageProcessor", "max_num_patches": -1}"#,
      "a number of patches of -1"
    ),
    (
      #"{"image_processor_type": "Siglip2ImageProcessor", "max_num_patches": 1000000000000}"#,
      "a number of patches of 1000000000000, expected 1 to 65536"
    ),
    (#"{"image_processor_type": "Siglip2ImageProcessor", "patch_size": 0}"#, "a patch size of 0"),
    (
      #"{"image_processor_type": "Siglip2ImageProcessor", "patch_size": 4000, "max_num_patches": 60000}"#,
      "a number of pixels in all patches of 960000000000"
    ),
    (#"{"size": 8, "rescale_factor": 0}"#, "expected finite numbers"),
    (#"{"size": 8, "image_std": 1e-60}"#, "expected finite numbers"),
    (#"{"size": 8, "image_mean": [1e300, 0, 0]}"#, "expected finite numbers"),
    (
      #"{"size": 8, "resample": 3, "image_processor_type": 3}"#,
      "image_processor_type is 3, expected a string"
    ),
  ])
  func sizesAreBounded(_ json: String, _ problem: String) throws {
    let line = try Self.message(json)
    #expect(line.contains(problem), "\(line)")
  }

  @Test(arguments: [
    (#"{"size": 1000000000000, "resize_mode": "squash"}"#, "a width of 1000000000000"),
    (#"{"size": 5000}"#, "a shortest side of 5000"),
    (#"{"interpolation": "\u001b[2J\n"}"#, #"\u{1B}[2J\n"#),
  ])
  func sizesOfOpenClipAreBounded(_ json: String, _ problem: String) throws {
    let line = try Self.message("{\"preprocess_cfg\": \(json)}", file: "open_clip_config.json")
    #expect(line.contains(problem), "\(line)")
  }

  @Test func filesLargerThanAnyImageAreRefused() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array("P6 1 1 255\nabc".utf8), to: "a.ppm")
    #expect(truncate(path, 1 << 40) == 0)
    let error = #expect(throws: FileError.self) { try RGBImage(contentsOf: path) }
    #expect(error?.description.contains("it has 1099511627776 bytes, expected at most") ?? false)
  }

  /// A large file that cannot be decoded must give up its turn: else the next one waits forever.
  @Test func largeImagesTakeTurns() throws {
    let folder = try TemporaryFolder()
    let image = Self.picture(30, 20)
    var files: [String] = []
    for index in 0..<40 {
      let path = folder.path("\(index).ppm")
      if index % 3 == 0 {
        _ = try folder.write(Array("P6 30 20 255\n".utf8), to: "\(index).ppm")
      } else {
        try image.writePPM(to: path)
      }
      files.append(path)
    }
    let preprocessing = ImagePreprocessing.huggingFaceV1(imageSize: 8)
    let results = preprocessing.fit(files: files, options: ImageReadingOptions(), largePixelCount: 100)
    for (index, result) in results.enumerated() {
      #expect((try? result.get()) == (index % 3 == 0 ? nil : preprocessing.fit(image)))
    }
  }

  @Test func largeImagesAreDecodedOneAtATime() {
    let turns = DecodingTurns(largePixelCount: 100)
    let inside = Atomic(0)
    let most = Atomic(0)
    ThreadPool.withThreadCount(4) {
      ThreadPool.parallelFor(count: 64) { _ in
        turns.take { willDecode in
          willDecode(101)
          most.max(inside.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
          for _ in 0..<100 { sched_yield() }
          inside.subtract(1, ordering: .relaxed)
        }
      }
    }
    #expect(most.load(ordering: .relaxed) == 1)
  }

  @Test func oneDamagedFileStopsNoOther() throws {
    let folder = try TemporaryFolder()
    let good = Self.picture(5, 4)
    try good.writePPM(to: folder.path("good.ppm"))
    let odd: [[UInt8]] = [
      [], Array("P6".utf8), Array("P6 1 1 255".utf8), Array("P6 0 0 0\n".utf8),
      Array("P6 99999999999999999999 1 255\n".utf8), Array("P5 1 1 65535\n\u{1}".utf8),
      Self.jpeg([1, 2, 3], length: 2), Self.jpeg(Array("Exif\0\0".utf8), length: 5),
      [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0xFF, 0xFF, 0xFF, 0xFF],
    ]
    var files = [folder.path("good.ppm")]
    for (index, bytes) in odd.enumerated() { files.append(try folder.write(bytes, to: "\(index).img")) }
    files += [folder.path(""), folder.path("none"), "", folder.path("good.ppm")]
    let long = RGBImage(width: 60_000, height: 1, pixels: Array(repeating: 1, count: 180_000))
    try long.writePPM(to: folder.path("long.ppm"))
    files.append(folder.path("long.ppm"))
    for preprocessing in [
      ImagePreprocessing.clip(imageSize: 8), .huggingFaceV1(imageSize: 8),
      .naFlex(patchSize: 2, maximumPatches: 4),
    ] {
      let results = preprocessing.fit(files: files)
      #expect(results.count == files.count)
      let images = results.compactMap { try? $0.get() }
      #expect(images.count == 3)
      _ = preprocessing.batch(ofFitted: images)
      for case .failure(let error) in results {
        let line = "\(error)"
        #expect(error is FileError && !line.contains("\n"), "\(line)")
      }
    }
  }
}
