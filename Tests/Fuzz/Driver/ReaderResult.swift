/// What came of a reader's inputs.
struct ReaderResult {
  let reader: String
  private(set) var inputs = 0
  private(set) var accepted = 0
  private(set) var refused = 0
  /// The most processor time that one input took, and which that was.
  private(set) var longest = (seconds: 0.0, index: 0)
  var findings: [Finding] = []

  init(reader: String) { self.reader = reader }

  mutating func add(_ report: SharedReport, endedEarly: Bool) {
    inputs += report.inputs + (endedEarly ? 1 : 0)
    accepted += report.accepted
    refused += report.refused
    if report.longest.seconds > longest.seconds { longest = report.longest }
  }

  func count(_ kind: Finding.Kind) -> Int { findings.count { $0.kind == kind } }

  /// A table of all readers, which is Markdown too.
  static func table(_ results: [ReaderResult]) -> String {
    let head = [
      "reader", "inputs", "accepted", "refused", "crashes", "hangs", "memory", "bad messages", "longest",
    ]
    func row(_ name: String, _ results: [ReaderResult]) -> [String] {
      func sum(_ count: (ReaderResult) -> Int) -> String { "\(results.reduce(0) { $0 + count($1) })" }
      let longest = results.map(\.longest).max { $0.seconds < $1.seconds } ?? (0, 0)
      return [name, sum(\.inputs), sum(\.accepted), sum(\.refused)]
        + Finding.Kind.allCases.map { kind in sum { $0.count(kind) } } + [
          "\(Int((longest.seconds * 1000).rounded(.up))) ms at \(longest.index)"
        ]
    }
    let rows = [head] + results.map { row($0.reader, [$0]) } + [row("all", results)]
    let widths = head.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
      let padded = zip(cells, widths).enumerated().map { column, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return column == 0 ? cell.0 + space : space + cell.0
      }
      return "| " + padded.joined(separator: " | ") + " |"
    }
    let rule =
      "|"
      + widths.enumerated().map { column, width in
        String(repeating: "-", count: width + (column == 0 ? 2 : 1)) + (column == 0 ? "|" : ":|")
      }.joined()
    return ([line(rows[0]), rule] + rows.dropFirst().map(line)).joined(separator: "\n")
  }
}
