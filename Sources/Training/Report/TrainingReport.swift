import Foundation
import Optim

/// One page that shows a run: curves of all numbers, their last values, and the configuration. It needs no other file and
/// no network, and it reads as well in the dark.
///
///     let report = try TrainingReport(title: "SigLiT on emoji", of: run, order: loader.order)
///     try report.write(to: run.path("report.html"))
///
/// Charts are grouped by the parts of names before the last slash. Numbers that are noisy have a running average, and those
/// that are not finite leave a gap. However many steps there are, a page of 100 charts stays below 2 MB.
public struct TrainingReport: Sendable {
  /// A part of the page that a program adds.
  public struct Section: Sendable {
    /// Its heading, as text.
    public var title: String
    /// What stands below it, in HTML: what comes from outside goes through ``escapedForHTML(_:)``.
    public var html: String

    /// A part of a heading and HTML.
    public init(title: String, html: String) { (self.title, self.html) = (title, html) }
  }

  /// What the page is called.
  public var title: String
  /// Steps in ascending order.
  public var metrics: [StepMetrics]
  /// Numbers of the same names, measured on other data; drawn in the same charts, as are numbers of ``metrics`` whose names
  /// begin with `validation/`.
  public var validation: [StepMetrics]
  /// Steps after which epochs ended.
  public var epochEnds: [Int]
  /// Names and values.
  public var configuration: [(name: String, value: String)]
  /// What numbers are counted in, by name: `["examples per second": "1/s"]`.
  public var units: [String: String]
  /// HTML between the title and the charts.
  public var introduction: String
  /// What follows the charts.
  public var sections: [Section]
  /// CSS of the introduction and the sections. There are the variables `--text`, `--muted` and `--line`.
  public var style = ""

  /// A report of a run.
  public init(
    title: String, metrics: [StepMetrics], validation: [StepMetrics] = [], epochEnds: [Int] = [],
    configuration: [(name: String, value: String)] = [], units: [String: String] = [:],
    introduction: String = "", sections: [Section] = []
  ) {
    self.title = title
    self.metrics = metrics
    self.validation = validation
    self.epochEnds = epochEnds
    self.configuration = configuration
    self.units = units
    self.introduction = introduction
    self.sections = sections
  }

  /// A report of a run, from its files.
  ///
  /// - Parameter order: The order of its batches, so that epochs are marked.
  /// - Throws: ``FileError``.
  public init(
    title: String, of run: RunFolder, order: BatchOrder? = nil, introduction: String = "",
    sections: [Section] = []
  ) throws {
    let measurements = Dictionary(
      uniqueKeysWithValues: try JSONLinesWriter.read(path: run.measurements).map { ($0.step, $0.numbers) })
    let metrics = try JSONLinesWriter.read(path: run.metrics).map {
      StepMetrics(step: $0.step, numbers: $0.numbers, measurements: measurements[$0.step] ?? [:])
    }
    let lastStep = metrics.last?.step ?? 0
    let epochEnds = order.map {
      Array(stride(from: $0.batchesPerEpoch, through: lastStep, by: $0.batchesPerEpoch))
    }
    self.init(
      title: title, metrics: metrics, epochEnds: epochEnds ?? [],
      configuration: run.configuration.values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
      introduction: introduction, sections: sections)
  }

  /// Writes the page, whole or not at all.
  ///
  /// - Throws: ``FileError``.
  public func write(to path: String) throws { try Data(html().utf8).writeWhole(to: path) }

  /// The page.
  public func html() -> String {
    let course = curves(\.numbers)
    let machine = curves(\.measurements)
    let steps = (metrics + validation).map(\.step)
    let range = Double(steps.min() ?? 0)...Double(steps.max() ?? 0)
    // A column of a chart takes at most some 100 bytes.
    let columns = min(max(15_000 / max(course.count + machine.count, 1), 20), 280)
    func charts(_ title: String, _ curves: [(name: String, curves: Curves)]) -> String {
      let groups = Dictionary(grouping: curves) {
        $0.name.split(separator: "/").dropLast().joined(separator: "/")
      }
      return groups.sorted { precedes($0.key, $1.key) }.map { group, curves in
        let figures = curves.map { name, curves in
          Chart(
            name: name, unit: units[name], training: curves.training, validation: curves.validation,
            epochEnds: epochEnds, steps: range, columns: columns
          ).html
        }
        return heading(group.isEmpty ? title : group) + "<div class=\"charts\">\n\(figures.joined())</div>\n"
      }.joined()
    }
    return htmlPage(
      title: title, style: TrainingReport.style + style,
      body: """
        <h1>\(escapedForHTML(title))</h1>
        \(introduction)
        \(charts("Training", course))\(charts("Machine", machine))
        \(sections.map { heading($0.title) + $0.html + "\n" }.joined())
        \(lastValues(course + machine))\(settings)
        """)
  }

