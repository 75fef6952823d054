import Foundation
import SigLIPModel

/// The files of a study: equal for equal runs, so that nothing in them depends on time or place. What does is in
/// `times.tsv`.
struct StudyOutput {
  let study: any Study
  let scale: StudyScale
  let findings: Findings
  let runs: [StudyRun]
  let results: RunResults
  /// Runs that are needed and not finished, those of later stages aside.
  var missing: [StudyRun] { runs.filter { results[$0.configuration] == nil } }

  /// Writes all files, each whole or not at all.
  ///
  /// - Throws: ``FileError``.
  func write(to folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func write(_ text: String, _ name: String) throws {
      try Data(text.utf8).writeWhole(to: folder.appending(path: name).path)
    }
    for table in findings.tables { try write(table.tsv(seeds: scale.seeds), "\(table.name).tsv") }
    for (name, chart) in findings.charts { try write(chart.svg, "\(name).svg") }
    try write(markdown, "results.md")
    try write(json, "results.json")
    try write(times, "times.tsv")
  }

  /// What is printed in the end, and read first.
  var markdown: String {
    var text = "# \(study.name)\(scale.isQuick ? " (quick)" : "")\n\n\(study.question)\n\n"
    text += "The paper: \(study.claim)\n\n"
    text += "Verdict: \(findings.verdict)\n\n"
    if findings.verdicts.count > 1 {
      text += findings.verdicts.map { "- \($0.line)\n" }.joined() + "\n"
    }
    for table in findings.tables { text += "\(table.title)\n\n\(table.markdown)\n" }
    for (name, chart) in findings.charts { text += "![\(chart.title)](\(name).svg)\n\n" }
    if !findings.remarks.isEmpty { text += findings.remarks.map { "- \($0)\n" }.joined() + "\n" }
    text +=
      "\(runs.count - missing.count) runs, seeds \(scale.seeds.map(String.init).joined(separator: ", ")).\n"
    if !missing.isEmpty {
      text += "\n\(missing.count) runs are missing, and those that depend on them:\n\n"
      text += missing.map { "- \($0.name)\n" }.joined()
    }
    return text
  }

  private var json: String {
    struct Root: Encodable {
      let study, question, claim, verdict: String
      let quick: Bool
      let seeds: [UInt64]
      let claims: [Claim]
      let tables: [Table]
      let runs: [Run]
      let missing, remarks: [String]
    }
    struct Claim: Encodable { let claim, outcome, details: String }
    struct Table: Encodable {
      let name, title: String
      let columns, measures: [String]
      let rows: [Row]
    }
    struct Row: Encodable {
      let texts: [String]
      let numbers: [[Double?]]
    }
    struct Run: Encodable { let id, name: String }
    let root = Root(
      study: study.name, question: study.question, claim: study.claim, verdict: findings.verdict,
      quick: scale.isQuick, seeds: scale.seeds,
      claims: findings.verdicts.map {
        Claim(claim: $0.claim, outcome: $0.outcome.rawValue, details: $0.details)
      },
      tables: findings.tables.map { table in
        Table(
          name: table.name, title: table.title, columns: table.columns, measures: table.measures.map(\.name),
          rows: table.rows.map { Row(texts: $0.texts, numbers: $0.numbers.map(\.values)) })
      },
      runs: runs.compactMap { run in
        results[run.configuration].map { Run(id: $0.id, name: run.name) }
      }, missing: missing.map(\.name), remarks: findings.remarks)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Numbers of seeds are finite or missing.
    return (try? encoder.encode(root)).map { String(decoding: $0, as: UTF8.self) + "\n" } ?? ""
  }

  private var times: String {
    let lines = runs.compactMap { run in
      results[run.configuration].map {
        "\($0.id)\t\(run.name)\t\(run.configuration.steps)\t\(run.configuration.batchSize)\t"
          + String(format: "%.2f\n", $0.processorSeconds)
      }
    }
    return "run\tname\tsteps\tbatch\tprocessor seconds\n" + lines.joined()
  }
}
