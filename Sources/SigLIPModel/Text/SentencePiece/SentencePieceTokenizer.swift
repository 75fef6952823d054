import Foundation
import NN

/// A SentencePiece tokenizer read from a `.model` file, equal to Google's id for id.
///
/// Unigram (Kudo & Richardson 2018) and byte-pair encoding, with byte fallback, normalisation rules, and pieces that are
/// control, user-defined or unused.
public struct SentencePieceTokenizer: Tokenizer {
  /// A token: its id and the normalised text it stands for.
  public struct Token: Sendable, Hashable {
    /// Position in the vocabulary.
    public let id: Int32
    /// What it covers of the normalised text.
    public let text: String
  }

  private let pieces: [String]
  private let types: [SentencePieceModel.PieceType]
  private let segmenter: SentencePieceSegmenter
  private let denormalizer: SentencePieceNormalizer?
  private let dropsLeadingSpace: Bool
  private let removesExtraWhitespace: Bool
  private let unknownSurface: String
  /// Ids that the text of the unknown token becomes.
  private(set) var unknownMarkCount = 0
  /// Id of the unknown piece.
  public let unknownID: Int32
  /// Ids by piece; strings that differ only in composition are equal to Swift.
  private let ids: [ExactString: Int32]

  /// Reads a model file.
  ///
  /// - Throws: ``FileError`` when the file is missing, damaged, or neither a Unigram nor a BPE model.
  public init(path: String) throws {
    try self.init(try readTokenizer(path), name: path)
  }

  /// Reads a model from memory; `name` stands in errors.
  public init(_ bytes: [UInt8], name: String = "tokenizer") throws {
    let model = try SentencePieceModel(bytes, name: name)
    pieces = model.pieces.map { String(decoding: $0.bytes, as: UTF8.self) }
    types = model.pieces.map(\.type)
    let unknownID = Int32(model.pieces.firstIndex { $0.type == .unknown } ?? 0)
    self.unknownID = unknownID
    let symbols = SentencePieceTokenizer.keys(of: model, [.userDefined])
    let symbolTrie = symbols.isEmpty ? nil : ByteTrie(symbols)
    let segmentation = try SentencePieceTokenizer.segmentation(of: model, symbolTrie, unknownID, name: name)
    let normalizer = try SentencePieceNormalizer(
      model.normalization, symbols: symbolTrie, whitespaceIsSuffix: model.whitespaceIsSuffix, name: name)
    denormalizer =
      model.denormalization.charsMap.isEmpty
      ? nil
      : try SentencePieceNormalizer(
        model.denormalization, symbols: nil, whitespaceIsSuffix: false, name: "\(name), denormalizer")
    removesExtraWhitespace = model.normalization.removesExtraWhitespace
    dropsLeadingSpace = model.normalization.addsDummyPrefix || model.normalization.removesExtraWhitespace
    unknownSurface = model.unknownSurface
    var ids: [ExactString: Int32] = [:]
    for (index, piece) in pieces.enumerated() {
      if let first = ids.updateValue(Int32(index), forKey: ExactString(piece)) {
        throw FileError(
          .malformed, name, "pieces \(first) and \(index) are both \"\(piece)\"", expected: "different")
      }
    }
    self.ids = ids
    let byteIDs: [Int32] =
      try !model.usesByteFallback
      ? []
      : (0..<256).map { byte in
        guard let id = ids[ExactString(bytePiece(UInt8(byte)))] else {
          throw FileError(.malformed, name, "it falls back to bytes but has no piece for byte \(byte)")
        }
        return id
      }
    segmenter = SentencePieceSegmenter(normalizer, segmentation, unknownID: unknownID, byteIDs: byteIDs)
    unknownMarkCount = encode("<unk>").count
  }

  private static func keys(
    of model: SentencePieceModel, _ types: Set<SentencePieceModel.PieceType>
  ) -> [(key: [UInt8], value: Int32)] {
    model.pieces.enumerated().filter { types.contains($0.element.type) }.map {
      ($0.element.bytes, Int32($0.offset))
    }
  }

