import Foundation
import Tensor

/// What keeps a tokenizer from being read.
public struct TokenizerError: Error, CustomStringConvertible {
  /// A sentence: which file, what was found, what was expected.
  public let description: String

  init(_ description: String) { self.description = description }
}

/// The bytes of a tokenizer's file.
func readTokenizer(_ path: String) throws -> [UInt8] {
  guard let data = try? readFile(path) else { throw TokenizerError("\(path): cannot be read") }
  return Array(data)
}
