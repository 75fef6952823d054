/// A text on its way through a tokenizer, cut into parts that are encoded apart.
struct SplitText {
  var bytes: [UInt8]
  var parts: [Range<Int>]
  /// Whether the text that is encoded begins where this one does.
  var isAtStart: Bool

  /// Cuts parts further; `cut` says ranges within the part that it receives.
  mutating func split(_ cut: (UnsafeBufferPointer<UInt8>, (Range<Int>) -> Void) -> Void) {
    var result: [Range<Int>] = []
    result.reserveCapacity(max(parts.count, bytes.count / 4))
    bytes.withUnsafeBufferPointer { bytes in
      for part in parts {
        cut(UnsafeBufferPointer(rebasing: bytes[part])) { range in
          if !range.isEmpty {
            result.append((range.lowerBound + part.lowerBound)..<(range.upperBound + part.lowerBound))
          }
        }
      }
    }
    parts = result
  }

  /// Rewrites every part.
  mutating func rewrite(_ body: (ArraySlice<UInt8>, _ isFirst: Bool, _ into: inout [UInt8]) -> Void) {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + bytes.count / 2 + 8)
    parts = parts.map { part in
      let start = result.count
      body(bytes[part], isAtStart && part.lowerBound == 0, &result)
      return start..<result.count
    }
    bytes = result
  }
}

