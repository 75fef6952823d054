import Foundation

/// Predictions for people.
struct Table: CustomStringConvertible {
  private let rows: [(ranks: Int, prediction: Step.Prediction)]

  init(_ rows: [(ranks: Int, prediction: Step.Prediction)]) { self.rows = rows }

  /// The share of their time that ranks would need if each was as useful as one alone.
  var efficiencies: [(ranks: Int, efficiency: Double)] {
    rows.map { row in
      (row.ranks, rows[0].prediction.seconds / row.prediction.seconds / Double(row.ranks))
    }
  }

  var description: String {
    let titles =
      ["ranks", "step"] + Part.allCases.map(\.rawValue) + ["efficiency", "sent, MiB", "memory, GiB"]
    let lines = zip(rows, efficiencies).map { row, efficiency in
      ["\(row.ranks)", Self.seconds(row.prediction.seconds)]
        + Part.allCases.map { Self.seconds(row.prediction.parts[$0] ?? 0) }
        + [
          String(format: "%.1f%%", 100 * efficiency.efficiency),
          String(format: "%.1f", row.prediction.sentBytes / 1_048_576),
          String(format: "%.2f", row.prediction.memoryBytes / 1_073_741_824),
        ]
    }
    return ([titles] + lines).map { cells in
      cells.map { String(repeating: " ", count: max(0, 12 - $0.count)) + $0 }.joined()
    }.joined(separator: "\n")
  }

  private static func seconds(_ value: Double) -> String {
    value < 1 ? String(format: "%.2f ms", value * 1e3) : String(format: "%.2f s", value)
  }
}
