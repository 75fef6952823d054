import Foundation
import Synchronization

/// The end of a command by Ctrl-C or SIGTERM; its description says what is kept and how to go on.
public struct Interrupted: Error, CustomStringConvertible {
  /// One line.
  public let description: String

  /// An end with these words.
  public init(_ description: String) { self.description = description }

  /// The status of a program that Ctrl-C ended.
  public static let exitStatus: Int32 = 130
}

/// Ctrl-C, noticed between two batches: what is being written then is always whole.
public enum Interruption {
  private static let requested = Atomic<Bool>(false)

  /// From now on the first Ctrl-C or polite end by the system only sets a mark; a second one ends the program at once.
  public static func watch() {
    // What a handler uses exists before it is called.
    _ = isRequested
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        Interruption.requested.store(true, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
  }

  /// Whether to stop at the next good moment.
  public static var isRequested: Bool { requested.load(ordering: .relaxed) }

  /// Stops here if it was asked for.
  ///
  /// - Parameter message: What is kept and how to go on.
  /// - Throws: ``Interrupted``.
  public static func check(_ message: @autoclosure () -> String) throws {
    if isRequested { throw Interrupted(message()) }
  }
}
