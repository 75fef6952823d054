import Foundation
import Tensor

/// The three streams that a program is started with, or without.
enum StandardStreams {
  /// Makes a missing stream an error where it is used: otherwise the first file that is opened takes its place, and what
  /// is printed goes there. A reader that has gone away is reported by `write` instead of ending the program.
  static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    for (descriptor, mode) in [
      (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY),
    ]
    where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number is the missing one: those below it have been dealt with.
      _ = open("/dev/null", mode)
    }
  }

  /// Writes all bytes.
  ///
  /// - Returns: Whether they arrived; `errno` says why not.
  static func write(_ bytes: some Sequence<UInt8>, to descriptor: Int32) -> Bool {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}

/// Writes text to standard output.
///
/// - Returns: Whether somebody still reads it.
/// - Throws: ``CommandError`` when it cannot be written.
@discardableResult
public func printBytes(_ text: some Sequence<UInt8>) throws -> Bool {
  if StandardStreams.write(text, to: STDOUT_FILENO) { return true }
  if errno == EPIPE { return false }
  throw CommandError.system("cannot write to standard output")
}

/// Writes lines to standard output, which may hold line breaks of the program's own but none from names or texts.
///
/// - Throws: ``CommandError`` when they cannot be written.
public func printLines(_ text: String) throws { try printBytes((text + "\n").utf8) }

/// Writes one line to standard error, whatever it is made of.
public func printError(_ line: String) {
  // On a terminal a line of progress may stand there.
  if isatty(STDERR_FILENO) != 0 { _ = StandardStreams.write("\r\u{1B}[K".utf8, to: STDERR_FILENO) }
  _ = StandardStreams.write((line.oneLine(limit: 4_000) + "\n").utf8, to: STDERR_FILENO)
}

extension String {
  /// A name or text as part of a line: what a terminal would obey is escaped.
  public var shown: String { oneLine(limit: .max) }
}