  private static func segmentation(
    of model: SentencePieceModel, _ symbols: ByteTrie?, _ unknownID: Int32, name: String
  ) throws -> SentencePieceSegmenter.Segmentation {
    switch model.modelType {
    case .unigram:
      let normal = model.pieces.filter { $0.type == .normal }.map(\.score)
      return .unigram(
        Unigram(
          pieces: keys(of: model, [.normal, .userDefined]),
          scores: model.pieces.map { piece in
            // Scores of pieces are negative: a symbol the user defined wins over them, a longer one over a shorter
            // (as sentencepiece 0.2.3 has it; older versions gave every such symbol about -0.1).
            Double(piece.type == .userDefined ? 0.1 * Float(piece.bytes.count - 1) : piece.score)
          },
          unknownID: unknownID,
          // Google's starting value shows when a model has no normal piece.
          unknownScore: Double((normal.min() ?? .greatestFiniteMagnitude) - 10), addsInSinglePrecision: true))
    case .bpe:
      return .merging(
        PieceMerging(
          pieces: keys(of: model, [.normal, .userDefined, .unused]), scores: model.pieces.map(\.score),
          isUnused: model.pieces.map { $0.type == .unused }, symbols: symbols, unknownID: unknownID))
    case .word, .character:
      throw FileError(.unsupported, name, "it is a \(model.modelType) model", expected: "unigram or bpe")
    }
  }

  /// Number of pieces.
  public var vocabularySize: Int { pieces.count }

  /// The id of a piece, or nil.
  public func id(of piece: String) -> Int32? { ids[ExactString(piece)] }

  /// The piece of an id; traps outside the vocabulary.
  public func piece(of id: Int32) -> String { pieces[Int(id)] }

  /// The ids of a text.
  public func encode(_ text: String) -> [Int32] { segmenter.ids(of: text) }

  /// The tokens of a text with what they cover; neighbouring unknown characters are one token.
  public func tokenize(_ text: String) -> [Token] {
    segmenter.withPieces(of: text) { found, normalized in
      var result: [Token] = []
      for piece in found {
        let bytes = normalized[piece.range]
        let covered = String(decoding: bytes, as: UTF8.self)
        if piece.id != unknownID {
          result.append(Token(id: piece.id, text: covered))
        } else if !segmenter.byteIDs.isEmpty {
          for byte in bytes {
            let id = segmenter.byteIDs[Int(byte)]
            result.append(Token(id: id, text: pieces[Int(id)]))
          }
        } else if let last = result.last, last.id == unknownID {
          result[result.count - 1] = Token(id: unknownID, text: last.text + covered)
        } else {
          result.append(Token(id: unknownID, text: covered))
        }
      }
      return result
    }
  }

  /// The text of ids: control pieces vanish, bytes become characters, unknown pieces a mark.
  public func decode(_ ids: [Int32]) -> String {
    check(ids)
    let whitespace = SentencePieceNormalizer.visibleSpace
    var result: [UInt8] = []
    // The dummy prefix is dropped once; when extra whitespace is, all that would lead the text goes.
    var dropsWhitespace = dropsLeadingSpace
    var droppedWhitespace = false
    for id in ids {
      let piece = pieces[Int(id)]
      if types[Int(id)] == .byte {
        result.append(UInt8(piece.dropFirst(3).dropLast(), radix: 16) ?? 0)
        continue
      }
      if droppedWhitespace || !result.isEmpty { dropsWhitespace = false }
      droppedWhitespace = false
      switch types[Int(id)] {
      case .control: break
      case .unknown: result += unknownSurface.utf8
      default:
        var bytes = Array(piece.utf8)[...]
        if dropsWhitespace && bytes.starts(with: whitespace) {
          bytes = bytes.dropFirst(whitespace.count)
          droppedWhitespace = !removesExtraWhitespace
        }
        while let byte = bytes.first {
          if bytes.starts(with: whitespace) {
            result.append(UInt8(ascii: " "))
            bytes = bytes.dropFirst(whitespace.count)
          } else {
            result.append(byte)
            bytes = bytes.dropFirst()
          }
        }
      }
    }
    if let denormalizer {
      result = Array(String(decoding: result, as: UTF8.self).utf8).withUnsafeBufferPointer(
        denormalizer.normalize)
    }
    return String(decoding: result, as: UTF8.self)
  }
}

/// The piece that stands for one byte.
func bytePiece(_ byte: UInt8) -> String {
  let digits = String(byte, radix: 16, uppercase: true)
  return "<0x\(byte < 16 ? "0" : "")\(digits)>"
}
