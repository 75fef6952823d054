import Foundation

/// What a SentencePiece `.model` file says (sentencepiece_model.proto).
struct SentencePieceModel {
  enum PieceType: UInt64 {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  enum ModelType: UInt64 {
    case unigram = 1
    case bpe, word, character
  }

  struct Piece {
    var bytes: [UInt8] = []
    var score: Float = 0
    var type = PieceType.normal
  }

  /// How text is changed before it is split, or after it is put together.
  struct Normalization {
    var charsMap: [UInt8] = []
    var addsDummyPrefix = true
    var removesExtraWhitespace = true
    var escapesWhitespace = true
  }

  var pieces: [Piece] = []
  var modelType = ModelType.unigram
  var usesByteFallback = false
  var whitespaceIsSuffix = false
  var unknownSurface = " \u{2047} "
  var normalization = Normalization()
  var denormalization = Normalization()

  /// Reads a file's bytes; `name` stands in errors.
  init(_ bytes: [UInt8], name: String) throws {
    var reader = ProtocolBufferReader(bytes[...], context: name)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, _) where pieces.count == SentencePieceModel.maximumPieceCount:
        throw FileError(.malformed, name, "it has more than \(SentencePieceModel.maximumPieceCount) pieces")
      case (1, .bytes(let message)): pieces.append(try SentencePieceModel.piece(message, name, pieces.count))
      case (2, .bytes(let message)): try readTrainer(message, name)
      case (3, .bytes(let message)):
        normalization = try SentencePieceModel.normalization(message, "\(name), normalizer")
      case (5, .bytes(let message)):
        denormalization = try SentencePieceModel.normalization(message, "\(name), denormalizer")
      case (1...3, _), (5, _): throw FileError(.malformed, name, "field \(field) has the wrong wire type")
      default: break
      }
    }
    if pieces.isEmpty {
      throw FileError(.malformed, name, "it holds no pieces: not a SentencePiece model, or empty")
    }
    let unknown = pieces.count { $0.type == .unknown }
    if unknown != 1 { throw FileError(.malformed, name, "it has \(unknown) unknown pieces", expected: "one") }
  }

  /// Published models have up to 262,144 pieces of 16 characters, and some symbols that are longer.
  private static let maximumPieceCount = ConfigurationBounds.vocabularySize.upperBound
  private static let maximumPieceBytes = 4096

  private static func piece(_ message: ArraySlice<UInt8>, _ name: String, _ index: Int) throws -> Piece {
    var reader = ProtocolBufferReader(message, context: "\(name), piece \(index)")
    var piece = Piece()
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let bytes)): piece.bytes = Array(bytes)
      case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
      case (3, .integer(let raw)):
        guard let type = PieceType(rawValue: raw) else {
          throw FileError(.malformed, name, "piece \(index) is of type \(raw)", expected: "1 to 6")
        }
        piece.type = type
      case (1, _), (2, _), (3, _):
        throw FileError(.malformed, name, "piece \(index), field \(field) has the wrong wire type")
      default: break
      }
    }
    if piece.bytes.count > maximumPieceBytes {
      throw FileError(
        .malformed, name, "piece \(index) has \(piece.bytes.count) bytes",
        expected: "at most \(maximumPieceBytes)")
    }
    if piece.bytes.isEmpty { throw FileError(.malformed, name, "piece \(index) is empty") }
    if String(validating: piece.bytes, as: UTF8.self) == nil {
      throw FileError(.malformed, name, "piece \(index) is not UTF-8")
    }
    if piece.score.isNaN { throw FileError(.malformed, name, "the score of piece \(index) is not a number") }
    return piece
  }

  private mutating func readTrainer(_ message: ArraySlice<UInt8>, _ name: String) throws {
    var reader = ProtocolBufferReader(message, context: "\(name), trainer")
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (3, .integer(let raw)):
        guard let type = ModelType(rawValue: raw) else {
          throw FileError(.malformed, name, "it has the model type \(raw)", expected: "1 to 4")
        }
        modelType = type
      case (24, .integer(let flag)): whitespaceIsSuffix = flag != 0
      case (35, .integer(let flag)): usesByteFallback = flag != 0
      case (44, .bytes(let text)): unknownSurface = String(decoding: text, as: UTF8.self)
      case (3, _), (24, _), (35, _), (44, _):
        throw FileError(.malformed, name, "trainer, field \(field) has the wrong wire type")
      default: break
      }
    }
  }

  private static func normalization(_ message: ArraySlice<UInt8>, _ context: String) throws -> Normalization {
    var reader = ProtocolBufferReader(message, context: context)
    var result = Normalization()
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (2, .bytes(let map)): result.charsMap = Array(map)
      case (3, .integer(let flag)): result.addsDummyPrefix = flag != 0
      case (4, .integer(let flag)): result.removesExtraWhitespace = flag != 0
      case (5, .integer(let flag)): result.escapesWhitespace = flag != 0
      case (2...5, _): throw FileError(.malformed, context, "field \(field) has the wrong wire type")
      default: break
      }
    }
    return result
  }
}
