import Foundation
import SigLIPModel
import TestSupport
import Testing

/// Tar shards as they should not be.
@Suite struct ShardDamageTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ members: [TarMember]) throws -> ShardSource {
    try ShardSource(folder.write(TarMember.archive(members), to: "a.tar"))
  }

  private func plain(_ error: any Error) -> String {
    "\(error)".replacing(folder.path("x").dropLast(), with: "")
  }

  /// What is thrown for each sample, and nil for those that are right.
  private func problems(_ source: ShardSource) -> [String?] {
    (0..<source.count).map { index in
      do {
        _ = try source.sample(at: index).image.decoded()
        return nil
      } catch { return plain(error) }
    }
  }

  private func refusal(_ bytes: [UInt8], _ name: String = "a.tar", maximumUnpackedBytes: Int = 1 << 30)
    -> String
  {
    do {
      let path = try folder.write(bytes, to: name)
      _ = try ShardSource(path, maximumUnpackedBytes: maximumUnpackedBytes)
      return "nothing thrown"
    } catch { return plain(error) }
  }

  @Test func damagedSamplesAreNamed() throws {
    let image = ShardSourceTests.image(0)
    let samples: [(String, [TarMember], String)] = [
      ("a", [TarMember("a.txt", "x")], "a.tar is damaged: a has no image (.jpg, .jpeg, .png or .ppm)."),
      ("b", [TarMember("b.ppm", image)], "a.tar is damaged: b has no captions (.txt or .json)."),
      (
        "c", [TarMember("c.ppm", image), TarMember("c.txt", " \n")],
        "a.tar is damaged: c.txt: the caption is empty."
      ),
      (
        "d", [TarMember("d.ppm", image), TarMember("d.txt", [0xFF])],
        "a.tar is damaged: d.txt: the caption is not UTF-8."
      ),
      (
        "e", [TarMember("e.ppm", image), TarMember("e.json", "{")],
        "a.tar is damaged: e.json: not valid JSON: expected '\"' at byte 1."
      ),
      (
        "f", [TarMember("f.ppm", image), TarMember("f.json", "[]")],
        "a.tar is damaged: f.json: not a JSON object."
      ),
      (
        "g", [TarMember("g.ppm", image), TarMember("g.json", #"{"caption":3}"#)],
        "a.tar is damaged: g.json: caption is no string and no list of them."
      ),
      (
        "h", [TarMember("h.ppm", image), TarMember("h.json", "{}")],
        "a.tar is damaged: h.json: the caption is empty."
      ),
      (
        "i", [TarMember("i.ppm", image), TarMember("i.txt", [UInt8](repeating: 0x61, count: 1 << 20 + 1))],
        "a.tar is damaged: i.txt has 1048577 bytes, expected at most 1048576."
      ),
      (
        "j", [TarMember("j.ppm", Array(image.dropLast())), TarMember("j.txt", "x")],
        "j.ppm in a.tar is damaged: 2 bytes of pixels, expected 3 for 1 x 1."
      ),
    ]
    let source = try open(samples.flatMap(\.1) + ShardSourceTests.members(0..<1))
    #expect((0..<source.count).map(source.key) == samples.map(\.0) + ["0"])
    #expect(problems(source) == samples.map(\.2) + [nil])
  }

  @Test func keysThatAreThereTwiceAreDamage() throws {
    let samples = ShardSourceTests.members(0..<3)
    let other = TarMember("2.png", ShardSourceTests.image(2))
    _ = try folder.write(TarMember.archive(samples + [other] + samples[2...3]), to: "a0.tar")
    _ = try folder.write(TarMember.archive(Array(samples[4...])), to: "a1.tar")
    let source = try ShardSource(folder.path("a{0..1}.tar"))
    #expect((0..<source.count).map(source.key) == ["0", "1", "2", "2", "1", "2"])
    #expect(
      problems(source) == [
        nil, nil, nil, "a0.tar is damaged: 2 is there twice, first in a0.tar.",
        "a0.tar is damaged: 1 is there twice, first in a0.tar.",
        "a1.tar is damaged: 2 is there twice, first in a0.tar.",
      ])
    #expect(throws: FileError.self) { try source.captions(at: 5) }
  }

  /// Headers that are not right in the middle of a shard: samples before are.
  @Test func damagedHeadersEndAShard() throws {
    func problems(_ change: (inout TarMember) -> Void, at place: Int) throws -> [String?] {
      var members = ShardSourceTests.members(0..<3)
      change(&members[place])
      let source = try open(members)
      #expect(source.key(at: 0) == "0")
      return self.problems(source)
    }
    let sum = "a.tar is damaged: the header at byte 2048 has a wrong checksum."
    #expect(try problems({ $0.hasRightSum = false }, at: 2) == [nil, sum])
    let number = "a.tar is damaged: the header at byte 2048 has an impossible number."
    for field in ["0000000009\0\0", "-0000000001\0", "\u{0}", "77777777777 "] {
      let expected =
        field == "\u{0}" ? nil : field.hasPrefix("7") ? "a.tar is damaged: it ends in 1.ppm." : number
      let found = try problems({ $0.set(Array(field.utf8), at: 124) }, at: 2)
      if let expected { #expect(found == [nil, expected]) }
    }
    for first: UInt8 in [0xC0, 0xFF, 0xBF] {
      let large = [first] + [UInt8](repeating: 0xFF, count: 11)
      #expect(try problems({ $0.set(large, at: 124) }, at: 2) == [nil, number])
    }
    // Behind an image: its sample is the damaged one.
    let behind = "a.tar is damaged: the header at byte 3072 has a wrong checksum."
    #expect(try problems({ $0.hasRightSum = false }, at: 3) == [nil, behind])
    let names = "a.tar is damaged: the names at byte 2560 are no records of pax."
    for record in ["5", "5 a=b\n", "6 a=b", "99 a=b\n", "4 a\n", "x a=b\n"] {
      #expect(try problems({ $0 = TarMember("x", Array(record.utf8), type: "x") }, at: 2) == [nil, names])
    }
    let long = "a.tar is damaged: 1048577 bytes of names at byte 2560, expected at most 1048576."
    #expect(try problems({ $0 = TarMember("x", [], type: "L", size: 1 << 20 + 1) }, at: 2) == [nil, long])
  }

  /// Wherever a shard is cut: what is before is right, and at most one sample says that it ends.
  @Test(arguments: [false, true]) func cutShardsGiveWhatIsBefore(isPacked: Bool) throws {
    var members = ShardSourceTests.members(0..<2)
    members.insert(TarMember.pax([("path", "long/2.ppm")]), at: 4)
    members += [TarMember("2.ppm", ShardSourceTests.image(2)), TarMember("long/2.txt", "caption 2")]
    var bytes = TarMember.archive(members)
    let ends = [1024 + 512 + 9, 3072 + 512 + 9, 6144 + 512 + 9]
    if isPacked { bytes = gzip(bytes, blockCount: 700) }
    for count in stride(from: 0, to: bytes.count, by: 61) {
      let path = try folder.write(Array(bytes.prefix(count)), to: "a.tar")
      guard let source = try? ShardSource(path) else {
        #expect(count < 560)
        continue
      }
      let problems = problems(source)
      let whole = problems.count { $0 == nil }
      #expect(problems.prefix(whole).allSatisfy { $0 == nil } && problems.count <= whole + 1)
      if !isPacked { #expect(whole == ends.count { $0 <= count }) }
      for index in 0..<whole {
        #expect(try source.captions(at: index) == [Caption("caption \(index)")])
        #expect(try source.image(at: index).decoded().pixels == ShardSourceTests.image(index).suffix(3))
      }
      if let problem = problems.dropFirst(whole).first, let problem {
        let hasReason =
          problem.contains(" (the compressed data ends early)") || problem.contains(" (the file is cut off)")
        let isBetween = problem.hasSuffix(" has no captions (.txt or .json).")
        #expect(problem.hasPrefix("a.tar is damaged: ") && (isBetween || problem.contains("it ends in ")))
        #expect(hasReason == isPacked || isBetween)
      }
    }
  }

  @Test func whatIsNoShardIsRefused() throws {
    let samples = ShardSourceTests.members(0..<2)
    #expect(refusal([]) == "a.tar is damaged: it is not a tar archive.")
    #expect(refusal(Array(repeating: 0x61, count: 2000)) == "a.tar is damaged: it is not a tar archive.")
    #expect(refusal(Array("P6 1 1 255 abc".utf8)) == "a.tar is damaged: it is not a tar archive.")
    let nothing =
      "a.tar has no samples, expected images (.jpg, .jpeg, .png, .ppm) and captions (.txt, .json) of the same names."
    #expect(refusal(TarMember.archive([])) == nothing)
    #expect(refusal(TarMember.archive([TarMember("README", "x")])) == nothing)
    #expect(refusal([], "none/a.tar").contains("none"))
    let error = #expect(throws: FileError.self) { try ShardSource(folder.path("a{0..1}.tar")) }
    #expect(error.map(plain) == "Cannot read a0.tar: No such file or directory.")
    var packed = gzip(TarMember.archive(samples))
    packed[packed.count - 8] ^= 1
    #expect(refusal(packed) == "a.tar is damaged: the checksum does not fit.")
    #expect(refusal(gzip(Array("text".utf8))) == "a.tar is damaged: it is not a tar archive.")
    #expect(refusal([0x1F, 0x8B, 8, 0]) == "a.tar is damaged: it is not a gzip file, or cut off.")
    #expect(
      refusal(gzip(TarMember.archive(samples)), maximumUnpackedBytes: 4096)
        == "a.tar: it unpacks to more than the 4096 bytes that it may; allow more, make smaller shards, or unpack it with gzip -d."
    )
  }

  /// A gzip file that becomes a thousand times as large.
  @Test func bombsAreRefused() throws {
    // Fixed codes: literal 0, and then length 258 at distance 1, again and again.
    var bits: [UInt8] = [1, 1, 0] + [0, 0, 1, 1, 0, 0, 0, 0]
    for _ in 0..<270_000 { bits += [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0] }
    var bytes = [UInt8](repeating: 0, count: (bits.count + 7) / 8)
    for (index, bit) in bits.enumerated() { bytes[index / 8] |= bit << UInt8(index % 8) }
    bytes = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255] + bytes
    #expect(
      refusal(bytes)
        == "a.tar: its \(bytes.count) bytes unpack to more than 67108864, expected a hundred times as many at most."
    )
  }

  /// Names are names: whatever they say, nothing is written.
  @Test func namesLeadNowhere() throws {
    let outside = "pairwise-outside-\(UUID().uuidString)"
    let names = ["../\(outside)", "/tmp/\(outside)", "a/../../../\(outside)", "..", "."]
    let members = names.flatMap {
      [TarMember($0 + "/x.ppm", ShardSourceTests.image(0)), TarMember($0 + "/x.txt", "caption")]
    }
    for isPacked in [false, true] {
      let bytes = TarMember.archive(members)
      let path = try folder.write(isPacked ? gzip(bytes) : bytes, to: "a.tar")
      let source = try ShardSource(path)
      #expect((0..<source.count).map(source.key) == names.map { $0 + "/x" })
      #expect(problems(source).allSatisfy { $0 == nil })
      #expect(try folder.contents() == ["a.tar"])
    }
    let parent = URL(filePath: folder.path("x")).deletingLastPathComponent().deletingLastPathComponent().path
    for place in [parent, "/tmp", FileManager.default.currentDirectoryPath] {
      #expect(!FileManager.default.fileExists(atPath: "\(place)/\(outside)"))
    }
  }
}