/// A pre-tokenizer of a `tokenizer.json`: cuts text into parts.
indirect enum PreTokenizer: Sendable {
  /// What becomes of a match that text is cut at.
  enum Behavior: String, Sendable, CaseIterable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
  }

  /// Where a word's mark of a space is put before a text that does not begin with one.
  enum PrependScheme: String, Sendable, CaseIterable {
    case always, first, never
  }

  case sequence([PreTokenizer])
  case whitespaceSplit
  case split(TextPattern, Behavior, isInverted: Bool)
  case metaspace(mark: [UInt8], PrependScheme, splits: Bool)
  case byteLevel(addsPrefixSpace: Bool, words: TextPattern?)

  /// How GPT-2 finds words.
  private static let wordPattern =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  init(_ node: JSONNode) throws {
    let type = try node["type"].string()
    switch type {
    case "Sequence": self = .sequence(try node["pretokenizers"].elements().map(PreTokenizer.init))
    case "WhitespaceSplit": self = .whitespaceSplit
    case "Split":
      guard let behavior = Behavior(rawValue: try node["behavior"].string()) else {
        throw node["behavior"].expected("one of \(Behavior.allCases.map(\.rawValue))")
      }
      self = .split(
        try TextPattern(node["pattern"]), behavior, isInverted: try node["invert"].flag(else: false))
    case "Metaspace":
      let mark = try node["replacement"].string()
      if mark.unicodeScalars.count != 1 { throw node["replacement"].expected("one character") }
      self = .metaspace(
        mark: Array(mark.utf8), try PrependScheme(node),
        splits: try node["split"].flag(else: true))
    case "ByteLevel":
      self = .byteLevel(
        addsPrefixSpace: try node["add_prefix_space"].flag(else: true),
        words: try node["use_regex"].flag(else: true)
          ? TextPattern(PreTokenizer.wordPattern, context: node.description) : nil)
    default:
      throw node.unsupported(
        type, known: ["Sequence", "WhitespaceSplit", "Split", "Metaspace", "ByteLevel"])
    }
  }

  /// Whether characters of the vocabulary stand for bytes.
  var isByteLevel: Bool {
    switch self {
    case .sequence(let parts): parts.contains(where: \.isByteLevel)
    case .byteLevel: true
    default: false
    }
  }

  func apply(_ text: inout SplitText) {
    switch self {
    case .sequence(let parts): for part in parts { part.apply(&text) }
    case .whitespaceSplit: text.split(PreTokenizer.words)
    case .split(let pattern, let behavior, let isInverted):
      text.split { PreTokenizer.cut($0, pattern, behavior, isInverted, $1) }
    case .metaspace(let mark, let scheme, let splits):
      text.rewrite { part, isFirst, result in
        let prepends = scheme == .always || (scheme == .first && isFirst)
        if prepends && part.first != UInt8(ascii: " ") && !part.starts(with: mark) { result += mark }
        for byte in part {
          if byte == UInt8(ascii: " ") { result += mark } else { result.append(byte) }
        }
      }
      if splits { text.split { PreTokenizer.cut($0, beforeEach: mark, $1) } }
    case .byteLevel(let addsPrefixSpace, let words):
      if addsPrefixSpace {
        text.rewrite { part, _, result in
          if part.first != UInt8(ascii: " ") { result.append(UInt8(ascii: " ")) }
          result += part
        }
      }
      if let words { text.split { PreTokenizer.cut($0, words, .isolated, false, $1) } }
    }
  }

  /// The parts between white space.
  private static func words(_ text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
    var start = 0
    var position = 0
    while position < text.count {
      let (value, length) = decodeScalar(text, at: position)
      if Unicode.Scalar(value)?.properties.isWhitespace ?? false {
        body(start..<position)
        start = position + length
      }
      position += length
    }
    body(start..<text.count)
  }

  /// The parts that begin with a mark; of marks in a row, each is a part.
  private static func cut(
    _ text: UnsafeBufferPointer<UInt8>, beforeEach mark: [UInt8], _ body: (Range<Int>) -> Void
  ) {
    var start = 0
    var position = 0
    while position + mark.count <= text.count {
      if text[position] == mark[0], text[position..<(position + mark.count)].elementsEqual(mark) {
        body(start..<position)
        start = position
        position += mark.count
      } else {
        position += 1
      }
    }
    body(start..<text.count)
  }

  private static func cut(
    _ text: UnsafeBufferPointer<UInt8>, _ pattern: TextPattern, _ behavior: Behavior, _ isInverted: Bool,
    _ body: (Range<Int>) -> Void
  ) {
    var pieces: [(range: Range<Int>, isMatch: Bool)] = []
    var position = 0
    for match in pattern.matches(in: text) {
      if position < match.lowerBound { pieces.append((position..<match.lowerBound, isInverted)) }
      pieces.append((match, !isInverted))
      position = match.upperBound
    }
    if position < text.count { pieces.append((position..<text.count, isInverted)) }
    switch behavior {
    case .removed: for piece in pieces where !piece.isMatch { body(piece.range) }
    case .isolated: for piece in pieces { body(piece.range) }
    case .mergedWithPrevious: merge(pieces) { $1.isMatch && !$0.isMatch }.forEach(body)
    case .mergedWithNext: merge(pieces) { $0.isMatch && !$1.isMatch }.forEach(body)
    case .contiguous: merge(pieces) { $0.isMatch == $1.isMatch }.forEach(body)
    }
  }

  /// Joins each piece to the one before it where `joins`, which sees both, says so.
  private static func merge(
    _ pieces: [(range: Range<Int>, isMatch: Bool)],
    _ joins: ((range: Range<Int>, isMatch: Bool), (range: Range<Int>, isMatch: Bool)) -> Bool
  ) -> [Range<Int>] {
    var result: [Range<Int>] = []
    for (index, piece) in pieces.enumerated() {
      if let last = result.last, joins(pieces[index - 1], piece) {
        result[result.count - 1] = last.lowerBound..<piece.range.upperBound
      } else {
        result.append(piece.range)
      }
    }
    return result
  }
}

extension PreTokenizer.PrependScheme {
  /// The scheme of a pre-tokenizer or decoder, which older files say with one flag.
  init(_ node: JSONNode) throws {
    guard let name = try node["prepend_scheme"].optionalString() else {
      self = try node["add_prefix_space"].flag(else: true) ? .always : .never
      return
    }
    guard let scheme = Self(rawValue: name) else {
      throw node["prepend_scheme"].expected("one of \(Self.allCases.map(\.rawValue))")
    }
    self = scheme
  }
}
