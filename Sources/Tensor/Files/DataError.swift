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
  /// - Parameter limit: Scalars that are kept.
  public func oneLine(limit: Int = 1_500) -> String {
    let count = unicodeScalars.count
    if count <= limit { return escaped(unicodeScalars[...]) }
    let tail = limit / 3
    return escaped(unicodeScalars.prefix(limit - tail)) + " ... (\(count - limit) characters left out) ... "
      + escaped(unicodeScalars.suffix(tail))
  }

  private func escaped(_ scalars: Substring.UnicodeScalarView) -> String {
    var result = String.UnicodeScalarView()
    for scalar in scalars {
      switch scalar {
      case " "..."~": result.append(scalar)
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      case "\r": result.append(contentsOf: "\\r".unicodeScalars)
      case "\t": result.append(contentsOf: "\\t".unicodeScalars)
      // Joiners, which the spelling of some languages and many emoji need.
      case "\u{200C}", "\u{200D}": result.append(scalar)
      default:
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator:
          result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".unicodeScalars)
        default: result.append(scalar)
        }
      }
    }
    return String(result)
  }
}

extension Collection<String> {
  /// The first few of many names for a message, and how many others there are.
  package func listed(limit: Int = 8) -> String {
    let names = prefix(limit).map { $0.oneLine(limit: 100) }.joined(separator: ", ")
    return count > limit ? "\(names) and \(count - limit) more" : names
  }
}
