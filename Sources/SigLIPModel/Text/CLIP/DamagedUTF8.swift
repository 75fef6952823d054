/// UTF-8 that lost bytes, and variants of it, as ftfy reads them.
enum DamagedUTF8 {
  private static let space: UInt8 = 0x20
  private static let noBreakSpace: UInt8 = 0xA0
  /// A byte that was lost.
  private static let substitute: UInt8 = 0x1A
  private static let questionMark: UInt8 = 0x3F

  private static func isContinuation(_ byte: UInt8) -> Bool { 0x80...0xBF ~= byte }

  /// The bytes with A0 for spaces where that makes UTF-8 of a likely character.
  static func restoringNoBreakSpaces(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.contains(space) else { return bytes }
    var result: [UInt8] = []
    var rest = bytes[...]
    while let lead = rest.first {
      let length = lengthOfSpaced(rest)
      result += rest.prefix(length).map { length > 1 && $0 == space ? noBreakSpace : $0 }
      rest = rest.dropFirst(length)
      // "à" is a word: its space was lost beside A0, but for Portuguese words that begin so.
      if length > 1, lead == 0xC3, !endings.contains(where: { rest.starts(with: $0.utf8) }) {
        result.append(space)
      }
    }
    return result
  }

  private static let endings = [" ", "quele", "quela", "quilo", "s "]

  /// The length of a sequence with one space in it, or 1.
  private static func lengthOfSpaced(_ bytes: ArraySlice<UInt8>) -> Int {
    func matches(_ count: Int, _ isAllowed: (UInt8) -> Bool) -> Bool {
      let following = bytes.dropFirst().prefix(count)
      return following.count == count && following.count(where: { $0 == space }) == 1
        && following.allSatisfy { $0 == space || isAllowed($0) }
    }
    switch bytes.first ?? 0 {
    case 0xC2, 0xC3, 0xC5, 0xCE, 0xD0, 0xD9: return matches(1) { _ in false } ? 2 : 1
    case 0xE0...0xE3:
      guard matches(2, { isContinuation($0) && $0 != 0x85 && $0 != noBreakSpace }) else { return 1 }
      // Samaritan and Mongolian are less likely than a space.
      return bytes[bytes.startIndex + 1] == space && bytes[bytes.startIndex] < 0xE2 ? 1 : 3
    case 0xF0: return matches(3, isContinuation) ? 4 : 1
    default: return 1
    }
  }

  /// The bytes with a replacement character for each sequence of which some are lost.
  static func replacingLostCharacters(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.contains(where: { $0 == substitute || $0 == questionMark }) else { return bytes }
    var result: [UInt8] = []
    var rest = bytes[...]
    while let lead = rest.first {
      let length = lengthOfLost(rest)
      if length > 0 { result += [0xEF, 0xBF, 0xBD] } else { result.append(lead) }
      rest = rest.dropFirst(max(1, length))
    }
    return result
  }

  /// The length of a sequence of which bytes are lost, question marks or substitutes in their place, or 0.
  private static func lengthOfLost(_ bytes: ArraySlice<UInt8>) -> Int {
    func isLost(_ byte: UInt8) -> Bool { byte == substitute || byte == questionMark }
    func matches(_ count: Int) -> Bool {
      let following = bytes.dropFirst().prefix(count)
      return following.count == count && following.contains(where: isLost)
        && following.allSatisfy { isLost($0) || isContinuation($0) }
        && following.count(where: { $0 == questionMark }) < 2
    }
    switch bytes.first ?? 0 {
    case substitute: return 1
    case 0xC2, 0xC3: return matches(1) ? 2 : 0
    case 0xC4...0xDF: return bytes.dropFirst().first == substitute ? 2 : 0
    case 0xE0...0xEF:
      // Surrogates of which the last byte is lost.
      let pair = Array(bytes.prefix(6))
      if pair.count == 6, pair[0] == 0xED, 0xA0...0xAF ~= pair[1], pair[3] == 0xED, 0xB0...0xBF ~= pair[4],
        isLost(pair[2]) || isLost(pair[5]),
        [pair[2], pair[5]].allSatisfy({ isLost($0) || isContinuation($0) })
      {
        return 6
      }
      return matches(2) ? 3 : 0
    case 0xF0...0xF4: return matches(3) ? 4 : 0
    default: return 0
    }
  }

  /// The characters of UTF-8, of pairs of surrogates that were encoded each (CESU-8), and of Java's null; nil when there
  /// is anything else.
  static func decode(_ bytes: [UInt8]) -> [Unicode.Scalar]? {
    var standard: [UInt8] = []
    standard.reserveCapacity(bytes.count)
    var rest = bytes[...]
    while let lead = rest.first {
      if lead == 0xC0 || lead == 0xED, let (scalar, length) = decodeVariant(rest) {
        standard += String(scalar).utf8
        rest = rest.dropFirst(length)
      } else {
        standard.append(lead)
        rest = rest.dropFirst()
      }
    }
    return String(validating: standard, as: UTF8.self).map { Array($0.unicodeScalars) }
  }

  /// A pair of surrogates, or Java's null. ftfy takes a line feed that ends the text for the last byte of either.
  private static func decodeVariant(_ bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, length: Int)? {
    let isLastLineFeed = { (index: Int) in bytes.count == index + 1 && bytes.last == 0x0A }
    let bytes = Array(bytes.prefix(6))
    if bytes[0] == 0xC0, bytes.count > 1, bytes[1] == 0x80 || isLastLineFeed(1) { return ("\0", 2) }
    guard bytes.count == 6, bytes[0] == 0xED, 0xA0...0xAF ~= bytes[1], isContinuation(bytes[2]),
      bytes[3] == 0xED,
      0xB0...0xBF ~= bytes[4], isContinuation(bytes[5]) || isLastLineFeed(5)
    else { return nil }
    let value =
      0x10000 + (UInt32(bytes[1] & 0x0F) << 16) + (UInt32(bytes[2] & 0x3F) << 10)
      + (UInt32(bytes[4] & 0x0F) << 6) + UInt32(bytes[5] & 0x3F)
    return Unicode.Scalar(value).map { ($0, 6) }
  }
}
