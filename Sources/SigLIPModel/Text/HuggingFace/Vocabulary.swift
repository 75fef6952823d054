import Tensor

/// The tokens of a `tokenizer.json` by id, and back.
struct Vocabulary: Sendable {
  /// The token of every id; empty where there is none.
  private(set) var tokens: [String] = []
  private(set) var ids: [ExactString: Int32] = [:]

  /// Larger ids are refused, so that a damaged file does not make the program allocate without bound.
  private static let maximumID = Int32(ConfigurationBounds.vocabularySize.upperBound)

  /// The vocabulary of a Unigram model: pieces with scores in the order of their ids.
  init(list node: JSONNode, added: AddedTokens) throws {
    for (index, entry) in try node.elements().enumerated() {
      guard let piece = try entry.elements().first else { throw entry.expected("a piece and its score") }
      try insert(try piece.string(), Int32(index), node)
    }
    try insert(added, node)
  }

  /// The vocabulary of a BPE model: tokens with their ids.
  init(object node: JSONNode, added: AddedTokens) throws {
    for (token, id) in try node.members() { try insert(token, try id.id(), id) }
    try insert(added, node)
  }

  private mutating func insert(_ added: AddedTokens, _ node: JSONNode) throws {
    for token in added.tokens {
      try insert(token.content, token.id, node)
      tokens[Int(token.id)] = token.spelling
    }
    if tokens.isEmpty { throw node.malformed("is empty", expected: "at least one token") }
  }

  private mutating func insert(_ token: String, _ id: Int32, _ node: JSONNode) throws {
    guard id < Vocabulary.maximumID else { throw node.expected("an id below \(Vocabulary.maximumID)") }
    if Int(id) >= tokens.count {
      tokens += Array(repeating: "", count: Int(id) + 1 - tokens.count)
    }
    tokens[Int(id)] = token
    ids[ExactString(token)] = id
  }

  /// Ids of the pieces for single bytes; -1 where there is none.
  var byteIDs: [Int32] {
    (UInt8(0)...255).map { ids[ExactString(bytePiece($0))] ?? -1 }
  }
}

extension PairMerging {
  /// The BPE model of a `tokenizer.json`.
  init(_ node: JSONNode, _ vocabulary: Vocabulary, wordEnd: String, isByteLevel: Bool) throws {
    guard try node["continuing_subword_prefix"].optionalString() ?? "" == "" else {
      throw node["continuing_subword_prefix"].expected("none")
    }
    if try node["ignore_merges"].flag(else: false) { throw node["ignore_merges"].expected("false") }
    if !node["dropout"].isAbsent, try node["dropout"].number() != 0 { throw node["dropout"].expected("none") }
    let merges = try node["merges"].elements().map { merge in
      let (left, right) = try PairMerging.pair(merge)
      func id(_ token: String) throws -> Int32 {
        guard let id = vocabulary.ids[ExactString(token)] else {
          throw merge.malformed("has \"\(token)\"", expected: "tokens of the vocabulary")
        }
        return id
      }
      return (left: try id(left), right: try id(right), result: try id(left + right))
    }
    var unknownID: Int32?
    if let unknown = try node["unk_token"].optionalString() {
      guard let id = vocabulary.ids[ExactString(unknown)] else {
        throw node["unk_token"].expected("a token of the vocabulary")
      }
      unknownID = id
    }
    self.init(
      merges: MergeTable(merges),
      alphabet: Alphabet(vocabulary, wordEnd: wordEnd, isByteLevel: isByteLevel),
      fallback: Fallback(
        unknownID: unknownID, fusesUnknown: try node["fuse_unk"].flag(else: false),
        byteIDs: try node["byte_fallback"].flag(else: false) && !isByteLevel ? vocabulary.byteIDs : []))
  }

  /// The two tokens of a merge: a list, or in older files a string with a space.
  private static func pair(_ node: JSONNode) throws -> (String, String) {
    if case .string(let text) = node.value {
      let parts = text.unicodeScalars.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2 else { throw node.expected("two tokens") }
      return (parts[0], parts[1])
    }
    let parts = try node.elements().map { try $0.string() }
    guard parts.count == 2 else { throw node.expected("two tokens") }
    return (parts[0], parts[1])
  }
}

extension PairMerging.Alphabet {
  /// The single characters of a vocabulary.
  init(_ vocabulary: Vocabulary, wordEnd: String, isByteLevel: Bool) {
    /// Ids of characters, by their bytes or, with bytes as the characters, by these.
    func characters(_ suffix: String) -> ByteTrie {
      ByteTrie(
        vocabulary.ids.compactMap { token, id in
          let scalars = token.string.unicodeScalars
          guard scalars.count == 1 + suffix.unicodeScalars.count,
            token.string.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
          else { return nil }
          let character = Array(String(scalars.prefix(1)).utf8)
          return isByteLevel ? ByteAlphabet.bytes(of: character).map { ($0, id) } : (character, id)
        })
    }
    self.init(inside: characters(""), last: wordEnd.isEmpty ? nil : characters(wordEnd))
  }
}
