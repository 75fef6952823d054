import Foundation
import Tensor

/// What keeps a tokenizer from being read.
public struct TokenizerError: DataError {
  /// Which file, what was found, what was expected.
  public let sentence: String

  init(_ sentence: String) { self.sentence = sentence }
}

/// The bytes of a tokenizer's file; the largest published ones have 34 MB.
func readTokenizer(_ path: String) throws -> [UInt8] {
  do { return try readFile(path, maximumBytes: 1 << 27) } catch TensorError.unreadable(_, let reason) {
    throw TokenizerError("\(path): cannot be read: \(reason)")
  }
}
