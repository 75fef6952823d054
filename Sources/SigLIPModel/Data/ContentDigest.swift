import Foundation
import Tensor

/// A SHA-256 digest, which tells things apart by what they hold.
public struct ContentDigest: Sendable, Hashable, CustomStringConvertible {
  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// How many bytes it has.
  static let byteCount = 32

  /// A digest of 64 hexadecimal digits; nil where it is something else.
  public init?(_ hexadecimal: String) {
    let digits = Array(hexadecimal.utf8)
    guard digits.count == 64, digits.allSatisfy({ $0.isHexadecimalDigit }) else { return nil }
    func word(_ index: Int) -> UInt64 {
      UInt64(String(decoding: digits[16 * index..<16 * (index + 1)], as: UTF8.self), radix: 16) ?? 0
    }
    words = (word(0), word(1), word(2), word(3))
  }

  /// The digest that 32 bytes are.
  init(bytes: UnsafeRawBufferPointer) {
    func word(_ index: Int) -> UInt64 {
      UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
    }
    words = (word(0), word(1), word(2), word(3))
  }

  /// The digest of what a function adds to one.
  init(_ body: (inout SHA256) -> Void) {
    var digest = SHA256()
    body(&digest)
    let hexadecimal = digest.finish()
    guard let result = ContentDigest(hexadecimal) else {
      programmerError("ContentDigest: \(hexadecimal) is no digest")
    }
    self = result
  }

  /// Its 32 bytes.
  var bytes: [UInt8] {
    [words.0, words.1, words.2, words.3].flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
    }
  }

  /// 64 hexadecimal digits.
  public var description: String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  /// Whether two digests are of the same bytes.
  public static func == (one: ContentDigest, other: ContentDigest) -> Bool { one.words == other.words }

  /// Adds a part of it, which is as good as any hash.
  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

extension UInt8 {
  fileprivate var isHexadecimalDigit: Bool {
    UInt8(ascii: "0")...UInt8(ascii: "9") ~= self || UInt8(ascii: "a")...UInt8(ascii: "f") ~= self
      || UInt8(ascii: "A")...UInt8(ascii: "F") ~= self
  }
}

extension SampleImage {
  /// Of the file's bytes, or of size and pixels.
  public var contentDigest: ContentDigest {
    ContentDigest { digest in
      switch self {
      case .encoded(let bytes, _): digest.update(bytes)
      case .pixels(let image):
        digest.update("\(image.width) x \(image.height)\n".utf8)
        digest.update(image.pixels)
      }
    }
  }
}
