import Foundation
import Tensor

/// What keeps a command from doing its work, such as a file or an option that cannot be used; its description is one line.
public struct CommandError: DataError {
  /// What was found and what was expected.
  public let sentence: String

  /// A problem in these words.
  public init(_ sentence: String) { self.sentence = sentence }

  /// What the system says went wrong last: call it before anything else can go wrong.
  static func system(_ subject: String) -> CommandError {
    CommandError("\(subject): \(String(cString: strerror(errno)))")
  }
}

/// The system's words for an error of Foundation, without its domain and code.
public func reason(of error: any Error) -> String {
  let error = error as NSError
  let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
  if cause.domain == NSPOSIXErrorDomain {
    return String(cString: strerror(Int32(truncatingIfNeeded: cause.code)))
  }
  return error.localizedDescription.replacingOccurrences(
    of: "The operation could not be completed. ", with: "")
}
