import Foundation

/// A problem with data: a file, an option, whatever comes from outside.
///
/// Names and other texts of a file may hold anything, also characters that a terminal obeys. An error says what is wrong in
/// ``sentence``; its description is always that text on one line of bounded length, see ``Swift/String/oneLine(limit:)``.
public protocol DataError: Error, CustomStringConvertible, LocalizedError {
  /// What was found and what was expected, with texts as they stand in the data.
  var sentence: String { get }
}

extension DataError {
  /// One line that names what was found and what was expected.
  public var description: String { sentence.oneLine() }
  /// The same, for those who ask for `localizedDescription`.
  public var errorDescription: String? { description }
}

extension String {
  /// The text as one line for a terminal: control characters, line breaks and characters that change the direction of
  /// writing are escaped as in Swift's literals (`\n`, `\u{1B}`), and the middle of a long text is left out.
  ///
  /// - Parameter limit: Bytes that the result may have, a note of what was left out aside.
  public func oneLine(limit: Int = 3_000) -> String {
    let scalars = unicodeScalars
    let (head, headEnd) = String.escaped(scalars, limit: limit)
    if headEnd == scalars.endIndex { return head.joined() }
    let (start, startEnd) = String.escaped(scalars, limit: limit - limit / 3)
    let (end, endStart) = String.escaped(scalars.reversed(), limit: limit / 3)
    let count = scalars.distance(from: startEnd, to: endStart.base)
    return start.joined() + " ... (\(count) characters left out) ... " + end.reversed().joined()
  }

  /// As many of the first scalars as fit into a number of bytes, and the place where they end.
  private static func escaped<Scalars: Collection<Unicode.Scalar>>(
    _ scalars: Scalars, limit: Int
  ) -> ([String], Scalars.Index) {
    var result: [String] = []
    var byteCount = 0
    var position = scalars.startIndex
    while position != scalars.endIndex {
      let text = escaped(scalars[position])
      byteCount += text.utf8.count
      if byteCount > limit { break }
      result.append(text)
      scalars.formIndex(after: &position)
    }
    return (result, position)
  }

  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case " "..."~": return String(scalar)
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    // Joiners, which the spelling of some languages and many emoji need.
    case "\u{200C}", "\u{200D}": return String(scalar)
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator:
      return "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    default: return String(scalar)
    }
  }
}

extension Collection<String> {
  /// The first few of many names for a message, and how many others there are.
  package func listed(limit: Int = 5) -> String {
    let names = prefix(limit).map { $0.oneLine(limit: 100) }.joined(separator: ", ")
    return count > limit ? "\(names) and \(count - limit) more" : names
  }
}
