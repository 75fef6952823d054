import Foundation
import NN

/// A SentencePiece Unigram tokenizer read from a `.model` file (Kudo & Richardson 2018), equal to Google's id for id.
public struct SentencePieceTokenizer: Sendable {
  /// A token: its id and the normalised text it stands for.
  public struct Token: Sendable, Hashable {
    /// Position in the vocabulary.
    public let id: Int32
    /// What it covers of the normalised text.
    public let text: String
  }

  private let pieces: [String]
  private let types: [UInt8]
  private let scores: [Float]
  private let trie: ByteTrie
  private let userDefined: ByteTrie?
  private let charsMap: CharsMap
  private let byteIDs: [Int32]
  private let unknownScore: Float
  private let addsDummyPrefix: Bool
  private let removesExtraWhitespace: Bool
  private let escapesWhitespace: Bool
  private let whitespaceIsSuffix: Bool
  private let unknownSurface: String
  /// Id of the unknown piece.
  public let unknownID: Int32
  /// Ids by piece; keyed by bytes because strings that differ only in composition are equal to Swift.
  private let ids: [[UInt8]: Int32]

  /// Reads a model file.
  ///
  /// - Throws: ``TokenizerError`` when the file is missing, damaged, or not a Unigram model.
  public init(path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw TokenizerError("\(path): cannot be read")
    }
    try self.init(Array(data), name: path)
  }

  /// Reads a model from memory; `name` stands in errors.
  public init(_ bytes: [UInt8], name: String = "tokenizer") throws {
    let model = try SentencePieceModel(bytes, name: name)
    guard model.modelType == .unigram else {
      throw TokenizerError("\(name): a \(model.modelType) model, expected unigram")
    }
    pieces = model.pieces.map { String(decoding: $0.bytes, as: UTF8.self) }
    types = model.pieces.map { UInt8($0.type.rawValue) }
    scores = model.pieces.map(\.score)
    let inText: Set<SentencePieceModel.PieceType> = [.normal, .userDefined, .unused]
    trie = ByteTrie(
      model.pieces.enumerated().filter { inText.contains($0.element.type) }.map {
        ($0.element.bytes, Int32($0.offset))
      })
    let symbols = model.pieces.enumerated().filter { $0.element.type == .userDefined }
    userDefined = symbols.isEmpty ? nil : ByteTrie(symbols.map { ($0.element.bytes, Int32($0.offset)) })
    charsMap = try CharsMap(model.charsMap, name: name)
    let normal = model.pieces.filter { $0.type == .normal }.map(\.score)
    // Google's starting value shows when a model has no normal piece.
    unknownScore = (normal.min() ?? .greatestFiniteMagnitude) - 10
    addsDummyPrefix = model.addsDummyPrefix
    removesExtraWhitespace = model.removesExtraWhitespace
    escapesWhitespace = model.escapesWhitespace
    whitespaceIsSuffix = model.whitespaceIsSuffix
    unknownSurface = model.unknownSurface
    unknownID = Int32(model.pieces.firstIndex { $0.type == .unknown } ?? 0)
    var ids: [[UInt8]: Int32] = [:]
    for (index, piece) in model.pieces.enumerated() {
      if let first = ids.updateValue(Int32(index), forKey: piece.bytes) {
        throw TokenizerError(
          "\(name): pieces \(first) and \(index) are both \"\(pieces[index])\", expected different")
      }
    }
    self.ids = ids
    var byteIDs = [Int32](repeating: -1, count: 256)
    if model.usesByteFallback {
      for byte in 0..<256 {
        guard let id = ids[Array(String(format: "<0x%02X>", byte).utf8)] else {
          throw TokenizerError("\(name): falls back to bytes but has no piece for byte \(byte)")
        }
        byteIDs[byte] = id
      }
    }
    self.byteIDs = model.usesByteFallback ? byteIDs : []
  }

  /// Number of pieces.
  public var vocabularySize: Int { pieces.count }

  /// The id of a piece, or nil.
  public func id(of piece: String) -> Int32? { ids[Array(piece.utf8)] }

  /// The piece of an id; traps outside the vocabulary.
  public func piece(of id: Int32) -> String { pieces[Int(id)] }

  /// The ids of a text.
  public func encode(_ text: String) -> [Int32] {
    var result: [Int32] = []
    forEachToken(in: normalize(text)) { id, bytes in
      if id == unknownID && !byteIDs.isEmpty {
        for byte in bytes { result.append(byteIDs[Int(byte)]) }
      } else if id != unknownID || result.last != unknownID {
        result.append(id)
      }
    }
    return result
  }

  /// The tokens of a text with what they cover; neighbouring unknown characters are one token.
  public func tokenize(_ text: String) -> [Token] {
    var result: [Token] = []
    forEachToken(in: normalize(text)) { id, bytes in
      if id == unknownID && !byteIDs.isEmpty {
        for byte in bytes {
          result.append(Token(id: byteIDs[Int(byte)], text: pieces[Int(byteIDs[Int(byte)])]))
        }
        return
      }
      let covered = String(decoding: bytes, as: UTF8.self)
      if id == unknownID, let last = result.last, last.id == unknownID {
        result[result.count - 1] = Token(id: id, text: last.text + covered)
      } else {
        result.append(Token(id: id, text: covered))
      }
    }
    return result
  }

  /// The text of ids: control pieces vanish, bytes become characters, unknown pieces a mark.
  public func decode(_ ids: [Int32]) -> String {
    let whitespace = Array("\u{2581}".utf8)
    var result: [UInt8] = []
    // The dummy prefix is dropped once; when extra whitespace is, all that would lead the text goes.
    var dropsWhitespace = addsDummyPrefix || removesExtraWhitespace
    var droppedWhitespace = false
    for id in ids {
      let index = Int(id)
      guard index >= 0 && index < pieces.count else {
        programmerError("decode: id \(id) is outside the vocabulary of \(pieces.count)")
      }
      let type = SentencePieceModel.PieceType(rawValue: UInt64(types[index]))
      if type == .byte {
        result.append(UInt8(pieces[index].dropFirst(3).dropLast(), radix: 16) ?? 0)
        continue
      }
      if droppedWhitespace || !result.isEmpty { dropsWhitespace = false }
      droppedWhitespace = false
      switch type {
      case .control: break
      case .unknown: result += unknownSurface.utf8
      default:
        var bytes = Array(pieces[index].utf8)[...]
        if dropsWhitespace && bytes.starts(with: whitespace) {
          bytes = bytes.dropFirst(whitespace.count)
          droppedWhitespace = !removesExtraWhitespace
        }
        while let byte = bytes.first {
          if bytes.starts(with: whitespace) {
            result.append(SentencePieceTokenizer.space)
            bytes = bytes.dropFirst(whitespace.count)
          } else {
            result.append(byte)
            bytes = bytes.dropFirst()
          }
        }
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}

// MARK: - Segmentation

extension SentencePieceTokenizer {
  /// The best way to a place in the text: the last piece, where it starts, and the score of all pieces.
  private struct Step {
    var id: Int32 = -1
    var start = -1
    var score: Float = 0
  }

  /// Calls `body` with the most probable sequence of pieces (Viterbi), in order.
  ///
  /// Sums in the precisions and breaks ties as Google's does, so that equal scores give equal pieces.
  private func forEachToken(in text: [UInt8], _ body: (Int32, ArraySlice<UInt8>) -> Void) {
    var steps = [Step](repeating: Step(), count: text.count + 1)
    var start = 0
    while start < text.count {
      let here = steps[start].score
      let characterEnd = min(start + SentencePieceTokenizer.characterLength(text[start]), text.count)
      var coversOneCharacter = false
      var node = ByteTrie.root
      var position = start
      while position < text.count {
        node = trie.child(of: node, along: text[position])
        if node < 0 { break }
        position += 1
        let id = trie.value(at: node)
        if id < 0 || isType(id, .unused) { continue }
        // Scores of pieces are negative: a symbol the user defined wins over them, a longer one over a shorter
        // (as sentencepiece 0.2.3 has it; older versions gave every such symbol about -0.1).
        let score = isType(id, .userDefined) ? 0.1 * Float(position - start - 1) : scores[Int(id)]
        let candidate = score + here
        if steps[position].start < 0 || candidate > steps[position].score {
          steps[position] = Step(id: id, start: start, score: candidate)
        }
        if position == characterEnd { coversOneCharacter = true }
      }
      if !coversOneCharacter {
        let candidate = unknownScore + here
        if steps[characterEnd].start < 0 || candidate > steps[characterEnd].score {
          steps[characterEnd] = Step(id: unknownID, start: start, score: candidate)
        }
      }
      start = characterEnd
    }
    var path: [Int] = []
    var end = text.count
    while end > 0 {
      path.append(end)
      end = steps[end].start
    }
    for end in path.reversed() { body(steps[end].id, text[steps[end].start..<end]) }
  }

  private func isType(_ id: Int32, _ type: SentencePieceModel.PieceType) -> Bool {
    types[Int(id)] == UInt8(type.rawValue)
  }

  /// Bytes of the UTF-8 character that begins with `byte`.
  fileprivate static func characterLength(_ byte: UInt8) -> Int {
    byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
  }
}

// MARK: - Normalisation

extension SentencePieceTokenizer {
  private static let space = UInt8(ascii: " ")

  /// The text as the pieces spell it: rules applied, spaces folded and shown as U+2581.
  private func normalize(_ text: String) -> [UInt8] {
    var text = text
    return text.withUTF8 { text in
      charsMap.replacements.withUnsafeBufferPointer { normalize(text, replacements: $0) }
    }
  }

  private func normalize(
    _ text: UnsafeBufferPointer<UInt8>, replacements: UnsafeBufferPointer<UInt8>
  ) -> [UInt8] {
    let space = SentencePieceTokenizer.space
    let whitespace = escapesWhitespace ? Array("\u{2581}".utf8) : [space]
    var position = 0
    /// What the characters at `position` become, and how many bytes they take.
    func nextPart() -> (bytes: Slice<UnsafeBufferPointer<UInt8>>, length: Int) {
      if let length = userDefinedLength(text, from: position) {
        return (text[position..<(position + length)], length)
      }
      if let match = charsMap.longestMatch(text, from: position) {
        return (replacements[match.replacement], match.length)
      }
      let length = min(SentencePieceTokenizer.characterLength(text[position]), text.count - position)
      return (text[position..<(position + length)], length)
    }
    while removesExtraWhitespace && position < text.count {
      let part = nextPart()
      guard part.bytes.count == 1 && part.bytes.first == space else { break }
      position += part.length
    }
    if position == text.count { return [] }
    var result: [UInt8] = []
    result.reserveCapacity(text.count + 16)
    if addsDummyPrefix && !whitespaceIsSuffix { result += whitespace }
    var followsSpace = removesExtraWhitespace
    while position < text.count {
      let part = nextPart()
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

  /// Length of the longest symbol the user defined that begins at `position`: rules do not touch it.
  private func userDefinedLength(_ text: UnsafeBufferPointer<UInt8>, from position: Int) -> Int? {
    guard let userDefined else { return nil }
    var node = ByteTrie.root
    var best: Int?
    for i in position..<text.count {
      node = userDefined.child(of: node, along: text[i])
      if node < 0 { break }
      if userDefined.value(at: node) >= 0 { best = i + 1 - position }
    }
    return best
  }
}
