import Foundation
import NN

/// A tokenizer read from a Hugging Face `tokenizer.json`, equal to their `tokenizers` id for id.
///
/// It knows the models Unigram and BPE and the components that SigLIP's, Gemma's and CLIP's files use; another one
/// is an error that names it.
public struct HuggingFaceTokenizer: Tokenizer {
  private let vocabulary: Vocabulary
  private let model: Model
  private let addedTokens: AddedTokens
  private let normalizer: TextNormalizer?
  private let preTokenizer: PreTokenizer?
  private let isByteLevel: Bool
  private let decoder: TokenDecoder?
  private let wordEnd: String
  private let specialIDs: Set<Int32>
  /// Ids that the file's post-processor puts before a text, and after it.
  public let template: (prefix: [Int32], suffix: [Int32])

  private enum Model: Sendable {
    case unigram(Unigram, unknownID: Int32, byteIDs: [Int32])
    case merging(PairMerging)
  }

  /// Reads a file.
  ///
  /// - Throws: ``FileError`` when the file is missing, damaged, or has a component that is not known.
  public init(path: String) throws {
    try self.init(try readTokenizer(path), name: path)
  }

  /// Reads a file's bytes.
  ///
  /// - Parameters:
  ///   - name: Stands in errors.
  ///   - lowercases: Whether text is put in lower case before the file's own normalisation, as transformers'
  ///     `Siglip2Tokenizer` does.
  public init(_ bytes: [UInt8], name: String = "tokenizer.json", lowercases: Bool = false) throws {
    let file = try JSONNode(bytes, name: name)
    let normalizers =
      (lowercases ? [.lowercase] : [])
      + (try file["normalizer"].isAbsent ? [] : [TextNormalizer(file["normalizer"])])
    normalizer = normalizers.isEmpty ? nil : .sequence(normalizers)
    preTokenizer = try file["pre_tokenizer"].isAbsent ? nil : PreTokenizer(file["pre_tokenizer"])
    isByteLevel = preTokenizer?.isByteLevel ?? false
    decoder = try file["decoder"].isAbsent ? nil : TokenDecoder(file["decoder"])
    addedTokens = try AddedTokens(file["added_tokens"], normalizer: normalizer)
    specialIDs = Set(addedTokens.tokens.filter(\.isSpecial).map(\.id))
    let model = file["model"]
    let type = try model["type"].optionalString() ?? (model["merges"].isAbsent ? "Unigram" : "BPE")
    switch type {
    case "Unigram":
      vocabulary = try Vocabulary(list: model["vocab"], added: addedTokens)
      self.model = try HuggingFaceTokenizer.unigram(model, vocabulary)
      wordEnd = ""
    case "BPE":
      vocabulary = try Vocabulary(object: model["vocab"], added: addedTokens)
      wordEnd = try model["end_of_word_suffix"].optionalString() ?? ""
      self.model = .merging(
        try PairMerging(model, vocabulary, wordEnd: wordEnd, isByteLevel: isByteLevel))
    default: throw model.unsupported(type, known: ["Unigram", "BPE"])
    }
    template = try HuggingFaceTokenizer.template(file["post_processor"], vocabulary)
    if let id = (template.prefix + template.suffix).first(where: { $0 >= vocabulary.tokens.count }) {
      throw FileError(
        .malformed, name, "its post_processor adds id \(id)", expected: "ids below \(vocabulary.tokens.count)"
      )
    }
    for (part, growth) in [("normalizer", normalizer?.growth), ("decoder", decoder?.growth)] {
      if let growth, growth > TextNormalizer.maximumGrowth {
        throw FileError(.unsupported, name, "its \(part) may make texts more than 4096 times as long")
      }
    }
  }

  private static func unigram(_ node: JSONNode, _ vocabulary: Vocabulary) throws -> Model {
    let entries = try node["vocab"].elements()
    let scores = try entries.map { entry in
      let pair = try entry.elements()
      guard pair.count == 2 else { throw entry.expected("a piece and its score") }
      return try pair[1].number()
    }
    let unknownID = try node["unk_id"].id()
    guard unknownID < scores.count else { throw node["unk_id"].expected("an id below \(scores.count)") }
    let byteIDs = try node["byte_fallback"].flag(else: false) ? vocabulary.byteIDs : []
    // The last of equal pieces counts.
    let pieces = scores.indices.reversed().map { (Array(vocabulary.tokens[$0].utf8), Int32($0)) }
    return .unigram(
      Unigram(
        pieces: pieces.filter { !$0.0.isEmpty }, scores: scores, unknownID: unknownID,
        unknownScore: (scores.min() ?? 0) - 10, addsInSinglePrecision: false),
      unknownID: unknownID, byteIDs: byteIDs)
  }

  /// Number of ids, those of added tokens included.
  public var vocabularySize: Int { vocabulary.tokens.count }

  /// The id of a token, or nil.
  public func id(of piece: String) -> Int32? { vocabulary.ids[ExactString(piece)] }

