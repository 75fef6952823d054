import Foundation
import SigLIPModel

/// What a study has found: tables, pictures and verdicts.
struct Findings: Sendable {
  var tables: [StudyTable] = []
  /// Pictures by the names of their files.
  var charts: [(name: String, chart: ErrorBarChart)] = []
  var verdicts: [Verdict] = []
  /// What was chosen on validation, and what else is to be told: a line each.
  var remarks: [String] = []

  /// The verdict in a line.
  var verdict: String {
    let counts = [Verdict.Outcome.holds, .fails, .noise, .undecided].compactMap { outcome in
      let count = verdicts.count { $0.outcome == outcome }
      return count == 0 ? nil : "\(count) \(outcome.rawValue)"
    }
    guard let first = verdicts.first else { return "nothing is claimed" }
    return verdicts.count == 1
      ? first.line : "\(first.line); of \(verdicts.count) claims: \(counts.joined(separator: ", "))"
  }
}

/// Numbers of some configurations over seeds.
struct StudyTable: Sendable {
  /// What the numbers are, and with how many digits they are shown.
  struct Measure: Sendable {
    let name: String
    var digits = 1
  }

  struct Row: Sendable {
    let texts: [String]
    let numbers: [SeedValues]
  }

  /// The name of the file.
  let name: String
  let title: String
  /// What stands in the first columns.
  let columns: [String]
  let measures: [Measure]
  var rows: [Row] = []

  mutating func add(_ texts: [String], _ numbers: [SeedValues]) {
    rows.append(Row(texts: texts, numbers: numbers))
  }

  /// Tabs between the columns; of each number the mean, the standard deviation and the value of each seed.
  func tsv(seeds: [UInt64]) -> String {
    let heads = measures.flatMap { measure in
      ["\(measure.name), mean", "\(measure.name), deviation"] + seeds.map { "\(measure.name), seed \($0)" }
    }
    let lines = rows.map { row in
      row.texts
        + zip(row.numbers, measures).flatMap { numbers, measure in
          ([numbers.mean, numbers.deviation] + numbers.values).map {
            $0.map { String(format: "%.\(measure.digits + 2)f", $0) } ?? ""
          }
        }
    }
    return ([columns + heads] + lines).map { $0.joined(separator: "\t") + "\n" }.joined()
  }

  /// A table of Markdown, with means and standard deviations.
  var markdown: String {
    let heads = columns + measures.map(\.name)
    let lines = rows.map { row in
      row.texts
        + zip(row.numbers, measures).map { numbers, measure in
          guard let mean = numbers.mean else { return "" }
          let text = String(format: "%.\(measure.digits)f", mean)
          return text + (numbers.deviation.map { String(format: " ± %.\(measure.digits)f", $0) } ?? "")
        }
    }
    let rule = columns.map { _ in "---" } + measures.map { _ in "---:" }
    return ([heads, rule] + lines).map { "| \($0.joined(separator: " | ")) |\n" }.joined()
  }
}

extension SeedValues {
  /// A point of a chart: the mean, with a bar of a standard deviation to both sides; nil without a number.
  func point(x: Double) -> ErrorBarChart.Point? {
    mean.map { mean in
      ErrorBarChart.Point(
        x: x, value: mean, low: deviation.map { mean - $0 }, high: deviation.map { mean + $0 })
    }
  }
}
