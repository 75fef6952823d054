/// SentencePiece's compiled normalisation rules: a Darts-clone double-array trie from byte strings to their
/// replacements.
struct CharsMap: Sendable {
  private static let maximumReplacement = 256

  private let units: [UInt32]
  /// Replacements, each followed by a zero byte.
  let replacements: [UInt8]

  /// Reads a precompiled map: the trie's size, the trie, and replacements that end with a zero byte.
  init(_ blob: [UInt8], name: String) throws {
    if blob.isEmpty {
      units = []
      replacements = []
      return
    }
    func word(_ offset: Int) -> UInt32 {
      UInt32(blob[offset]) | UInt32(blob[offset + 1]) << 8 | UInt32(blob[offset + 2]) << 16
        | UInt32(blob[offset + 3]) << 24
    }
    guard blob.count > 4, word(0) % 4 == 0, word(0) >= 4, Int(word(0)) <= blob.count - 4 else {
      throw FileError(.malformed, name, "its normalisation rules are damaged: the trie's size does not fit")
    }
    let size = Int(word(0))
    units = stride(from: 4, to: 4 + size, by: 4).map(word)
    replacements = Array(blob[(4 + size)...])
    guard replacements.last == 0 else {
      throw FileError(
        .malformed, name, "its normalisation rules are damaged: the last replacement does not end")
    }
    // Longer ones would make a little text take all memory; Unicode's longest compatibility form has 33 bytes.
    let longest = replacements.split(separator: 0).map(\.count).max() ?? 0
    guard longest <= CharsMap.maximumReplacement else {
      throw FileError(
        .malformed, name,
        "its normalisation rules have a replacement of \(longest) bytes, expected at most "
          + "\(CharsMap.maximumReplacement)")
    }
  }

  /// Whether there are no rules.
  var isEmpty: Bool { units.isEmpty }

  /// For each ASCII character, whether no rule begins with it, alone or with an ASCII character behind it.
  func unchangedASCII() -> [Bool] {
    units.withUnsafeBufferPointer { units in
      (UInt8(0)..<0x80).map { byte in
        guard let root = units.first, let first = step(units, Int(CharsMap.offset(root)), byte) else {
          return true
        }
        return !first.ends && (UInt8(0)..<0x80).allSatisfy { step(units, first.node, $0) == nil }
      }
    }
  }

  /// From a place in the trie along a byte: the next place and whether a rule ends there.
  @inline(__always)
  private func step(_ units: UnsafeBufferPointer<UInt32>, _ node: Int, _ byte: UInt8) -> (
    node: Int, ends: Bool
  )? {
    let place = node ^ Int(byte)
    guard place < units.count, units[place] & 0x8000_00FF == UInt32(byte) else { return nil }
    let next = place ^ Int(CharsMap.offset(units[place]))
    return next < units.count ? (next, units[place] >> 8 & 1 == 1) : nil
  }

  /// The rule that applies at `position`: how many bytes it takes and what replaces them.
  ///
  /// - Parameter longest: Whether the longest of several counts, as for Google, or the shortest, as for Hugging Face.
  func match(_ text: UnsafeBufferPointer<UInt8>, from position: Int, longest: Bool) -> (
    length: Int, replacement: Range<Int>
  )? {
    if units.isEmpty { return nil }
    return units.withUnsafeBufferPointer { units in
      var node = Int(CharsMap.offset(units[0]))
      var best: (length: Int, value: Int)?
      for i in position..<text.count {
        guard let next = step(units, node, text[i]) else { break }
        node = next.node
        if next.ends {
          best = (i + 1 - position, Int(units[node] & 0x7FFF_FFFF))
          if !longest { break }
        }
      }
      guard let best, best.value < replacements.count else { return nil }
      let end = replacements[best.value...].firstIndex(of: 0) ?? replacements.count
      return (best.length, best.value..<end)
    }
  }

  @inline(__always)
  private static func offset(_ unit: UInt32) -> UInt32 { (unit >> 10) << ((unit & (1 << 9)) >> 6) }
}
