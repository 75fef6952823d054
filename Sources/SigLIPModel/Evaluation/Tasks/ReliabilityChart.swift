import Foundation
import Training

/// The share of what came true over the probability: a figure in HTML.
struct ReliabilityChart {
  let title: String
  let bins: [Calibration.Bin]

  private static let (left, top, side) = (52.0, 12.0, 300.0)

  var html: String {
    let (left, top, side) = (Self.left, Self.top, Self.side)
    func x(_ share: Double) -> String { String(format: "%.1f", left + share * side) }
    func y(_ share: Double) -> String { String(format: "%.1f", top + (1 - share) * side) }
    let total = Double(max(bins.reduce(0) { $0 + $1.count }, 1))
    var svg = ""
    for tick in stride(from: 0.0, through: 1, by: 0.2) {
      let label = String(format: "%.1f", tick)
      svg += "<path class=\"frame\" d=\"M\(x(0)),\(y(tick))H\(x(1))M\(x(tick)),\(y(0))V\(y(1))\"/>"
      svg += "<text x=\"\(x(tick))\" y=\"\(top + side + 18)\">\(label)</text>"
      svg += "<text class=\"left\" x=\"\(left - 6)\" y=\"\(y(tick))\" dy=\".33em\">\(label)</text>"
    }
    for bin in bins {
      let share = Double(bin.count) / total
      svg += "<rect class=\"share\" x=\"\(x(bin.lower))\" y=\"\(y(share))\" "
      svg += String(
        format: "width=\"%.1f\" height=\"%.1f\"/>", (bin.upper - bin.lower) * side - 1, share * side)
    }
    svg += "<path class=\"ideal\" d=\"M\(x(0)),\(y(0))L\(x(1)),\(y(1))\"/>"
    let points = bins.compactMap { bin in bin.shareTrue.map { (bin.meanProbability ?? 0, $0, bin.count) } }
    svg +=
      "<path class=\"whisker\" d=\"M" + points.map { "\(x($0.0)),\(y($0.1))" }.joined(separator: "L") + "\"/>"
    for (probability, share, count) in points {
      // A point of few pairs is small.
      let radius = String(format: "%.1f", 2.5 + 2.5 * (Double(count) / total).squareRoot())
      svg += "<circle class=\"dot\" cx=\"\(x(probability))\" cy=\"\(y(share))\" r=\"\(radius)\"><title>"
      svg += "\(count) at \(number(probability)): \(number(share))</title></circle>"
    }
    svg += "<text x=\"\(x(0.5))\" y=\"\(top + side + 38)\">mean probability</text>"
    svg += "<text transform=\"rotate(-90)\" x=\"-\(y(0.5))\" y=\"14\">share that came true</text>"
    return """
      <figure><figcaption>\(escapedForHTML(title))</figcaption><svg viewBox="0 0 366 356" role="img" \
      aria-label="\(escapedForHTML(title))">\(svg)</svg></figure>
      """
  }
}
