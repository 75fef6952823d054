import Foundation
import Synchronization

/// The end of a program by Ctrl-C or SIGTERM; its description says what is kept and how to go on.
public struct Interrupted: Error, CustomStringConvertible {
  /// One line.
  public let description: String
  /// The status that such a program ends with, 128 and the signal's number: 130 after Ctrl-C, 143 after SIGTERM.
  public let exitStatus: Int32

  /// An end with these words, by the signal that has come, Ctrl-C if there was none.
  public init(_ description: String) {
    self.description = description
    exitStatus = 128 + (Interruption.signal ?? SIGINT)
  }
}

/// Ctrl-C and SIGTERM, noticed between two steps: what is being written then is always whole.
public enum Interruption {
  private static let received = Atomic<Int32>(0)

  /// From now on the first Ctrl-C or polite end by the system only sets a mark; a second one ends the program at once.
  public static func watch() {
    // What a handler uses exists before it is called.
    _ = isRequested
    for number in [SIGINT, SIGTERM] {
      Foundation.signal(number) { number in
        // First, so that whoever has seen the mark can end the program.
        Foundation.signal(SIGINT, SIG_DFL)
        Foundation.signal(SIGTERM, SIG_DFL)
        Interruption.received.store(number, ordering: .releasing)
      }
    }
  }

  /// Takes note of a signal that has come to another process of the same training.
  static func take(_ signal: Int32) { received.store(signal, ordering: .relaxed) }

  /// Whether to stop at the next good moment.
  public static var isRequested: Bool { signal != nil }

  /// The signal that has come, if one has.
  public static var signal: Int32? {
    let number = received.load(ordering: .acquiring)
    return number == 0 ? nil : number
  }

  /// Stops here if it was asked for.
  ///
  /// - Parameter message: What is kept and how to go on.
  /// - Throws: ``Interrupted``.
  public static func check(_ message: @autoclosure () -> String) throws {
    if isRequested { throw Interrupted(message()) }
  }
}
