/// What keeps a tokenizer from being read.
public struct TokenizerError: Error, CustomStringConvertible {
  /// A sentence: which file, what was found, what was expected.
  public let description: String

  init(_ description: String) { self.description = description }
}
