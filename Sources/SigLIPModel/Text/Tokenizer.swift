import NN

/// Splits text into the ids of a vocabulary, and ids back into text.
public protocol Tokenizer: Sendable {
  /// Number of ids; every id is below it.
  var vocabularySize: Int { get }

  /// The ids of a text, without any that mark its beginning or end.
  func encode(_ text: String) -> [Int32]

  /// The text of ids, without those that stand for no text; an id outside the vocabulary traps.
  func decode(_ ids: [Int32]) -> String

  /// The id of a piece of the vocabulary, or nil.
  func id(of piece: String) -> Int32?
}

extension Tokenizer {
  /// The ids of each text; all threads take part.
  public func encode(batch texts: [String]) -> [[Int32]] {
    parallelMap(texts, encode)
  }

  /// Traps when an id is outside the vocabulary.
  func check(_ ids: [Int32]) {
    for id in ids where id < 0 || id >= vocabularySize {
      programmerError("decode: id \(id) is outside the vocabulary of \(vocabularySize)")
    }
  }
}
