import Tensor

/// Paths that a pattern with braces stands for: `{000..012}` for numbers of three digits, `{a,b}` for texts.
enum ShardPattern {
  /// No honest pattern means more.
  private static let maximumCount = 1 << 20

  /// The paths, in order: what the first braces say changes slowest. A path without braces is itself.
  ///
  /// - Throws: ``FileError``.
  static func paths(_ pattern: String) throws -> [String] {
    func refused(_ problem: String) -> FileError {
      FileError(.unsupported, pattern, problem, expected: "braces as in {000..012} and {a,b}")
    }
    var paths = [""]
    var rest = pattern[...]
    while let opening = rest.firstIndex(of: "{") {
      guard let closing = rest[opening...].firstIndex(of: "}") else { throw refused("a { without a }") }
      let inside = rest[rest.index(after: opening)..<closing]
      guard let choices = numbers(inside) ?? texts(inside) else { throw refused("{\(inside)}") }
      if choices.count * paths.count > maximumCount { throw refused("more than \(maximumCount) shards") }
      let text = rest[..<opening]
      paths = paths.flatMap { path in choices.map { path + text + $0 } }
      rest = rest[rest.index(after: closing)...]
    }
    return paths.map { $0 + rest }
  }

  /// Numbers from one to another, as long as the longer one where one begins with zeros.
  private static func numbers(_ text: Substring) -> [String]? {
    let ends = text.split(separator: "..", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Int(ends[0]), let last = Int(ends[1]), 0 <= first, first <= last,
      last - first <= maximumCount
    else { return nil }
    let isPadded = ends.contains { $0.count > 1 && $0.hasPrefix("0") }
    let width = isPadded ? max(ends[0].count, ends[1].count) : 0
    return (first...last).map { number in
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
  }

  /// Texts between commas.
  private static func texts(_ text: Substring) -> [String]? {
    let texts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    return texts.count > 1 && !text.contains("{") ? texts : nil
  }
}
