import Foundation

/// Numbers with error bars in one or more series, as an SVG that needs no other file and reads as well in the dark.
///
///     let chart = ErrorBarChart(title: "Batch size", x: "captions in a batch", y: "R@1", series: [sigmoid, softmax])
///     try Data(chart.svg.utf8).writeWhole(to: "batch-size.svg")
///
/// Series of many points are drawn as lines without marks. Numbers that are not finite leave a gap.
public struct ErrorBarChart: Sendable {
  /// A number, and the ends of its bar.
  public struct Point: Sendable, Hashable {
    /// Where it stands.
    public var x: Double
    /// The number.
    public var value: Double
    /// What the bar begins and ends with.
    public var (low, high): (Double, Double)

    /// A number with a bar from `low` to `high`; without one if they are not given.
    public init(x: Double, value: Double, low: Double? = nil, high: Double? = nil) {
      (self.x, self.value) = (x, value)
      (self.low, self.high) = (low ?? value, high ?? value)
    }
  }

  /// Numbers that belong together, in the order of their places.
  public struct Series: Sendable, Hashable {
    /// What the key says.
    public var name: String
    /// The numbers.
    public var points: [Point]
    /// Whether a line joins them.
    public var isJoined: Bool

    /// A series of numbers.
    public init(_ name: String, _ points: [Point], isJoined: Bool = true) {
      (self.name, self.points, self.isJoined) = (name, points, isJoined)
    }
  }

  /// A place that is marked on the axis below.
  public struct Mark: Sendable, Hashable {
    /// Where it is.
    public var x: Double
    /// What stands there.
    public var label: String

    /// A place with a label.
    public init(_ x: Double, _ label: String) { (self.x, self.label) = (x, label) }
  }

  /// What stands above.
  public var title: String
  /// What the axes count.
  public var (xTitle, yTitle): (String, String)
  /// What is drawn.
  public var series: [Series]
  /// Places on the axis below; round numbers if not given.
  public var marks: [Mark]?
  /// Whether equal ratios of places have equal lengths.
  public var hasRatios: Bool

  /// A chart of some series.
  ///
  /// - Parameters:
  ///   - marks: Places on the axis below, such as those of names; round numbers if not given.
  ///   - hasRatios: Whether equal ratios of places, which then are above 0, have equal lengths.
  public init(
    title: String, x: String, y: String, series: [Series], marks: [Mark]? = nil, hasRatios: Bool = false
  ) {
    (self.title, xTitle, yTitle, self.series) = (title, x, y, series)
    (self.marks, self.hasRatios) = (marks, hasRatios)
  }

  private static let width = 680.0
  private static let plot = (left: 66.0, right: 662.0, height: 230.0)

