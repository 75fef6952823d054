import Foundation

/// A normaliser of a `tokenizer.json`: changes text before it is split.
indirect enum TextNormalizer: Sendable {
  case sequence([TextNormalizer])
  case precompiled(CharsMap)
  case lowercase
  case replace(TextPattern, [UInt8])
  case strip(left: Bool, right: Bool)
  case prepend([UInt8])
  case canonicalComposition, canonicalDecomposition

  init(_ node: JSONNode) throws {
    let type = try node["type"].string()
    switch type {
    case "Sequence": self = .sequence(try node["normalizers"].elements().map(TextNormalizer.init))
    case "Precompiled":
      guard let map = Data(base64Encoded: try node["precompiled_charsmap"].string()) else {
        throw node["precompiled_charsmap"].expected("base64")
      }
      self = .precompiled(try CharsMap(Array(map), name: node.description))
    case "Lowercase": self = .lowercase
    case "Replace":
      self = .replace(try TextPattern(node["pattern"]), Array(try node["content"].string().utf8))
    case "Strip":
      self = .strip(
        left: try node["strip_left"].flag(else: true), right: try node["strip_right"].flag(else: true))
    case "Prepend": self = .prepend(Array(try node["prepend"].string().utf8))
    case "NFC": self = .canonicalComposition
    case "NFD": self = .canonicalDecomposition
    default:
      throw node.unsupported(
        type,
        known: ["Sequence", "Precompiled", "Lowercase", "Replace", "Strip", "Prepend", "NFC", "NFD"])
    }
  }

  /// Texts may grow so much at most, so that no chain of replacements takes all memory.
  static let maximumGrowth = 4096.0

  /// How many times as long a text can become, about: each rule multiplies what those before it made.
  var growth: Double {
    switch self {
    case .sequence(let parts): parts.reduce(1) { $0 * $1.growth }
    case .replace(_, let content), .prepend(let content): Double(max(1, content.count))
    // A replacement has at most 256 bytes, but none of a real file's is much longer than what it stands for.
    case .precompiled: 4
    default: 1
    }
  }

  /// Changes a text; says whether its beginning was dropped, so that what is first now was not before.
  @discardableResult
  func apply(_ text: inout [UInt8]) -> Bool {
    switch self {
    case .sequence(let parts): return parts.reduce(false) { $1.apply(&text) || $0 }
    case .precompiled(let map): if !map.isEmpty { text = TextNormalizer.applyRules(map, text) }
    case .lowercase: TextNormalizer.lowercase(&text)
    case .replace(let pattern, let content): return TextNormalizer.replace(pattern, with: content, in: &text)
    case .strip(let left, let right):
      let scalars = String(decoding: text, as: UTF8.self).unicodeScalars[...]
      var kept = left ? scalars.drop { $0.properties.isWhitespace } : scalars
      let dropsBeginning = kept.startIndex != scalars.startIndex
      while right, let last = kept.last, last.properties.isWhitespace { kept.removeLast() }
      text = Array(String(kept).utf8)
      return dropsBeginning
    case .prepend(let prefix): if !text.isEmpty { text = prefix + text }
    case .canonicalComposition:
      // Nothing below U+0300 composes.
      if text.contains(where: { $0 >= 0xCC }) {
        text = Array(String(decoding: text, as: UTF8.self).canonicallyComposed.utf8)
      }
    case .canonicalDecomposition:
      text = Array(String(decoding: text, as: UTF8.self).canonicallyDecomposed.utf8)
    }
    return false
  }

  /// Each character by itself: unlike Python's, this rule knows no final sigma.
  private static func lowercase(_ text: inout [UInt8]) {
    if text.contains(where: { $0 >= 0x80 }) {
      text = Array(String(decoding: text, as: UTF8.self).lowercased().utf8)
    } else {
      for index in text.indices where 0x41...0x5A ~= text[index] { text[index] |= 0x20 }
    }
  }

  private static func replace(_ pattern: TextPattern, with content: [UInt8], in text: inout [UInt8]) -> Bool {
    let matches = text.withUnsafeBufferPointer(pattern.matches)
    guard let first = matches.first else { return false }
    var result: [UInt8] = []
    result.reserveCapacity(text.count + matches.count * content.count)
    var position = 0
    for match in matches {
      result += text[position..<match.lowerBound]
      result += content
      position = match.upperBound
    }
    result += text[position...]
    text = result
    return first.lowerBound == 0 && content.isEmpty
  }

  /// Google's rules as Hugging Face applies them: to whole short characters first, then to each of their scalars.
  private static func applyRules(_ map: CharsMap, _ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count + 16)
    /// Takes what the shortest rule makes of the bytes; what it leaves over is lost.
    func replace(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
      guard bytes.first != 0, let match = map.match(bytes, from: 0, longest: false) else { return false }
      result += map.replacements[match.replacement]
      return true
    }
    for character in String(decoding: text, as: UTF8.self) {
      var character = String(character)
      character.withUTF8 { bytes in
        if bytes.count < 6 && replace(bytes) { return }
        var position = 0
        while position < bytes.count {
          let end = position + characterLength(bytes[position])
          let scalar = UnsafeBufferPointer(rebasing: bytes[position..<end])
          if !replace(scalar) { result += scalar }
          position = end
        }
      }
    }
    return result
  }
}

extension TextPattern {
  /// A pattern of a `tokenizer.json`: `{"String": ...}` or `{"Regex": ...}`.
  init(_ node: JSONNode) throws {
    if let literal = try node["String"].optionalString() {
      self.init(literal: literal)
    } else {
      self = try TextPattern(node["Regex"].string(), context: node.description)
    }
  }
}