  /// The ids of a text, without those of the file's post-processor.
  public func encode(_ text: String) -> [Int32] {
    var ids: [Int32] = []
    var text = text
    text.withUTF8 { text in
      for part in addedTokens.split(text, normalized: false) {
        if let id = part.id {
          ids.append(id)
        } else {
          encode(Array(text[part.range]), isAtStart: part.range.lowerBound == 0, into: &ids)
        }
      }
    }
    return ids
  }

  /// Encodes what stands between tokens that are found in text as it is.
  private func encode(_ text: [UInt8], isAtStart: Bool, into ids: inout [Int32]) {
    var text = text
    let dropsBeginning = normalizer?.apply(&text) ?? false
    let parts = text.withUnsafeBufferPointer { addedTokens.split($0, normalized: true) }
    for part in parts {
      if let id = part.id {
        ids.append(id)
        continue
      }
      let bytes = part.range.count == text.count ? text : Array(text[part.range])
      var split = SplitText(
        bytes: bytes, parts: bytes.isEmpty ? [] : [0..<bytes.count],
        isAtStart: isAtStart && !dropsBeginning && part.range.lowerBound == 0)
      preTokenizer?.apply(&split)
      split.bytes.withUnsafeBufferPointer { bytes in
        for range in split.parts { encode(word: UnsafeBufferPointer(rebasing: bytes[range]), into: &ids) }
      }
    }
  }

  private func encode(word: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) {
    switch model {
    case .merging(let model): model.encode(word, isByteLevel: isByteLevel, into: &ids)
    case .unigram(let model, let unknownID, let byteIDs):
      withUnsafeTemporaryAllocation(of: TextPiece.self, capacity: word.count) { storage in
        let pieces = model.pieces(of: word, storage)
        var place = 0
        while place < pieces.count {
          var range = pieces[place].range
          let id = pieces[place].id
          place += 1
          guard id == unknownID else {
            ids.append(id)
            continue
          }
          // Neighbouring unknown characters are one token.
          while place < pieces.count, pieces[place].id == unknownID {
            range = range.lowerBound..<pieces[place].range.upperBound
            place += 1
          }
          if !byteIDs.isEmpty, word[range].allSatisfy({ byteIDs[Int($0)] >= 0 }) {
            ids += word[range].map { byteIDs[Int($0)] }
          } else {
            ids.append(unknownID)
          }
        }
      }
    }
  }

  /// The text of ids, without special tokens.
  public func decode(_ ids: [Int32]) -> String {
    check(ids)
    let tokens = ids.filter { !specialIDs.contains($0) }.map { Array(vocabulary.tokens[Int($0)].utf8) }
    guard let decoder else {
      return tokens.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    }
    var text = Array(decoder.apply(tokens).joined())
    guard decoder.isByteLevel && !wordEnd.isEmpty else { return String(decoding: text, as: UTF8.self) }
    // The decoder of CLIP's file leaves the marks of word ends; `transformers` replaces them.
    TextNormalizer.replace(TextPattern(literal: wordEnd), [UInt8(ascii: " ")]).apply(&text)
    return String(decoding: text, as: UTF8.self).pythonStripped()
  }
}

extension HuggingFaceTokenizer {
  /// Ids that a post-processor puts around a text.
  private static func template(
    _ node: JSONNode, _ vocabulary: Vocabulary
  ) throws -> (prefix: [Int32], suffix: [Int32]) {
    if node.isAbsent { return ([], []) }
    let type = try node["type"].string()
    switch type {
    case "ByteLevel": return ([], [])
    case "Sequence":
      return try node["processors"].elements().reduce(into: ([], [])) { result, part in
        let around = try template(part, vocabulary)
        result = (around.prefix + result.0, result.1 + around.suffix)
      }
    case "RobertaProcessing", "BertProcessing":
      func id(_ pair: JSONNode) throws -> Int32 {
        guard let id = try pair.elements().last?.id() else { throw pair.expected("a token and its id") }
        return id
      }
      return ([try id(node["cls"])], [try id(node["sep"])])
    case "TemplateProcessing":
      var result: (prefix: [Int32], suffix: [Int32]) = ([], [])
      var seenText = false
      for part in try node["single"].elements() {
        if !part["Sequence"].isAbsent {
          seenText = true
          continue
        }
        let name = try part["SpecialToken"]["id"].string()
        let ids = try node["special_tokens"][name]["ids"].elements().map { try $0.id() }
        if seenText { result.suffix += ids } else { result.prefix += ids }
      }
      return result
    default:
      throw node.unsupported(
        type,
        known: ["TemplateProcessing", "RobertaProcessing", "BertProcessing", "ByteLevel", "Sequence"])
    }
  }
}

extension JSONNode {
  /// A whole number of at least 0 that an id can be.
  func id() throws -> Int32 {
    guard case .integer(let number) = value, let id = Int32(exactly: number), id >= 0 else {
      throw expected("a whole number from 0 to \(Int32.max)")
    }
    return id
  }

  /// Refuses a component that is not known.
  func unsupported(_ type: String, known: [String]) -> FileError {
    unsupported("is of type \"\(type)\"", expected: known.joined(separator: ", "))
  }
}

/// The bytes of a tokenizer's file; the largest published ones have 34 MB.
func readTokenizer(_ path: String) throws -> [UInt8] { try readFile(path, maximumBytes: 1 << 27) }
