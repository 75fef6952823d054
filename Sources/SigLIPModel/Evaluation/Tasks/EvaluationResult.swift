import Foundation
import NN
import Training

/// What an evaluation found: numbers with their intervals, tables, and parts of a page with pictures.
public struct EvaluationResult: Sendable {
  /// One number.
  public struct Measure: Sendable, Hashable {
    /// What it is called, such as `accuracy@1`.
    public var name: String
    /// The number.
    public var value: Double
    /// Where it lies with 95% confidence, as other samples of the same kind would have it.
    public var interval: ClosedRange<Double>?
    /// What guessing gives.
    public var chance: Double?

    /// A number.
    public init(_ name: String, _ value: Double, interval: ClosedRange<Double>? = nil, chance: Double? = nil)
    {
      (self.name, self.value, self.interval, self.chance) = (name, value, interval, chance)
    }
  }

  /// Numbers of classes, languages or settings.
  public struct Table: Sendable, Hashable {
    /// What it shows, such as `by class`.
    public var title: String
    /// What the numbers of a row are.
    public var columns: [String]
    /// Names and numbers, nil where there is none.
    public var rows: [Row]

    /// A row of a table.
    public struct Row: Sendable, Hashable {
      /// What it belongs to.
      public var name: String
      /// As many as the table has columns.
      public var values: [Double?]

      /// A row.
      public init(_ name: String, _ values: [Double?]) { (self.name, self.values) = (name, values) }
    }

    /// A table.
    public init(_ title: String, columns: [String], rows: [Row]) {
      (self.title, self.columns, self.rows) = (title, columns, rows)
    }
  }

  /// The task, such as `zero-shot`.
  public var task: String
  /// What was evaluated how: the model, the data, settings of the task.
  public var settings: [(name: String, value: String)] = []
  /// How many images, classes and so on there were.
  public var counts: [(name: String, count: Int)] = []
  /// The results.
  public var measures: [Measure] = []
  /// Results of parts.
  public var tables: [Table] = []
  /// What the page shows beside, such as pictures.
  public var sections: [TrainingReport.Section] = []
  /// Samples that were left out.
  public var damaged: [DamagedSample] = []

  /// Nothing yet of a task.
  public init(task: String) { self.task = task }

  /// One of the measures.
  public subscript(name: String) -> Measure? { measures.first { $0.name == name } }
}

extension EvaluationResult {
  /// JSON: task, settings, counts, measures (`value`, `low`, `high`, `chance`) and tables, the same for equal results.
  public func json() throws -> Data {
    struct MeasureJSON: Encodable {
      let value: Double
      let low, high, chance: Double?
    }
    struct ResultJSON: Encodable {
      let task: String
      let settings: [String: String]
      let counts: [String: Int]
      let measures: [String: MeasureJSON]
      let tables: [String: [String: [String: Double]]]
    }
    let result = ResultJSON(
      task: task, settings: Dictionary(settings.map { ($0.name, $0.value) }) { first, _ in first },
      counts: Dictionary(counts.map { ($0.name, $0.count) }) { first, _ in first },
      measures: Dictionary(
        measures.map {
          (
            $0.name,
            MeasureJSON(
              value: $0.value, low: $0.interval?.lowerBound, high: $0.interval?.upperBound, chance: $0.chance)
          )
        }
      ) { first, _ in first },
      tables: Dictionary(tables.map { ($0.title, $0.values) }) { first, _ in first })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(result) + Data("\n".utf8)
  }

  /// The results as lines for people: measures beside their intervals and chance, then the tables.
  public func lines() -> [String] {
    let width = max(measures.map(\.name.count).max() ?? 0, 12) + 2
    func padded(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(width - text.count, 1))
    }
    var lines = [([task] + counts.map { "\($0.count) \($0.name)" }).joined(separator: ", ")]
    lines.append(padded("", width + 2) + "value   95% interval    chance")
    lines += measures.map { measure in
      let interval = measure.interval.map { number($0.lowerBound) + " to " + number($0.upperBound) } ?? ""
      let chance = measure.chance.map { "  " + number($0) } ?? ""
      let line = "  " + padded(measure.name, width) + number(measure.value) + "  " + padded(interval, 15)
      return String((line + chance).reversed().drop { $0 == " " }.reversed())
    }
    for table in tables { lines += table.lines() }
    return lines
  }

  /// Writes `evaluation.json`, `evaluation.html` and, where samples were left out, `damaged.tsv` to a folder, which is made.
  ///
  /// - Throws: ``FileError``.
  public func write(to folder: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch { throw FileError(.unwritable, folder, "the folder cannot be made") }
    try json().writeWhole(to: folder + "/evaluation.json")
    try Data(html().utf8).writeWhole(to: folder + "/evaluation.html")
    if damaged.isEmpty {
      try? FileManager.default.removeItem(atPath: folder + "/damaged.tsv")
    } else {
      try damaged.write(to: folder + "/damaged.tsv")
    }
  }
}

extension EvaluationResult.Table {
  /// The numbers by row and column.
  fileprivate var values: [String: [String: Double]] {
    Dictionary(
      rows.map { row in
        let cells = zip(columns, row.values).compactMap { name, value in value.map { (name, $0) } }
        return (row.name, Dictionary(cells) { first, _ in first })
      }
    ) { first, _ in first }
  }

  /// The numbers for people, those of a column with equally many decimals; empty where there is none.
  var cells: [[String]] {
    let decimals = columns.indices.map { column in
      let values = rows.compactMap { $0.values[column] }
      func areMultiples(of step: Double) -> Bool {
        values.contains { abs($0) >= 2 } && values.allSatisfy { ($0 / step).rounded() == $0 / step }
      }
      return areMultiples(of: 1) ? 0 : areMultiples(of: 0.5) ? 1 : 3
    }
    return rows.map { row in
      zip(row.values, decimals).map { value, decimals in
        value.map { String(format: "%.\(decimals)f", $0) } ?? ""
      }
    }
  }

  /// At most so many rows are shown where people read them; all are in the JSON.
  private static let shownRows = 40

  fileprivate func lines() -> [String] {
    let shown = rows.prefix(Self.shownRows)
    let names = shown.map { $0.name.oneLine(limit: 40) }
    let width = (names.map(\.count).max() ?? 0) + 2
    let columnWidths = columns.map { max($0.count, 6) + 2 }
    func row(_ name: String, _ cells: [String]) -> String {
      "  " + name + String(repeating: " ", count: width - name.count)
        + zip(cells, columnWidths).map { String(repeating: " ", count: $1 - min($0.count, $1)) + $0 }.joined()
    }
    let body = zip(names, cells).map { row($0, $1.map { $0.isEmpty ? "-" : $0 }) }
    let rest = rows.count > shown.count ? ["  and \(rows.count - shown.count) more"] : []
    return [title, row("", columns)] + body + rest
  }
}

/// A number for people: whole ones as they are, others with three decimals.
func number(_ value: Double) -> String {
  value == value.rounded() && abs(value) >= 2 && abs(value) < 1e9
    ? String(Int(value)) : String(format: abs(value) < 100 ? "%.3f" : "%.1f", value)
}
