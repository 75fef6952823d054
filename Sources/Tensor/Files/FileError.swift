/// A problem with a file that a caller can recover from: where it is, what was found there, what was expected, and what to
/// do about it.
public struct FileError: DataError, Hashable {
  /// What went wrong.
  public enum Kind: Sendable, Hashable {
    /// It could not be opened or read.
    case unreadable
    /// It could not be written.
    case unwritable
    /// It breaks the rules of its format.
    case malformed
    /// It lacks what was asked for.
    case missing
    /// It keeps the rules, and asks for what there is not.
    case unsupported
  }

  /// What went wrong.
  public let kind: Kind
  /// The file.
  public let path: String
  /// What was found, and where in the file; for ``Kind/unreadable`` and ``Kind/unwritable`` the system's reason, for
  /// ``Kind/missing`` what is not there.
  public let found: String
  /// What was expected instead, where that is not plain.
  public let expected: String?
  /// What can be done about it.
  public let advice: String?

  /// A problem of these parts: each a few words that go on with the sentence, without a full stop.
  public init(
    _ kind: Kind, _ path: String, _ found: String, expected: String? = nil, advice: String? = nil
  ) {
    (self.kind, self.path, self.found) = (kind, path, found)
    (self.expected, self.advice) = (expected, advice)
  }

  /// All parts as one sentence.
  public var sentence: String {
    let beginning =
      switch kind {
      case .unreadable:
        path.isEmpty ? "Cannot read a file: its path is empty" : "Cannot read \(path): \(found)"
      case .unwritable:
        path.isEmpty ? "Cannot write a file: its path is empty" : "Cannot write \(path): \(found)"
      case .malformed: "\(path) is damaged: \(found)"
      case .missing: "\(path) has no \(found)"
      case .unsupported: "\(path): \(found)"
      }
    return beginning + (expected.map { ", expected \($0)" } ?? "") + (advice.map { "; \($0)" } ?? "") + "."
  }
}
