/// Tokens of a `tokenizer.json` that are found in a text before it is split in other ways.
struct AddedTokens: Sendable {
  /// One of them.
  struct Token: Sendable {
    let id: Int32
    let content: String
    /// What it is decoded to: the content, normalised if it is looked for in normalised text.
    fileprivate(set) var spelling: String
    let isSpecial: Bool
    /// Whether it is looked for in normalised text.
    let isNormalized: Bool
    /// Whether it must stand alone, without letters or digits beside it.
    let isSingleWord: Bool
    /// Whether it takes in the white space on its left, and on its right.
    let strips: (left: Bool, right: Bool)
  }

  /// All of them, in the file's order.
  let tokens: [Token]
  private let raw: Finder?
  private let normalized: Finder?

  private struct Finder: Sendable {
    let trie: ByteTrie
    let begins: [Bool]

    init?(_ entries: [(key: [UInt8], value: Int32)]) {
      let entries = entries.filter { !$0.key.isEmpty }
      if entries.isEmpty { return nil }
      trie = ByteTrie(entries)
      var begins = Array(repeating: false, count: 256)
      for entry in entries { begins[Int(entry.key[0])] = true }
      self.begins = begins
    }
  }

  init(_ node: JSONNode, normalizer: TextNormalizer?) throws {
    var tokens = try node.isAbsent ? [] : node.elements().map(Token.init)
    for index in tokens.indices where tokens[index].isNormalized {
      var spelling = Array(tokens[index].content.utf8)
      normalizer?.apply(&spelling)
      tokens[index].spelling = String(decoding: spelling, as: UTF8.self)
    }
    self.tokens = tokens
    func finder(normalized: Bool) -> Finder? {
      Finder(
        tokens.enumerated().filter { $0.element.isNormalized == normalized }.map {
          (Array($0.element.spelling.utf8), Int32($0.offset))
        })
    }
    raw = finder(normalized: false)
    normalized = finder(normalized: true)
  }

  /// A part of a text: a token, or what is between tokens.
  typealias Part = (range: Range<Int>, id: Int32?)

  /// Finds tokens in a text, the longest where several begin.
  ///
  /// - Parameter normalized: Whether the text is normalised.
  func split(_ text: UnsafeBufferPointer<UInt8>, normalized isNormalized: Bool) -> [Part] {
    guard let finder = isNormalized ? normalized : raw else { return [(0..<text.count, nil)] }
    var result: [Part] = []
    var covered = 0
    var position = 0
    while position < text.count {
      guard finder.begins[Int(text[position])],
        let match = finder.trie.withWalker({ $0.longestMatch(text, from: position) })
      else {
        position += 1
        continue
      }
      var (start, end) = (position, position + match.length)
      position = end
      let token = tokens[Int(match.value)]
      if token.isSingleWord
        && (AddedTokens.isWord(text, endingAt: start) || AddedTokens.isWord(text, startingAt: end))
      {
        continue
      }
      if token.strips.left {
        while start > covered, let space = AddedTokens.space(text, endingAt: start) { start -= space }
      }
      if token.strips.right {
        while let space = AddedTokens.space(text, startingAt: end) { end += space }
      }
      if covered < start { result.append((covered..<start, nil)) }
      result.append((start..<end, token.id))
      covered = end
      position = max(position, end)
    }
    if covered < text.count { result.append((covered..<text.count, nil)) }
    return result
  }

  // MARK: Neighbours

  private static func scalar(_ text: UnsafeBufferPointer<UInt8>, endingAt end: Int) -> (Unicode.Scalar, Int)?
  {
    if end == 0 { return nil }
    var start = end - 1
    while start > 0 && text[start] & 0xC0 == 0x80 { start -= 1 }
    return scalar(text, startingAt: start)
  }

  private static func scalar(_ text: UnsafeBufferPointer<UInt8>, startingAt start: Int) -> (
    Unicode.Scalar, Int
  )? {
    if start >= text.count { return nil }
    let (value, length) = decodeScalar(text, at: start)
    return Unicode.Scalar(value).map { ($0, length) }
  }

  private static func space(_ text: UnsafeBufferPointer<UInt8>, endingAt end: Int) -> Int? {
    scalar(text, endingAt: end).flatMap { $0.0.properties.isWhitespace ? $0.1 : nil }
  }

  private static func space(_ text: UnsafeBufferPointer<UInt8>, startingAt start: Int) -> Int? {
    scalar(text, startingAt: start).flatMap { $0.0.properties.isWhitespace ? $0.1 : nil }
  }

  private static func isWord(_ text: UnsafeBufferPointer<UInt8>, endingAt end: Int) -> Bool {
    scalar(text, endingAt: end).map { isWord($0.0) } ?? false
  }

  private static func isWord(_ text: UnsafeBufferPointer<UInt8>, startingAt start: Int) -> Bool {
    scalar(text, startingAt: start).map { isWord($0.0) } ?? false
  }

  /// What `\w` matches (Unicode's UTS 18, annex C).
  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.properties.isAlphabetic || scalar.properties.isJoinControl { return true }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
    default: return false
    }
  }
}

extension AddedTokens.Token {
  fileprivate init(_ node: JSONNode) throws {
    id = try node["id"].id()
    content = try node["content"].string()
    spelling = content
    isSpecial = try node["special"].flag(else: false)
    isNormalized = try node["normalized"].flag(else: !isSpecial)
    isSingleWord = try node["single_word"].flag(else: false)
    strips = (try node["lstrip"].flag(else: false), try node["rstrip"].flag(else: false))
  }
}
