import Foundation

/// Curves of one name as a figure: training, its running average where it is noisy, validation, and where epochs end.
struct Chart {
  let name: String
  /// What the numbers are counted in.
  let unit: String?
  let training: Curve
  let validation: Curve
  let epochEnds: [Int]
  /// Steps of the whole run.
  let steps: ClosedRange<Double>
  /// How finely curves are drawn.
  let columns: Int

  private static let size = (width: 640.0, height: 270.0)
  private static let plot = (left: 72.0, right: 628.0, top: 20.0, bottom: 224.0)

  /// The figure in HTML.
  var html: String {
    let isSmoothed = training.isNoisy
    var keys: [String] = []
    if !training.points.isEmpty && (isSmoothed || !validation.points.isEmpty) {
      keys.append(key(isSmoothed ? "training faint" : "training", "training"))
    }
    if isSmoothed { keys.append(key("training", "running average")) }
    if !validation.points.isEmpty { keys.append(key("validation", "validation")) }
    let count = training.points.count + validation.points.count
    let missing = count - training.finiteCount - validation.finiteCount
    if missing > 0 {
      keys.append("<span class=\"note\">\(missing) of \(count) numbers are not finite</span>")
    }
    let caption = "<figcaption><b>\(escapedForHTML(name))</b>\(keys.joined())</figcaption>"
    return "<figure>\(caption)\n\(svg(isSmoothed: isSmoothed))</figure>\n"
  }

  private func key(_ style: String, _ text: String) -> String {
    "<span><svg class=\"key\" viewBox=\"0 0 20 8\"><path class=\"\(style)\" d=\"M2,4H18\"/></svg>\(text)</span>"
  }

  private func svg(isSmoothed: Bool) -> String {
    let (size, plot) = (Chart.size, Chart.plot)
    let stepAxis = ChartAxis.steps(steps)
    let training = training.segments(over: stepAxis.range, columns: columns)
    let validation = validation.segments(over: stepAxis.range, columns: columns)
    let values = (training + validation).joined().map(\.value)
    let axis = ChartAxis.fitting(values)
    func x(_ step: Double) -> String {
      decimal(plot.left + stepAxis.position(step) * (plot.right - plot.left))
    }
    func y(_ value: Double) -> String {
      decimal(plot.bottom - axis.position(value) * (plot.bottom - plot.top))
    }
    func path(_ style: String, _ segments: [[Curve.Point]]) -> String {
      if segments.isEmpty { return "" }
      let lines = segments.map { segment in
        // A line of no length is a dot.
        "M" + segment.map { "\(x($0.step)),\(y($0.value))" }.joined(separator: "L")
          + (segment.count == 1 ? "h0" : "")
      }
      return "<path class=\"\(style)\" d=\"\(lines.joined())\"/>\n"
    }
    let (left, right, bottom) = (decimal(plot.left), decimal(plot.right), decimal(plot.bottom))
    let middle = decimal((plot.top + plot.bottom) / 2)
    var result = """
      <svg class="chart" viewBox="0 0 \(decimal(size.width)) \(decimal(size.height))" role="img" \
      aria-label="\(escapedForHTML(name))">

      """
    for tick in axis.ticks {
      let y = y(tick.value)
      result += "<path class=\"grid\" d=\"M\(left),\(y)H\(right)\"/>"
      result +=
        "<text class=\"tick\" x=\"\(decimal(plot.left - 6))\" y=\"\(y)\" dy=\".33em\">\(tick.label)</text>\n"
    }
    for tick in stepAxis.ticks {
      let x = x(tick.value)
      result += "<path class=\"axis\" d=\"M\(x),\(bottom)v4\"/>"
      result += "<text x=\"\(x)\" y=\"\(decimal(plot.bottom + 18))\">\(tick.label)</text>\n"
    }
    for mark in epochMarks(stepAxis) {
      let x = x(mark.step)
      result += "<path class=\"epoch\" d=\"M\(x),\(decimal(plot.top))V\(bottom)\"/>"
      result += "<text class=\"epoch\" x=\"\(x)\" y=\"\(decimal(plot.top - 6))\">\(mark.label)</text>\n"
    }
    result += "<path class=\"axis\" d=\"M\(left),\(bottom)H\(right)\"/>\n"
    result +=
      "<text x=\"\(decimal((plot.left + plot.right) / 2))\" y=\"\(decimal(plot.bottom + 38))\">step</text>\n"
    result +=
      "<text transform=\"rotate(-90)\" x=\"-\(middle)\" y=\"14\">\(escapedForHTML(axisTitle))</text>\n"
    result += path(isSmoothed ? "training faint" : "training", training)
    if isSmoothed {
      result += path("training", self.training.smoothed.segments(over: stepAxis.range, columns: columns))
    }
    result += path("validation", validation)
    let dots = validation.joined().map { [$0] }
    if dots.count <= 60 { result += path("validation dots", dots) }
    if values.isEmpty {
      result +=
        "<text x=\"\(decimal((plot.left + plot.right) / 2))\" y=\"\(middle)\">no finite number</text>\n"
    }
    return result + "</svg>"
  }

  /// The unit, or the last part of the name.
  private var axisTitle: String {
    let title = unit ?? name.split(separator: "/").last.map(String.init) ?? name
    return title.count <= 32 ? title : title.prefix(31) + "…"
  }

  /// Ends of epochs, of many a round number.
  private func epochMarks(_ axis: ChartAxis) -> [(step: Double, label: String)] {
    let every = max(1, Int(ChartAxis.roundStep(Double(epochEnds.count) / 12)))
    let marks = epochEnds.enumerated().filter {
      ($0.offset + 1) % every == 0 && axis.range.contains(Double($0.element))
    }
    return marks.enumerated().map { place, mark in
      (Double(mark.element), place == 0 ? "epoch \(mark.offset + 1)" : "\(mark.offset + 1)")
    }
  }
}

/// A length with at most one decimal.
func decimal(_ length: Double) -> String {
  let tenths = Int((length * 10).rounded())
  let fraction = abs(tenths % 10)
  return (tenths < 0 && tenths > -10 ? "-" : "") + "\(tenths / 10)" + (fraction == 0 ? "" : ".\(fraction)")
}
