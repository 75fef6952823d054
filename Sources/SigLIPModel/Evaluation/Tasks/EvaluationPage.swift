import Foundation
import Training

extension EvaluationResult {
  /// A page that needs no other file: measures, tables, and the sections with pictures.
  public func html() -> String {
    let facts = settings + counts.map { ($0.name, String($0.count)) }
    let rows = facts.map {
      "<tr><td>\(escapedForHTML($0.0))</td><td class=\"text\">\(escapedForHTML($0.1))</td></tr>"
    }
    return htmlPage(
      title: task, style: EvaluationResult.style,
      body: """
        <h1>\(escapedForHTML(task))</h1>
        <div class="table"><table>\(rows.joined())</table></div>
        <h2>Results</h2>
        \(measureTable)
        \(tables.map(\.html).joined(separator: "\n"))
        \(sections.map { "<h2>\(escapedForHTML($0.title))</h2>\n\($0.html)" }.joined(separator: "\n"))
        """)
  }

  /// Each measure as a number and as a bar from 0 to 1 with its interval, where it is a share.
  private var measureTable: String {
    let rows = measures.map { measure in
      let interval = measure.interval.map { "\(number($0.lowerBound)) to \(number($0.upperBound))" } ?? ""
      return
        "<tr><td>\(escapedForHTML(measure.name))</td><td>\(number(measure.value))</td><td>\(interval)</td>"
        + "<td>\(measure.chance.map(number) ?? "")</td><td>\(measure.bar)</td></tr>"
    }
    return
      "<div class=\"table\"><table><tr><th></th><th>value</th><th>95% interval</th><th>chance</th><th></th></tr>"
      + rows.joined() + "</table></div>"
  }

  static let style =
    pageStyle + """
      :root { --bar: #0969da; --good: #116329; --bad: #cf222e }
      @media (prefers-color-scheme: dark) { :root { --bar: #58a6ff; --good: #56d364; --bad: #f85149 } }
      p { color: var(--muted); margin: .2rem 0 .8rem }
      .grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); gap: .8rem }
      .grid.wide { grid-template-columns: repeat(auto-fill, minmax(min(26rem, 100%), 1fr)) }
      .card { display: flex; gap: .7rem; border: 1px solid var(--line); border-left: 4px solid var(--good);
        border-radius: .5rem; padding: .6rem }
      .card.missed { border-left-color: var(--bad) } .card img { width: 72px; height: 72px; object-fit: contain }
      .card ol { margin: 0; padding: 0; list-style: none; font-size: .82rem; flex: 1; min-width: 0 }
      .card li { overflow-wrap: anywhere; color: var(--muted) } .card li.own { color: var(--good); font-weight: 600 }
      .card li.images { display: flex; gap: .25rem } .card li img { width: 40px; height: 40px; border: 2px solid transparent }
      .card li img.own { border-color: var(--good) } .card small { color: var(--muted); overflow-wrap: anywhere }
      .card b { font-weight: 400; float: right; margin-left: .5rem; font-variant-numeric: tabular-nums }
      figure { margin: 0; max-width: 34rem } svg { display: block; width: 100%; height: auto }
      svg text { fill: var(--muted); font-size: 12.5px; text-anchor: middle } svg .left { text-anchor: end }
      .track { fill: var(--line) } .fill { fill: var(--bar) } .whisker, .frame { stroke: var(--text); fill: none }
      .frame { stroke: var(--line) } .ideal { stroke: var(--muted); stroke-dasharray: 4 4 } .dot { fill: var(--bar) }
      .share { fill: var(--bar); opacity: .25 }

      """
}

extension EvaluationResult.Measure {
  /// A bar with a whisker for its interval; nothing for numbers that are no share.
  fileprivate var bar: String {
    guard (0...1).contains(value), chance != nil || interval != nil else { return "" }
    let whisker = interval.map {
      "<path class=\"whisker\" d=\"M\(place($0.lowerBound)),7H\(place($0.upperBound))\"/>"
    }
    let guess = chance.map { "<path class=\"whisker\" d=\"M\(place($0)),2v10\"/>" }
    return """
      <svg viewBox="0 0 200 14" style="width:200px" role="img" aria-label="\(number(value))">\
      <rect class="track" width="200" height="14" rx="3"/>\
      <rect class="fill" width="\(place(value))" height="14" rx="3"/>\(whisker ?? "")\(guess ?? "")</svg>
      """
  }

  private func place(_ share: Double) -> String { String(format: "%.1f", min(max(share, 0), 1) * 200) }
}

extension EvaluationResult.Table {
  /// The table, closed where it is long.
  fileprivate var html: String {
    let head = columns.map { "<th>\(escapedForHTML($0))</th>" }.joined()
    let body = zip(rows, cells).map { row, cells in
      "<tr><td>\(escapedForHTML(row.name.oneLine(limit: 100)))</td>"
        + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
    }
    let table = "<div class=\"table\"><table><tr><th></th>\(head)</tr>\(body.joined())</table></div>"
    return rows.count <= 12
      ? "<h2>\(escapedForHTML(title))</h2>\n\(table)"
      : "<details><summary>\(escapedForHTML(title)), \(rows.count) rows</summary>\n\(table)</details>"
  }
}
