import ArgumentParser
import Foundation
import Synchronization

/// Ctrl-C, noticed between two batches: what is being written then is always whole.
enum Interruption {
  private static let requested = Atomic<Bool>(false)

  /// From now on Ctrl-C and a polite end by the system only set a mark.
  static func watch() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in Interruption.requested.store(true, ordering: .relaxed) }
    }
  }

  /// Whether to stop at the next good moment.
  static var isRequested: Bool { requested.load(ordering: .relaxed) }

  /// The status of a program that Ctrl-C ended.
  static let exitCode = ExitCode(130)
}