  /// The figure.
  public var svg: String {
    let rows = keyRows
    let top = 44 + 18 * Double(rows.count)
    let bottom = top + ErrorBarChart.plot.height
    let height = bottom + 48
    var body = "<text class=\"title\" x=\"16\" y=\"24\">\(escapedForHTML(title))</text>\n"
    for (number, row) in rows.enumerated() {
      for key in row {
        let y = 46 + 18 * Double(number)
        body += "<path class=\"line c\(key.series % 6)\" d=\"M\(decimal(key.x)),\(decimal(y - 4))h18\"/>"
        body += mark(key.series, key.x + 9, y - 4)
        body +=
          "<text class=\"key\" x=\"\(decimal(key.x + 24))\" y=\"\(decimal(y))\">\(escapedForHTML(series[key.series].name))</text>\n"
      }
    }
    body += drawing(top: top, bottom: bottom)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(decimal(ErrorBarChart.width)) \(decimal(height))" \
      width="\(decimal(ErrorBarChart.width))" height="\(decimal(height))" role="img" aria-label="\(escapedForHTML(title))">
      <style>
      \(ErrorBarChart.style)
      </style>
      <rect class="page" width="100%" height="100%"/>
      \(body)</svg>

      """
  }

  /// Where the key of each series stands.
  private var keyRows: [[(series: Int, x: Double)]] {
    var rows: [[(series: Int, x: Double)]] = []
    var x = Double.infinity
    for (number, series) in series.enumerated() {
      // About as wide as the letters are.
      let width = 44 + 7 * Double(series.name.count)
      if x + width > ErrorBarChart.width {
        rows.append([])
        x = 16
      }
      rows[rows.count - 1].append((number, x))
      x += width
    }
    return rows
  }

  /// Axes, bars, lines and marks.
  private func drawing(top: Double, bottom: Double) -> String {
    let plot = ErrorBarChart.plot
    let points = series.flatMap(\.points).filter { ErrorBarChart.isDrawn($0.value) }
    let axis = ChartAxis.fitting(
      points.flatMap { [$0.value, $0.low, $0.high] }.filter(ErrorBarChart.isDrawn))
    let places = series.flatMap(\.points).map(\.x) + (marks ?? []).map(\.x)
    let range = (places.min() ?? 0)...(places.max() ?? 0)
    let steps = ChartAxis.steps(range)
    // Marks, bars and labels keep away from the edges; curves do not need to.
    let labels = (marks ?? []).map { 3.6 * Double($0.label.count) - 14 }
    let margin = max(series.contains { !isCurve($0) } ? 30.0 : 0, labels.max() ?? 0)
    func x(_ place: Double) -> Double {
      var share = 0.5
      if range.lowerBound < range.upperBound {
        share =
          hasRatios
          ? log(place / range.lowerBound) / log(range.upperBound / range.lowerBound)
          : (place - range.lowerBound) / (range.upperBound - range.lowerBound)
      }
      return plot.left + margin + share * (plot.right - plot.left - 2 * margin)
    }
    func y(_ value: Double) -> Double { bottom - axis.position(value) * (bottom - top) }
    let (left, right) = (decimal(plot.left), decimal(plot.right))
    var result = ""
    for tick in axis.ticks {
      let y = decimal(y(tick.value))
      result += "<path class=\"grid\" d=\"M\(left),\(y)H\(right)\"/>"
      result +=
        "<text class=\"tick\" x=\"\(decimal(plot.left - 6))\" y=\"\(y)\" dy=\".33em\">\(tick.label)</text>\n"
    }
    let marks = marks ?? steps.ticks.filter { range.contains($0.value) }.map { Mark($0.value, $0.label) }
    for mark in marks {
      let x = decimal(x(mark.x))
      result += "<path class=\"axis\" d=\"M\(x),\(decimal(bottom))v4\"/>"
      result += "<text x=\"\(x)\" y=\"\(decimal(bottom + 18))\">\(escapedForHTML(mark.label))</text>\n"
    }
    let middle = (decimal((plot.left + plot.right) / 2), decimal((top + bottom) / 2))
    result += "<path class=\"axis\" d=\"M\(left),\(decimal(bottom))H\(right)\"/>\n"
    result += "<text x=\"\(middle.0)\" y=\"\(decimal(bottom + 38))\">\(escapedForHTML(xTitle))</text>\n"
    result +=
      "<text transform=\"rotate(-90)\" x=\"-\(middle.1)\" y=\"18\">\(escapedForHTML(yTitle))</text>\n"
    if points.isEmpty {
      result += "<text x=\"\(middle.0)\" y=\"\(middle.1)\">no finite number</text>\n"
    }
    for (number, series) in series.enumerated() {
      // Bars of one place stand side by side.
      let shift = isCurve(series) ? 0 : 6 * (Double(number) - Double(self.series.count - 1) / 2)
      result += drawing(of: series, number) { (x($0.x) + shift, y($0.value), y($0.low), y($0.high)) }
    }
    return result
  }

  private func drawing(
    of series: Series, _ number: Int, at place: (Point) -> (x: Double, y: Double, low: Double, high: Double)
  ) -> String {
    var (line, bars, marks) = ("", "", "")
    var isOpen = false
    for point in series.points {
      guard ErrorBarChart.isDrawn(point.value) else {
        isOpen = false
        continue
      }
      let place = place(point)
      line += "\(isOpen ? "L" : "M")\(decimal(place.x)),\(decimal(place.y))"
      isOpen = true
      if isCurve(series) { continue }
      if ErrorBarChart.isDrawn(point.low), ErrorBarChart.isDrawn(point.high), point.low < point.high {
        let (x, low, high) = (decimal(place.x), decimal(place.low), decimal(place.high))
        bars += "M\(x),\(low)V\(high)m-3,0h6M\(x),\(low)m-3,0h6"
      }
      marks += mark(number, place.x, place.y)
    }
    let style = "c\(number % 6)"
    var result = ""
    if !bars.isEmpty { result += "<path class=\"bar \(style)\" d=\"\(bars)\"/>\n" }
    if series.isJoined, !line.isEmpty { result += "<path class=\"line \(style)\" d=\"\(line)\"/>\n" }
    return result + (marks.isEmpty ? "" : marks + "\n")
  }

  /// Whether there are so many points that only their line is drawn.
  private func isCurve(_ series: Series) -> Bool { series.points.count > 40 }

  /// A sign of a series: its shape tells it apart where colours do not.
  private func mark(_ number: Int, _ x: Double, _ y: Double) -> String {
    if isCurve(series[number]) { return "" }
    let shape =
      switch number % 4 {
      case 0: "m-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0"
      case 1: "m-3.5,-3.5h7v7h-7z"
      case 2: "m0,-4.5l4.5,8h-9z"
      default: "m0,-5l5,5l-5,5l-5,-5z"
      }
    return "<path class=\"mark c\(number % 6)\" d=\"M\(decimal(x)),\(decimal(y))\(shape)\"/>"
  }

  /// Differences of smaller numbers are finite.
  private static func isDrawn(_ value: Double) -> Bool { value.magnitude < 1e150 }

  private static let style = """
    :root { --page: #fff; --text: #1d2733; --muted: #57606a; --line: #dfe5eb; --c0: #0969da; --c1: #c2560c;
      --c2: #1a7f37; --c3: #8250df; --c4: #cf222e; --c5: #6e7781 }
    @media (prefers-color-scheme: dark) { :root { --page: #14181d; --text: #dbe2ea; --muted: #98a3af; --line: #2e363f;
      --c0: #58a6ff; --c1: #f0904c; --c2: #56d364; --c3: #bc8cff; --c4: #ff7b72; --c5: #98a3af } }
    text { font: 12.5px system-ui, sans-serif; fill: var(--muted); text-anchor: middle }
    text.title { font-size: 15px; font-weight: 600; fill: var(--text); text-anchor: start }
    text.key { fill: var(--text); text-anchor: start } text.tick { text-anchor: end }
    rect.page { fill: var(--page) } path { fill: none; stroke-linejoin: round }
    path.grid { stroke: var(--line) } path.axis { stroke: var(--muted) }
    path.line { stroke-width: 1.6 } path.bar { stroke-width: 1.3; opacity: .75 } path.mark { stroke: none }
    \((0..<6).map { ".c\($0) { stroke: var(--c\($0)) } .mark.c\($0) { fill: var(--c\($0)) }" }.joined(separator: "\n"))
    """
}
