/// A decoder of a `tokenizer.json`: turns tokens into text.
indirect enum TokenDecoder: Sendable {
  case sequence([TokenDecoder])
  case replace(TextPattern, [UInt8])
  case byteFallback
  case fuse
  case strip(character: UInt8, start: Int, stop: Int)
  case metaspace(mark: [UInt8], PreTokenizer.PrependScheme)
  case byteLevel
  case wordEnd(suffix: [UInt8])

  init(_ node: JSONNode) throws {
    let type = try node["type"].string()
    switch type {
    case "Sequence": self = .sequence(try node["decoders"].elements().map(TokenDecoder.init))
    case "Replace":
      self = .replace(try TextPattern(node["pattern"]), Array(try node["content"].string().utf8))
    case "ByteFallback": self = .byteFallback
    case "Fuse": self = .fuse
    case "Strip":
      let content = Array(try node["content"].string().utf8)
      guard content.count == 1 else { throw node["content"].expected("one ASCII character") }
      self = .strip(
        character: content[0], start: Int(try node["start"].id()), stop: Int(try node["stop"].id()))
    case "Metaspace":
      let mark = try node["replacement"].string()
      if mark.unicodeScalars.count != 1 { throw node["replacement"].expected("one character") }
      self = .metaspace(mark: Array(mark.utf8), try PreTokenizer.PrependScheme(node))
    case "ByteLevel": self = .byteLevel
    case "BPEDecoder": self = .wordEnd(suffix: Array(try node["suffix"].string().utf8))
    default:
      throw node.unsupported(
        type,
        known: [
          "Sequence", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace", "ByteLevel", "BPEDecoder",
        ])
    }
  }

  /// Whether it turns characters of the vocabulary back into bytes.
  var isByteLevel: Bool {
    switch self {
    case .sequence(let parts): parts.contains(where: \.isByteLevel)
    case .byteLevel: true
    default: false
    }
  }

  /// How many times as long a text can become, about: see ``TextNormalizer/growth``.
  var growth: Double {
    switch self {
    case .sequence(let parts): parts.reduce(1) { $0 * $1.growth }
    case .replace(_, let content): Double(max(1, content.count))
    default: 1
    }
  }

  /// Tokens that, joined, are the text.
  func apply(_ tokens: [[UInt8]]) -> [[UInt8]] {
    switch self {
    case .sequence(let parts): return parts.reduce(tokens) { $1.apply($0) }
    case .replace(let pattern, let content):
      return tokens.map { token in
        var token = token
        TextNormalizer.replace(pattern, content).apply(&token)
        return token
      }
    case .byteFallback: return TokenDecoder.joinBytes(tokens)
    case .fuse: return [Array(tokens.joined())]
    case .strip(let character, let start, let stop):
      return tokens.map { token in
        let left = token.prefix(start).prefix { $0 == character }.count
        let right = token.dropFirst(left).reversed().prefix(stop).prefix { $0 == character }.count
        return Array(token.dropFirst(left).dropLast(right))
      }
    case .metaspace(let mark, let scheme):
      let space = TextNormalizer.replace(
        TextPattern(literal: String(decoding: mark, as: UTF8.self)), [UInt8(ascii: " ")])
      return tokens.enumerated().map { index, token in
        let dropsMark = index == 0 && scheme != .never && token.starts(with: mark)
        var token = dropsMark ? Array(token.dropFirst(mark.count)) : token
        space.apply(&token)
        return token
      }
    case .byteLevel:
      return [tokens.flatMap { ByteAlphabet.bytes(of: $0) ?? $0 }]
    case .wordEnd(let suffix):
      let pattern = TextPattern(literal: String(decoding: suffix, as: UTF8.self))
      return tokens.enumerated().map { index, token in
        var token = token
        TextNormalizer.replace(pattern, index + 1 == tokens.count ? [] : [UInt8(ascii: " ")]).apply(&token)
        return token
      }
    }
  }

  /// Tokens of single bytes as the characters they make together; a mark for each byte of what is not UTF-8.
  private static func joinBytes(_ tokens: [[UInt8]]) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var bytes: [UInt8] = []
    func flush() {
      if bytes.isEmpty { return }
      if String(validating: bytes, as: UTF8.self) != nil {
        result.append(bytes)
      } else {
        result += Array(repeating: Array("\u{FFFD}".utf8), count: bytes.count)
      }
      bytes = []
    }
    for token in tokens {
      if token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">"),
        let byte = UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
      {
        bytes.append(byte)
      } else {
        flush()
        result.append(token)
      }
    }
    flush()
    return result
  }
}

/// The characters that stand for bytes in GPT-2's and CLIP's vocabularies: visible ones, so that words have no spaces.
enum ByteAlphabet {
  /// The character of each byte: itself where it is visible in Latin-1, else the next one from U+0100 on.
  static let characters: [Unicode.Scalar] = {
    var next: UInt8 = 0
    return (UInt8(0)...255).map { byte in
      if 0x21...0x7E ~= byte || 0xA1...0xAC ~= byte || byte >= 0xAE { return Unicode.Scalar(byte) }
      defer { next += 1 }
      return Unicode.Scalar(0x100 + UInt32(next)) ?? " "
    }
  }()

  private static let bytes: [Unicode.Scalar: UInt8] = Dictionary(
    uniqueKeysWithValues: zip(characters, UInt8(0)...255))

  /// The bytes that a token's characters stand for; nil when one stands for none.
  static func bytes(of token: [UInt8]) -> [UInt8]? {
    var result: [UInt8] = []
    for scalar in String(decoding: token, as: UTF8.self).unicodeScalars {
      guard let byte = bytes[scalar] else { return nil }
      result.append(byte)
    }
    return result
  }
}
