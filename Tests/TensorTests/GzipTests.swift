import TestSupport
import Testing

import Tensor

/// Gzip files that come out part by part.
@Suite struct GzipTests {
  /// A deflate stream in the fixed codes: numbers below 144, and then the last 32 KiB again and again, 258 bytes at a time.
  private static func repeated(count: Int) -> (deflated: [UInt8], contents: [UInt8]) {
    var contents = (0..<32_768).map { UInt8($0 * $0 / 7 % 144) }
    var bits: [UInt8] = [1, 1, 0]
    // Codes begin with their highest bit; literals are 00110000 and on.
    for byte in contents { bits += (0..<8).map { (byte + 0x30) >> (7 - $0) & 1 } }
    for _ in 0..<count {
      // Length 258 is 11000101; distance 32,768 is code 29 and 13 bits of ones.
      bits += [1, 1, 0, 0, 0, 1, 0, 1] + [1, 1, 1, 0, 1] + [UInt8](repeating: 1, count: 13)
      contents += contents[(contents.count - 32_768)...].prefix(258)
    }
    bits += [0, 0, 0, 0, 0, 0, 0]
    var bytes = [UInt8](repeating: 0, count: (bits.count + 7) / 8)
    for (index, bit) in bits.enumerated() { bytes[index / 8] |= bit << UInt8(index % 8) }
    return (bytes, contents)
  }

  /// What comes out, and what is thrown.
  private static func parts(_ bytes: [UInt8]) -> (contents: [UInt8], count: Int, problem: Gzip.Problem?) {
    var contents: [UInt8] = []
    var count = 0
    do {
      try bytes.withUnsafeBytes { bytes in
        try Gzip.decompress(bytes) {
          contents += $0
          count += 1
        }
      }
      return (contents, count, nil)
    } catch { return (contents, count, error as? Gzip.Problem) }
  }

  @Test func membersComeOutInParts() throws {
    let (deflated, contents) = Self.repeated(count: 2500)
    let stored = Array(contents.prefix(100_000))
    let first: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255] + deflated + gzip(contents).suffix(8)
    #expect(try Gzip.decompress(first) == contents)
    let one = Self.parts(first)
    #expect(one.contents == contents && one.count > 2 && one.problem == nil)
    // Blocks that are stored begin at whole bytes, and what is no member behind the last one is passed over.
    let all = Self.parts(first + gzip(stored, blockCount: 30_001) + first + [0, 0, 0])
    #expect(all.contents == contents + stored + contents && all.problem == nil)
    // Where it is cut, what came before is right.
    for end in [first.count - 1, first.count - 9, 40_000, 30_000, 20] {
      let cut = Self.parts(Array(first.prefix(end)))
      #expect(cut.problem?.isCut == true && contents.starts(with: cut.contents))
      #expect(cut.contents.count > (end - 16) * 8 / 9 || cut.contents.count == contents.count)
    }
    let storedCut = Self.parts(Array(gzip(stored).prefix(70_000)))
    #expect(storedCut.problem?.isCut == true && storedCut.contents == Array(stored.prefix(69_980)))
    var wrong = first
    wrong[wrong.count - 3] ^= 1
    #expect(Self.parts(wrong).problem?.isCut == false && Self.parts([1, 2] + first).problem?.isCut == false)
  }

  @Test func whatIsThrownByTheReceiverStops() {
    struct Stop: Error {}
    let bytes = gzip([UInt8](repeating: 7, count: 1_000_000))
    var count = 0
    #expect(throws: Stop.self) {
      try bytes.withUnsafeBytes { bytes in
        try Gzip.decompress(bytes) { part in
          count += part.count
          throw Stop()
        }
      }
    }
    #expect(count > 0 && count < 1_000_000)
  }
}
