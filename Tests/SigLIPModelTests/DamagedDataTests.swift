import Foundation
import SigLIPModel
import TestSupport
import Testing

/// Data that somebody has, some of it damaged, from the source to the keys of the batches.
@Suite struct DamagedDataTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func plain(_ error: any Error) -> String {
    "\(error)".replacing(folder.path("x").dropLast(), with: "")
  }

  /// The beginning of a PNG file of 20,000 x 20,000 pixels, with the header's right checksum.
  private static let imageBomb: [UInt8] = {
    let chunk = Array("IHDR".utf8) + [0, 0, 0x4E, 0x20, 0, 0, 0x4E, 0x20, 8, 2, 0, 0, 0]
    var sum: UInt32 = 0xFFFF_FFFF
    for byte in chunk {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0xEDB8_8320 }
    }
    let sumBytes = (0..<4).map { UInt8(truncatingIfNeeded: ~sum >> (24 - 8 * $0)) }
    // libpng reads on until pixels begin.
    let pixels = [0, 0, 0, 10] + Array("IDAT".utf8) + Array(repeating: 0, count: 14)
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + chunk + sumBytes + pixels
  }()

  /// Half of a JPEG file.
  private static func cutJPEG() throws -> [UInt8] {
    let file = try SafetensorsFile(fixture("images.safetensors")).bytes(named: "420.jpg")
    return Array(file.prefix(file.count / 2))
  }

  /// Images that are damaged, and what is said behind their names; builds without libjpeg and libpng refuse their files for
  /// that.
  private static func images() throws -> [(name: String, bytes: [UInt8], problem: String)] {
    #if ImageCodecs
      let (jpeg, png) = (
        " is damaged: Premature end of JPEG file.",
        ": it declares 20000 x 20000 pixels, expected at most 178956970."
      )
    #else
      let advice = "build with `--traits ImageCodecs` (needs libjpeg and libpng), or convert it to PPM."
      let (jpeg, png) = (
        ": it is a JPEG file, which this build cannot read; \(advice)",
        ": it is a PNG file, which this build cannot read; \(advice)"
      )
    #endif
    let pixels = Array("P6 4 4 255 ".utf8) + [1, 2, 3]
    return [
      ("pixels.ppm", pixels, " is damaged: 3 bytes of pixels, expected 48 for 4 x 4."),
      ("cut.jpg", try cutJPEG(), jpeg), ("bomb.png", imageBomb, png),
      ("text.jpg", Array("No picture.".utf8), ": it is not an image, expected a JPEG, PNG or PPM file."),
    ]
  }

  /// What a tolerant reader finds in a source: the damaged samples' lines by key. The others are read.
  private func damaged(_ source: some ImageTextSource) throws -> [String: String] {
    let reader = TolerantReader(source, maximumShare: 0.5)
    var keys: [String] = []
    for index in 0..<source.count {
      let key = try reader.read(index) { index in
        let sample = try source.sample(at: index)
        _ = try sample.image.decoded()
        return sample.key
      }
      if let key { keys.append(key) }
    }
    #expect(Set(keys).count + reader.damaged.count == source.count && keys.count > reader.damaged.count)
    for sample in reader.damaged { #expect(sample.problem == sample.problem.oneLine()) }
    return Dictionary(uniqueKeysWithValues: reader.damaged.map { ($0.key, plain($0.problem)) })
  }

  /// A message without the folder.
  private func plain(_ message: String) -> String { message.replacing(folder.path("x").dropLast(), with: "") }

  private func files() throws -> [String] { try folder.contents().sorted() }

  @Test func damagedImagesAndCaptionsOfATableAreLeftOut() throws {
    var rows = Array("image,caption\n".utf8)
    for number in 0..<10 {
      _ = try folder.write(ShardSourceTests.image(number), to: "\(number).ppm")
      rows += Array("\(number).ppm,right\n".utf8)
    }
    var expected = ["none.jpg": "Cannot read none.jpg: No such file or directory (line 17 of table.csv)."]
    for (number, image) in try Self.images().enumerated() {
      _ = try folder.write(image.bytes, to: image.name)
      rows += Array("\(image.name),damaged \(number)\n".utf8)
      expected[image.name] = image.name + image.problem
    }
    // The wrong ending: what counts is what is in the file.
    rows += Array("table.csv,itself\nnone.jpg,missing\n0.png,\n1.png,".utf8) + [0xC3, 0x28]
    _ = try folder.write(rows, to: "table.csv")
    expected["table.csv"] = "table.csv: it is not an image, expected a JPEG, PNG or PPM file."
    expected["line 18"] = "table.csv is damaged: line 18: the caption is empty."
    expected["line 19"] = "table.csv is damaged: line 19: the caption is not UTF-8."
    let before = try files()
    #expect(try damaged(TableSource(folder.path("table.csv"))) == expected)
    #expect(try files() == before)
  }

  @Test(arguments: [false, true]) func damagedImagesAndCaptionsOfShardsAreLeftOut(isPacked: Bool) throws {
    var members = ShardSourceTests.members(0..<12)
    var expected: [String: String] = [:]
    for image in try Self.images() {
      let key = String(image.name.prefix { $0 != "." })
      members += [TarMember(image.name, image.bytes), TarMember("\(key).txt", "x")]
      expected[key] = "\(image.name) in 0.tar\(image.problem)"
    }
    let pixels = ShardSourceTests.image(0)
    members += [TarMember("empty.ppm", pixels), TarMember("empty.txt", "\n")]
    expected["empty"] = "0.tar is damaged: empty.txt: the caption is empty."
    members += [TarMember("latin.ppm", pixels), TarMember("latin.txt", [0xE9])]
    expected["latin"] = "0.tar is damaged: latin.txt: the caption is not UTF-8."
    members += [TarMember("alone.txt", "x")]
    expected["alone"] = "0.tar is damaged: alone has no image (.jpg, .jpeg, .png or .ppm)."
    // A name that leads outside is a key.
    members += [TarMember("../x.ppm", pixels), TarMember("../x.txt", "x")]
    let whole = TarMember.archive(members)
    let cut = Array(TarMember.archive(ShardSourceTests.members(20..<24)).prefix(6 * 1024 + 512 + 4))
    expected["23"] = "1.tar is damaged: it ends in 23.ppm."
    for (number, bytes) in [whole, cut].enumerated() {
      _ = try folder.write(isPacked && number == 0 ? gzip(bytes) : bytes, to: "\(number).tar")
    }
    let before = try files()
    let source = try ShardSource(folder.path("{0..1}.tar"))
    #expect(try damaged(source) == expected)
    #expect((0..<source.count).contains { source.key(at: $0) == "../x" })
    #expect(try files() == before)
    let parent = URL(filePath: folder.path("x")).deletingLastPathComponent().deletingLastPathComponent()
    #expect(!FileManager.default.fileExists(atPath: parent.appending(path: "x.ppm").path))
  }

  // MARK: Loading

  /// A table of 50 rows, 3 of them damaged, and shards of as many samples.
  private func sources() throws -> [any ImageTextSource] {
    func pixels(_ number: Int) -> [UInt8] {
      number % 20 == 7 ? ShardSourceTests.image(number).dropLast() : ShardSourceTests.image(number)
    }
    var rows = Array("image,caption\n".utf8)
    for number in 0..<50 {
      _ = try folder.write(pixels(number), to: "\(number).ppm")
      rows += Array("\(number).ppm,caption \(number)\n".utf8)
    }
    var first = 0
    for (number, count) in [9, 14, 11, 16].enumerated() {
      let members = (first..<first + count).flatMap { number in
        [TarMember("\(number).ppm", pixels(number)), TarMember("\(number).txt", "caption \(number)")]
      }
      let bytes = TarMember.archive(members)
      _ = try folder.write(number % 2 == 0 ? gzip(bytes) : bytes, to: "\(number).tar")
      first += count
    }
    let table = try TableSource(folder.write(rows, to: "table.csv"))
    let shards = try ShardSource(folder.path("{0..3}.tar"), maximumUnpackedBytes: 40 * 1024)
    return [table, shards, try SourceMixture([(table, 2), (shards, 1)], seed: 2)]
  }

  /// The keys of batches from a position on, and where each ends: two passes.
  private func batches(
    _ source: any ImageTextSource, workers: Int, from start: DataPosition = DataPosition()
  ) throws -> [(keys: [String], end: DataPosition)] {
    let order =
      if let shards = source.shardCounts {
        try BatchOrder(shards: shards, shuffleBuffer: 12, batchSize: 4, seed: 9, keepsLast: true)
      } else { try BatchOrder(sampleCount: source.count, batchSize: 4, seed: 9, keepsLast: true) }
    let reader = TolerantReader(source, maximumShare: 0.1)
    let loader = DataLoader(order, workers: workers) { samples in
      try samples.indices.compactMap { place in
        try reader.read(source.index(ofPlace: place, epoch: samples.epoch)) { index in
          let sample = try source.sample(at: index)
          _ = try sample.image.decoded()
          return sample.key
        }
      }
    }
    var result: [(keys: [String], end: DataPosition)] = []
    var position = start
    while position.epoch < 2 {
      let batch = try loader.batch(at: position)
      position = batch.end
      if position.epoch < 2 { result.append((batch.batch, position)) }
    }
    return result
  }

  /// A run that was interrupted in the middle of a pass goes on with the samples that are left, whoever loads them.
  @Test(arguments: [0, 1, 3]) func passesGoOnWhereTheyWere(workers: Int) throws {
    for (number, source) in try sources().enumerated() {
      let all = try batches(source, workers: 0)
      for epoch in 0..<2 where number < 2 {
        let keys = all.filter { $0.end.epoch == epoch }.flatMap(\.keys)
        let expected = (0..<50).filter { $0 % 20 != 7 }.map { number == 0 ? "\($0).ppm" : "\($0)" }
        #expect(keys.sorted() == expected.sorted() && keys != expected)
      }
      #expect(try batches(source, workers: workers).map(\.keys) == all.map(\.keys))
      for seen in [1, 5, 12, 17] {
        // As another process would open them.
        let rest = try batches(sources()[number], workers: workers, from: all[seen - 1].end)
        #expect(rest.map(\.keys) == all.dropFirst(seen).map(\.keys))
        #expect(rest.map(\.end) == all.dropFirst(seen).map(\.end))
      }
    }
  }
}
