/// A problem with a file or its contents that a caller can recover from; its description is a sentence.
public enum TensorError: DataError, Hashable {
  /// The file could not be opened or read.
  case unreadable(path: String, reason: String)
  /// The file could not be written.
  case unwritable(path: String, reason: String)
  /// The file breaks the rules of its format.
  case malformed(path: String, problem: String)
  /// The file holds no array of this name.
  case missing(path: String, name: String)
  /// The array is there, but not in a form that the call can return.
  case unsupported(path: String, name: String, problem: String)

  /// What was found and what was expected, and in which file.
  public var sentence: String {
    switch self {
    case .unreadable("", _): "Cannot read a file: its path is empty."
    case .unwritable("", _): "Cannot write a file: its path is empty."
    case .unreadable(let path, let reason): "Cannot read \(path): \(reason)."
    case .unwritable(let path, let reason): "Cannot write \(path): \(reason)."
    case .malformed(let path, let problem): "\(path) is damaged: \(problem)."
    case .missing(let path, let name): "\(path) has no array named \"\(name)\"."
    case .unsupported(let path, let name, let problem): "\(path), array \"\(name)\": \(problem)."
    }
  }
}
