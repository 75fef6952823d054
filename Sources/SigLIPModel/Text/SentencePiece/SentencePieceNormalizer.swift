/// Google's normalisation: rules applied, spaces folded and shown as U+2581.
struct SentencePieceNormalizer: Sendable {
  private let charsMap: CharsMap
  private let unchangedASCII: [Bool]
  private let symbols: ByteTrie?
  private let addsDummyPrefix: Bool
  private let removesExtraWhitespace: Bool
  private let whitespaceIsSuffix: Bool
  private let whitespace: [UInt8]

  private static let space = UInt8(ascii: " ")
  /// U+2581, which stands for a space in pieces.
  static let visibleSpace = Array("\u{2581}".utf8)

  /// A normaliser.
  ///
  /// - Parameters:
  ///   - symbols: What the user defined; rules do not touch it.
  ///   - whitespaceIsSuffix: Whether the dummy prefix comes last.
  init(
    _ description: SentencePieceModel.Normalization, symbols: ByteTrie?, whitespaceIsSuffix: Bool,
    name: String
  ) throws {
    charsMap = try CharsMap(description.charsMap, name: name)
    unchangedASCII = symbols == nil ? charsMap.unchangedASCII() : Array(repeating: false, count: 128)
    self.symbols = symbols
    addsDummyPrefix = description.addsDummyPrefix
    removesExtraWhitespace = description.removesExtraWhitespace
    self.whitespaceIsSuffix = whitespaceIsSuffix
    whitespace = description.escapesWhitespace ? Self.visibleSpace : [Self.space]
  }

  /// The text as pieces spell it.
  func normalize(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    charsMap.replacements.withUnsafeBufferPointer { normalize(text, replacements: $0) }
  }

  private func normalize(
    _ text: UnsafeBufferPointer<UInt8>, replacements: UnsafeBufferPointer<UInt8>
  ) -> [UInt8] {
    let space = Self.space
    var position = 0
    while removesExtraWhitespace && position < text.count {
      let part = part(of: text, from: position, replacements)
      guard part.bytes.count == 1 && part.bytes.first == space else { break }
      position += part.length
    }
    if position == text.count { return [] }
    var result: [UInt8] = []
    result.reserveCapacity(text.count + text.count / 2 + 16)
    if addsDummyPrefix && !whitespaceIsSuffix { result += whitespace }
    var followsSpace = removesExtraWhitespace
    while position < text.count {
      let byte = text[position]
      // Most text is ASCII that no rule changes.
      if byte < 0x80 && byte != space && unchangedASCII[Int(byte)]
        && (position + 1 == text.count || text[position + 1] < 0x80)
      {
        result.append(byte)
        followsSpace = false
        position += 1
        continue
      }
      let part = part(of: text, from: position, replacements)
      let kept = followsSpace ? part.bytes.drop { $0 == space } : part.bytes
      for byte in kept {
        if byte == space { result += whitespace } else { result.append(byte) }
      }
      if let last = kept.last { followsSpace = last == space }
      position += part.length
      if !removesExtraWhitespace { followsSpace = false }
    }
    while removesExtraWhitespace && result.suffix(whitespace.count).elementsEqual(whitespace) {
      result.removeLast(whitespace.count)
    }
    if addsDummyPrefix && whitespaceIsSuffix { result += whitespace }
    return result
  }

  /// What the characters at `position` become, and how many bytes they take.
  @inline(__always)
  private func part(
    of text: UnsafeBufferPointer<UInt8>, from position: Int, _ replacements: UnsafeBufferPointer<UInt8>
  ) -> (bytes: Slice<UnsafeBufferPointer<UInt8>>, length: Int) {
    if let length = symbols?.withWalker({ $0.longestMatch(text, from: position)?.length }) {
      return (text[position..<(position + length)], length)
    }
    if let match = charsMap.match(text, from: position, longest: true) {
      return (replacements[match.replacement], match.length)
    }
    let length = min(characterLength(text[position]), text.count - position)
    return (text[position..<(position + length)], length)
  }
}
