/// The repair of mojibake, text whose UTF-8 was decoded in another encoding, as ftfy 6.3.1 does it (Robyn Speer,
/// Apache-2.0): it is encoded again in the first encoding that makes UTF-8 of it.
enum EncodingRepair {
  /// The repaired text; text that looks as it should is returned as it is.
  static func repair(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { MojibakeKind($0).isSuspicious }) else { return text }
    return String(String.UnicodeScalarView(repair(Array(text.unicodeScalars))))
  }

  /// Text may have been damaged more than once: repairs until nothing changes any more.
  private static func repair(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var text = text
    while true {
      let next = repairedOnce(text)
      if next == text { return text }
      text = next
    }
  }

  private static func repairedOnce(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    guard Mojibake.isLikely(in: text) else { return text }
    for encoding in SingleByteEncoding.all {
      guard var bytes = encoding.encode(text) else { continue }
      if encoding.mayLoseNoBreakSpaces { bytes = DamagedUTF8.restoringNoBreakSpaces(bytes) }
      if encoding.encodesReplacement { bytes = DamagedUTF8.replacingLostCharacters(bytes) }
      if let repaired = DamagedUTF8.decode(bytes) { return repaired }
    }
    let repaired = repairingParts(of: text)
    return repaired == text ? text.map(withoutControl) : repaired
  }

  /// Repairs what looks like UTF-8 in text that is damaged only in parts.
  private static func repairingParts(of text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    let kinds = text.map(MojibakeKind.init)
    var result: [Unicode.Scalar] = []
    var position = 0
    while position < text.count {
      let end = endOfSequences(in: kinds, from: position)
      if end == position {
        result.append(text[position])
        position += 1
        continue
      }
      let part = Array(text[position..<end])
      // The whole text was tried before.
      let isDamaged = part.count < text.count && Mojibake.isLikely(in: part)
      result += isDamaged ? repair(part) : part
      position = end
    }
    return result
  }

  /// Where characters end that stand for whole UTF-8 sequences, one after another; `start` if there are none.
  private static func endOfSequences(in kinds: [MojibakeKind], from start: Int) -> Int {
    // What comes before must not belong to them.
    if start > 0, kinds[start - 1].contains(.strictContinuation) { return start }
    var end = start
    while end < kinds.count {
      let length = kinds[end].sequenceLength
      guard length > 1, end + length <= kinds.count,
        kinds[(end + 1)..<(end + length)].allSatisfy({ $0.contains(.continuation) })
      else { break }
      end += length
    }
    return end
  }

  /// A control character of Latin-1 is one of Windows-1252's others.
  private static func withoutControl(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    0x80...0x9F ~= scalar.value ? HTMLEntities.windows1252(scalar.value) : scalar
  }
}

/// An encoding with a character for each byte, those of ASCII for the lower half.
struct SingleByteEncoding: Sendable {
  /// Whether the replacement character is a byte too, 1A: it stands for a byte that means nothing.
  let encodesReplacement: Bool
  /// Whether a space may have been a no-break space; an en dash before a space would look the same in Mac OS Roman.
  let mayLoseNoBreakSpaces: Bool
  private let bytes: [Unicode.Scalar: UInt8]

  /// Those that are tried, the likely ones first.
  static let all = EncodingTables.encodings.map { encoding in
    let characters = EncodingTables.scalars(encoding.characters)
    return SingleByteEncoding(
      encodesReplacement: encoding.name.hasPrefix("windows"),
      mayLoseNoBreakSpaces: encoding.name != "mac-roman",
      bytes: Dictionary(uniqueKeysWithValues: zip(characters, 0x80...UInt8.max)))
  }

  /// The bytes of a text, or nil when it has a character that the encoding has not.
  func encode(_ text: [Unicode.Scalar]) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    for scalar in text {
      switch scalar.value {
      case 0x1A where encodesReplacement: return nil
      case 0xFFFD where encodesReplacement: result.append(0x1A)
      case 0..<0x80: result.append(UInt8(scalar.value))
      default:
        guard let byte = bytes[scalar] else { return nil }
        result.append(byte)
      }
    }
    return result
  }
}