  private static let validationPrefix = "validation/"

  private struct Curves {
    var training = Curve()
    var validation = Curve()
  }

  /// The curves of all names, in their order.
  private func curves(_ kind: KeyPath<StepMetrics, [String: Double]>) -> [(name: String, curves: Curves)] {
    var curves: [String: Curves] = [:]
    for metrics in metrics {
      for (name, number) in metrics[keyPath: kind] {
        if name.hasPrefix(TrainingReport.validationPrefix) {
          let name = String(name.dropFirst(TrainingReport.validationPrefix.count))
          curves[name, default: Curves()].validation.append(number, step: metrics.step)
        } else {
          curves[name, default: Curves()].training.append(number, step: metrics.step)
        }
      }
    }
    for metrics in validation {
      for (name, number) in metrics[keyPath: kind] {
        curves[name, default: Curves()].validation.append(number, step: metrics.step)
      }
    }
    return curves.sorted { precedes($0.key, $1.key) }.map { ($0.key, $0.value) }
  }

  /// Whether a name stands before another: `loss` first, and `blocks.2` before `blocks.10`.
  private func precedes(_ name: String, _ other: String) -> Bool {
    if (name == "loss") != (other == "loss") { return name == "loss" }
    let order = name.compare(other, options: .numeric)
    return order == .orderedSame ? name < other : order == .orderedAscending
  }

  private func heading(_ text: String) -> String { "<h2>\(escapedForHTML(text))</h2>\n" }

  private func lastValues(_ curves: [(name: String, curves: Curves)]) -> String {
    if curves.isEmpty { return "<p>No numbers were recorded.</p>\n" }
    func cells(_ curve: Curve) -> String {
      let values = curve.points.map(\.value).filter { !$0.isNaN }
      return [curve.points.last?.value, values.min(), values.max()].map {
        "<td>\($0.map(shortText) ?? "")</td>"
      }.joined()
    }
    let hasValidation = curves.contains { !$0.curves.validation.points.isEmpty }
    let rows = curves.map { name, curves in
      "<tr><td>\(escapedForHTML(name))\(units[name].map { ", \(escapedForHTML($0))" } ?? "")</td>"
        + cells(curves.training) + (hasValidation ? cells(curves.validation) : "") + "</tr>\n"
    }
    let columns = "<th>last</th><th>lowest</th><th>highest</th>"
    let kinds =
      hasValidation
      ? "<tr><th></th><th colspan=\"3\">training</th><th colspan=\"3\">validation</th></tr>\n" : ""
    return heading("Last values")
      + "<div class=\"table\"><table>\n\(kinds)<tr><th></th>\(columns)\(hasValidation ? columns : "")</tr>\n\(rows.joined())</table></div>\n"
  }

  private var settings: String {
    if configuration.isEmpty { return "" }
    let rows = configuration.map { name, value in
      "<tr><td>\(escapedForHTML(name))</td><td class=\"text\">\(escapedForHTML(value))</td></tr>\n"
    }
    return heading("Configuration") + "<div class=\"table\"><table>\n\(rows.joined())</table></div>\n"
  }

  private static let style =
    pageStyle + """
      :root { --training: #0969da; --validation: #c2560c }
      @media (prefers-color-scheme: dark) { :root { --training: #58a6ff; --validation: #f0904c } }
      small { color: var(--muted) }
      .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(28rem, 100%), 1fr)); gap: 1rem }
      figure { margin: 0; border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .6rem .2rem }
      figcaption { display: flex; flex-wrap: wrap; gap: .1rem 1rem; font-size: .85rem; color: var(--muted) }
      figcaption b { color: var(--text); overflow-wrap: anywhere }
      .key { width: 20px; height: 8px; margin-right: .35rem; vertical-align: middle }
      .chart { display: block; width: 100%; height: auto }
      .chart text { fill: var(--muted); font-size: 12.5px; text-anchor: middle }
      .chart text.tick { text-anchor: end } .chart text.epoch { font-size: 11px }
      path { fill: none; stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round }
      path.grid, path.axis { stroke: var(--line); stroke-width: 1 } path.axis { stroke: var(--muted) }
      path.epoch { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 2 4; opacity: .7 }
      path.training { stroke: var(--training) } path.faint { opacity: .45; stroke-width: 1 }
      path.validation { stroke: var(--validation) } path.dots { stroke-width: 5 }

      """
}
