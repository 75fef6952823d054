import NN

/// Why a checkpoint cannot be read or written; its description is one line.
public enum CheckpointError: DataError {
  /// No published model has this name.
  case unknownModel(String)
  /// There is no checkpoint at a path.
  case notACheckpoint(path: String, reason: String)
  /// A file breaks the rules of its format.
  case malformed(path: String, problem: String)
  /// A file asks for what no SigLIP model has, or for what a format cannot express.
  case unsupported(path: String, problem: String)
  /// Arrays do not fit the configuration; the names are those of the file.
  case weights(path: String, StateError)

  /// What was found and what was expected, and in which file.
  public var sentence: String {
    switch self {
    case .unknownModel(let name):
      "There is no SigLIP model called \"\(name)\"; names are like B/16-224, B/32-256, L/16-384, So400m/14-384, "
        + "B/16-i18n-256, B/16-v2-256, g-opt/16-384, B/16-naflex."
    case .notACheckpoint(let path, let reason): "\(path) is not a SigLIP checkpoint: \(reason)."
    case .malformed(let path, let problem): "\(path) is damaged: \(problem)."
    case .unsupported(let path, let problem): "\(path): \(problem)."
    case .weights(let path, let problem): "\(path): \(problem)."
    }
  }
}
