/// SentencePiece's compiled normalisation rules: a Darts-clone double-array trie from byte strings to their
/// replacements.
struct CharsMap: Sendable {
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
      throw TokenizerError("\(name): its normalisation rules are damaged: the trie's size does not fit")
    }
    let size = Int(word(0))
    units = stride(from: 4, to: 4 + size, by: 4).map(word)
    replacements = Array(blob[(4 + size)...])
    guard replacements.last == 0 else {
      throw TokenizerError("\(name): its normalisation rules are damaged: the last replacement does not end")
    }
  }

  /// The longest rule that applies at `position`: how many bytes it takes and what replaces them.
  func longestMatch(_ text: UnsafeBufferPointer<UInt8>, from position: Int) -> (
    length: Int, replacement: Range<Int>
  )? {
    if units.isEmpty { return nil }
    var node = Int(CharsMap.offset(units[0]))
    var best: (length: Int, value: Int)?
    for i in position..<text.count {
      node ^= Int(text[i])
      guard node < units.count else { break }
      let unit = units[node]
      if unit & 0x8000_00FF != UInt32(text[i]) { break }
      node ^= Int(CharsMap.offset(unit))
      guard node < units.count else { break }
      if unit >> 8 & 1 == 1 { best = (i + 1 - position, Int(units[node] & 0x7FFF_FFFF)) }
    }
    guard let best, best.value < replacements.count else { return nil }
    let end = replacements[best.value...].firstIndex(of: 0) ?? replacements.count
    return (best.length, best.value..<end)
  }

  private static func offset(_ unit: UInt32) -> UInt32 { (unit >> 10) << ((unit & (1 << 9)) >> 6) }
}
