/// Cuts texts into pieces. Threads share it as one object, so that none of its parts is counted for each text.
final class SentencePieceSegmenter: Sendable {
  /// How normalised text is cut.
  enum Segmentation {
    case unigram(Unigram)
    case merging(PieceMerging)
  }

  private let normalizer: SentencePieceNormalizer
  private let segmentation: Segmentation
  private let unknownID: Int32
  /// Ids that the bytes of unknown characters become; empty without them.
  let byteIDs: [Int32]

  init(
    _ normalizer: SentencePieceNormalizer, _ segmentation: Segmentation, unknownID: Int32, byteIDs: [Int32]
  ) {
    self.normalizer = normalizer
    self.segmentation = segmentation
    self.unknownID = unknownID
    self.byteIDs = byteIDs
  }

  /// The ids of a text; neighbouring unknown characters are one id.
  func ids(of text: String) -> [Int32] {
    withPieces(of: text) { pieces, normalized in
      byteIDs.isEmpty ? ids(of: pieces) : ids(of: pieces, bytes: normalized)
    }
  }

  private func ids(of pieces: UnsafeBufferPointer<TextPiece>) -> [Int32] {
    let unknownID = unknownID
    return [Int32](unsafeUninitializedCapacity: pieces.count) { ids, count in
      for piece in pieces where piece.id != unknownID || count == 0 || ids[count - 1] != unknownID {
        ids.initializeElement(at: count, to: piece.id)
        count += 1
      }
    }
  }

  private func ids(
    of pieces: UnsafeBufferPointer<TextPiece>, bytes: UnsafeBufferPointer<UInt8>
  ) -> [Int32] {
    let unknownID = unknownID
    var total = pieces.count
    for piece in pieces where piece.id == unknownID { total += piece.range.count - 1 }
    return byteIDs.withUnsafeBufferPointer { byteIDs in
      [Int32](unsafeUninitializedCapacity: total) { ids, count in
        for piece in pieces {
          if piece.id != unknownID {
            ids.initializeElement(at: count, to: piece.id)
            count += 1
            continue
          }
          for place in piece.range {
            ids.initializeElement(at: count, to: byteIDs[Int(bytes[place])])
            count += 1
          }
        }
      }
    }
  }

  /// Calls `body` with the pieces of a text and the normalised text that they are places of.
  func withPieces<Result>(
    of text: String, _ body: (UnsafeBufferPointer<TextPiece>, UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    var text = text
    return text.withUTF8 { text in
      normalizer.normalize(text).withUnsafeBufferPointer { normalized in
        withUnsafeTemporaryAllocation(of: TextPiece.self, capacity: normalized.count) { storage in
          switch segmentation {
          case .unigram(let model): body(model.pieces(of: normalized, storage), normalized)
          case .merging(let model): body(model.pieces(of: normalized, storage), normalized)
          }
        }
      }
    }
  }
}
