import Foundation
import SigLIPModel
import TestSupport
import Testing

/// Tar shards, as others write them and as they should be.
@Suite struct ShardSourceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A picture of one pixel.
  static func image(_ number: Int) -> [UInt8] {
    Array("P6 1 1 255 ".utf8) + (0..<3).map { UInt8(truncatingIfNeeded: number + $0) }
  }

  /// Samples of numbers, each of a picture and a text.
  static func members(_ numbers: Range<Int>) -> [TarMember] {
    numbers.flatMap { [TarMember("\($0).ppm", image($0)), TarMember("\($0).txt", "caption \($0)")] }
  }

  private func source(_ members: [TarMember], _ name: String = "a.tar") throws -> ShardSource {
    try ShardSource(folder.write(TarMember.archive(members), to: name))
  }

  // MARK: What others write

  private struct Expected: Decodable {
    let key: String
    let image: [UInt8]
    let captions: [String]
  }

  @Test(arguments: ["ustar", "gnu", "pax", "system", "webdataset"], [false, true])
  func archivesAreReadAsWebDatasetReadsThem(_ name: String, isPacked: Bool) throws {
    let json = try Data(contentsOf: URL(filePath: fixture("shards/expected.json")))
    let expected = try JSONDecoder().decode([String: [Expected]].self, from: json)[name]!
    var path = fixture("shards/\(name).tar.gz")
    if !isPacked {
      let packed = try [UInt8](Data(contentsOf: URL(filePath: path)))
      path = try folder.write(Gzip.decompress(packed), to: "\(name).tar")
    }
    let source = try ShardSource(path)
    #expect((0..<source.count).map(source.key) == expected.map(\.key))
    #expect(source.shardCounts == [expected.count] && source.shards == [path])
    for (index, expected) in expected.enumerated() {
      #expect(try source.captions(at: index).map(\.text) == expected.captions)
      #expect(try source.image(at: index).decoded().pixels == Array(expected.image.suffix(3)))
    }
    if name != "webdataset" {
      #expect(try source.captions(at: 1).map(\.language) == ["de", "de"])
    }
  }

  // MARK: Members

  @Test func sizesAreOctalOrBinary() throws {
    let image = Self.image(7)
    var binary = TarMember("0.ppm", image)
    binary.set([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(image.count)], at: 124)
    var spaces = TarMember("1.ppm", image)
    spaces.set(Array("        \(String(image.count, radix: 8)) \0".utf8), at: 124)
    let extended = [
      TarMember.pax([("mtime", "1.5"), ("size", "\(image.count)")]), TarMember("2.ppm", image, size: 0),
    ]
    var signed = TarMember("\u{E9}.ppm", image)
    signed.hasRightSum = false
    signed.set([UInt8](repeating: 0x20, count: 8), at: 148)
    let sum = signed.header.reduce(0) { $0 + Int(Int8(bitPattern: $1)) }
    signed.set(Array("00\(String(sum, radix: 8))\0 ".utf8), at: 148)
    let members: [(key: String, members: [TarMember])] = [
      ("0", [binary]), ("1", [spaces]), ("2", extended), ("\u{E9}", [signed]),
    ]
    let source = try source(members.flatMap { $0.members + [TarMember("\($0.key).txt", "x")] })
    #expect((0..<source.count).map(source.key) == members.map(\.key))
    for index in 0..<4 {
      #expect(try source.image(at: index).decoded().pixels == [7, 8, 9])
      #expect(try source.captions(at: index) == [Caption("x")])
    }
  }

  @Test func whatIsNoFileIsPassedOver() throws {
    var sparse = TarMember("s.ppm", [UInt8](repeating: 0, count: 1024) + [1, 2, 3], type: "S", size: 3)
    sparse.set([1], at: 482)
    sparse.contents[504] = 1
    var old = TarMember("old.ppm/", [])
    old.set([0], at: 156)
    let others = [
      TarMember("1.txt", [], type: "2", size: 512), TarMember("x", [], type: "5", size: 99), sparse, old,
      TarMember("unknown", [1, 2, 3], type: "Z"), TarMember("long link", Array("target\0".utf8), type: "K"),
      TarMember("all", Array("11 path=no\n".utf8), type: "g"), TarMember("0.cls", "3"),
      TarMember("none", "3"),
    ]
    let samples = Self.members(0..<2)
    let source = try source([samples[0]] + others + Array(samples[1...]))
    #expect((0..<source.count).map(source.key) == ["0", "1"])
    for index in 0..<2 {
      #expect(try source.sample(at: index).captions == [Caption("caption \(index)")])
      #expect(try source.image(at: index).decoded().pixels == Self.image(index).suffix(3))
    }
  }

  @Test func captionsAreTextsOrObjects() throws {
    let captions: [(String, String, [Caption])] = [
      ("txt", "\u{FEFF} two\nlines \r\n", [Caption("two\nlines")]),
      ("json", "\u{FEFF}{\"caption\":\"a\",\"other\":[1]}", [Caption("a")]),
      (
        "JSON", #"{"lang":"de","text":["x","","y"],"captions":["z"],"title":"no"}"#,
        ["z", "x", "y"].map { Caption($0, language: "de") }
      ),
    ]
    let source = try source(
      captions.enumerated().flatMap { number, caption in
        [TarMember("\(number).\(caption.0)", caption.1), TarMember("\(number).png", Self.image(number))]
      })
    for (index, caption) in captions.enumerated() {
      #expect(try source.captions(at: index) == caption.2)
      #expect(try source.image(at: index).decoded().pixels[0] == UInt8(index))
    }
  }

  // MARK: Shards

  @Test func patternsNameShards() throws {
    func write(_ name: String, _ number: Int) throws {
      _ = try folder.write(TarMember.archive(Self.members(number..<number + 1)), to: name)
    }
    let padded = (8...11).map { "a\($0 < 10 ? "0" : "")\($0).tar" }
    let others = ["b1-x.tar", "b1-.tar", "b2-x.tar", "b2-.tar"]
    for (number, name) in (padded + others + ["c"]).enumerated() { try write(name, number) }
    let source = try ShardSource(["a{08..11}.tar", "b{1..2}-{x,}.tar", "c"].map(folder.path))
    #expect(source.shards == (padded + others + ["c"]).map(folder.path))
    #expect((0..<source.count).map(source.key) == (0..<9).map(String.init))
    #expect(source.shardCounts == Array(repeating: 1, count: 9))
    for pattern in ["a{", "a}", "{}", "{1}", "{2..1}", "{a..c}", "{1..2..3}", "{-1..2}", "{a,{b,c}}"] {
      let error = #expect(throws: FileError.self) { try ShardSource(pattern) }
      if pattern == "a}" { continue }
      #expect(error?.description.hasSuffix("expected braces as in {000..012} and {a,b}.") == true)
    }
    let error = #expect(throws: FileError.self) { try ShardSource("{0..99999}{0..99999}") }
    #expect(error?.description.contains("more than 1048576 shards") == true)
    #expect(throws: FileError.self) { try ShardSource([]) }
  }

  /// As many shards are unpacked at a time as fit, whoever reads, and an order of shards comes back to few.
  @Test func unpackedShardsTakeSoManyBytes() throws {
    let counts = [30, 50, 40, 20, 45]
    var first = 0
    for (number, count) in counts.enumerated() {
      let archive = TarMember.archive(Self.members(first..<first + count))
      _ = try folder.write(gzip(archive, blockCount: 10_000), to: "\(number).tgz")
      first += count
    }
    // A sample has four blocks.
    let limit = 110 * 2048
    let source = try ShardSource(folder.path("{0..4}.tgz"), maximumUnpackedBytes: limit)
    #expect(source.shardCounts == counts && source.unpackedBytes > 0 && source.unpackedBytes <= limit)
    #expect(source.unpackingCount == 5)
    DispatchQueue.concurrentPerform(iterations: 600) { number in
      let index = number * 37 % 185
      #expect(source.key(at: index) == "\(index)")
      #expect((try? source.captions(at: index)) == [Caption("caption \(index)")])
      #expect((try? source.image(at: index).decoded().pixels[0]) == UInt8(index))
      #expect(source.unpackedBytes <= limit)
    }
    let before = source.unpackingCount
    for epoch in 0..<4 {
      let order = try BatchOrder(shards: counts, shuffleBuffer: 20, batchSize: 8, seed: 3)
      for index in order.samples(ofEpoch: epoch) { _ = try source.image(at: index) }
    }
    #expect(before > 30 && (12...20).contains(source.unpackingCount - before))
  }

  /// The system allows a process some hundreds of open files.
  @Test func fewOfManyPlainShardsAreOpen() throws {
    for number in 0..<150 {
      _ = try folder.write(TarMember.archive(Self.members(number..<number + 1)), to: "\(number).tar")
    }
    let source = try ShardSource(folder.path("{0..149}.tar"))
    for index in (0..<150).reversed() {
      #expect(try source.captions(at: index) == [Caption("caption \(index)")])
    }
    #expect(source.unpackedBytes == 0 && source.unpackingCount == 0)
    #if os(Linux)
      let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count { descriptor in
        let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + descriptor)
        return path?.hasPrefix(folder.path("x").dropLast()) == true
      }
      #expect((1...64).contains(open))
    #endif
  }
}
