import Foundation

/// Efficiency against the number of ranks as a picture, a panel for each network.
struct Chart {
  /// What is expected of a model.
  struct Curve {
    let name: String
    /// Decides the color.
    let model: Int
    /// Points in place of a line.
    let isDotted: Bool
    let points: [(ranks: Int, efficiency: Double)]
  }

  /// Curves side by side with those of another network.
  struct Panel {
    let title: String
    let curves: [Curve]
  }

  let title, subtitle: String
  let panels: [Panel]

  private static let (width, height) = (480.0, 400.0)
  private static let (left, right, top, bottom) = (66.0, 26.0, 92.0, 56.0)
  private static let colors = ["#1f5fbf", "#d1541f", "#2f855a", "#6b46c1"]

  private var mostRanks: Int { panels.flatMap(\.curves).flatMap(\.points).map(\.ranks).max() ?? 1 }

  private func x(_ ranks: Int, _ panel: Int) -> Double {
    let share = log2(Double(ranks)) / max(1, log2(Double(mostRanks)))
    return Double(panel) * Self.width + Self.left + share * (Self.width - Self.left - Self.right)
  }

  private func y(_ efficiency: Double) -> Double {
    Self.height - Self.bottom - efficiency * (Self.height - Self.top - Self.bottom)
  }

  /// The picture.
  var svg: String {
    let size = "\(Int(Self.width * Double(panels.count))) \(Int(Self.height))"
    let lines =
      [
        #"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \#(size)" font-family="Helvetica, Arial, sans-serif""#
          + ##" font-size="12" fill="#1f2937">"##,
        "<title>\(Self.escaped(title))</title>", #"<rect width="100%" height="100%" fill="white"/>"#,
        text(Self.left, 26, title, "start", #"font-size="16" font-weight="bold""#),
        text(Self.left, 46, subtitle, "start", ##"fill="#4b5563""##),
      ] + panels.indices.flatMap(drawing) + legend + ["</svg>"]
    return lines.joined(separator: "\n") + "\n"
  }

  private func drawing(_ panel: Int) -> [String] {
    let (begin, end) = (x(1, panel), x(mostRanks, panel))
    var lines = [
      text((begin + end) / 2, Self.top - 14, panels[panel].title, "middle", #"font-weight="bold""#)
    ]
    for percent in stride(from: 0, through: 100, by: 20) {
      let height = y(Double(percent) / 100)
      lines.append(line(begin, height, end, height, percent == 0 ? "#6b7280" : "#e5e7eb"))
      lines.append(text(begin - 8, height + 4, "\(percent)%", "end"))
    }
    for ranks in sequence(first: 1, next: { $0 * 2 }).prefix(while: { $0 <= mostRanks }) {
      lines.append(line(x(ranks, panel), y(0), x(ranks, panel), y(0) + 5, "#6b7280"))
      lines.append(text(x(ranks, panel), y(0) + 20, "\(ranks)", "middle"))
    }
    lines.append(text((begin + end) / 2, Self.height - 14, "ranks", "middle"))
    if panel == 0 {
      let place = (begin - 46, y(0.5))
      lines.append(
        text(
          place.0, place.1, "efficiency", "middle",
          #"transform="rotate(-90 \#(Self.number(place.0)) \#(Self.number(place.1)))""#))
    }
    for curve in panels[panel].curves {
      lines += mark(curve, curve.points.map { (x($0.ranks, panel), y($0.efficiency)) })
    }
    return lines
  }

  /// A line, or rings around where a line may be below.
  private func mark(_ curve: Curve, _ points: [(x: Double, y: Double)]) -> [String] {
    let stroke = "stroke=\"\(Self.colors[curve.model % Self.colors.count])\" stroke-width=\"2\""
    if curve.isDotted {
      return points.map { point in
        "<circle cx=\"\(Self.number(point.x))\" cy=\"\(Self.number(point.y))\" r=\"4\" fill=\"white\" \(stroke)/>"
      }
    }
    let path = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
    return ["<polyline points=\"\(path)\" fill=\"none\" \(stroke)/>"]
  }

  private var legend: [String] {
    let curves = panels.first?.curves ?? []
    return curves.enumerated().flatMap { index, curve in
      let (from, height) = (x(1, 0) + 16, y(0) - 18.0 * Double(curves.count - index))
      let points = curve.isDotted ? [from + 14] : [from, from + 28]
      return mark(curve, points.map { ($0, height) }) + [text(from + 38, height + 4, curve.name, "start")]
    }
  }

  private func text(_ x: Double, _ y: Double, _ words: String, _ anchor: String, _ more: String = "")
    -> String
  {
    "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" text-anchor=\"\(anchor)\" \(more)>"
      + "\(Self.escaped(words))</text>"
  }

  private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ color: String) -> String {
    let ends = zip(["x1", "y1", "x2", "y2"], [x1, y1, x2, y2]).map { "\($0)=\"\(Self.number($1))\"" }
    return "<line \(ends.joined(separator: " ")) stroke=\"\(color)\"/>"
  }

  private static func number(_ value: Double) -> String { String(format: "%g", (value * 10).rounded() / 10) }

  private static func escaped(_ words: String) -> String {
    words.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
  }
}
