import Foundation
import Testing
import Training

@Suite struct ErrorBarChartTests {
  /// Numbers of a path's commands, such as `M10,20`.
  private func places(_ path: Substring, _ command: Character) -> [[Double]] {
    path.split(separator: command).map { part in
      part.prefix { "0123456789.,-".contains($0) }.split(separator: ",").compactMap { Double($0) }
    }
  }

  private func paths(_ svg: String, _ style: String) -> [Substring] {
    svg.matches(of: try! Regex("<path class=\"\(style)\" d=\"([^\"]*)\"/>")).map { $0.output[1].substring! }
  }

  @Test func marksAndBarsStandWhereTheirNumbersAre() throws {
    let chart = ErrorBarChart(
      title: "t", x: "x", y: "y",
      series: [
        .init(
          "a", [.init(x: 1, value: 0), .init(x: 4, value: 5, low: 2.5, high: 10), .init(x: 16, value: 10)])
      ], marks: [.init(1, "one"), .init(16, "sixteen")], hasRatios: true)
    let line = try #require(paths(chart.svg, "line c0").first { $0.contains("L") })
    let points = places(line.split(separator: "M")[0], "L")
    // The axes go from 0 to 10, and from 1 to 16 by ratios: 4 is in the middle.
    #expect(points.count == 3 && points[1][0] == (points[0][0] + points[2][0]) / 2)
    #expect(points[1][1] == (points[0][1] + points[2][1]) / 2 && points[0][1] > points[2][1])
    // The highest number stands at the mark of 10.
    let tick = try #require(chart.svg.firstMatch(of: /class="tick" x="[\d.]+" y="([\d.]+)"[^>]*>10</))
    #expect(Double(tick.output.1) == points[2][1])
    let bar = try #require(paths(chart.svg, "bar c0").first)
    // One bar alone, from 2.5 to 10: the others have no length.
    let ends = bar.matches(of: /M([\d.]+),([\d.]+)V([\d.]+)/)
    #expect(ends.count == 1)
    let (low, high) = (Double(ends[0].output.2)!, Double(ends[0].output.3)!)
    let height = points[0][1] - points[2][1]
    #expect(abs(low - (points[0][1] - height / 4)) < 0.11 && abs(high - points[2][1]) < 0.11)
    #expect(paths(chart.svg, "mark c0").count == 4)
    #expect(chart.svg.contains(">one</text>") && chart.svg.contains(">sixteen</text>"))
  }

  @Test func numbersThatAreNoneLeaveAGap() {
    let points = [0.5, .nan, 1, 2, .infinity, 3].enumerated().map {
      ErrorBarChart.Point(x: Double($0.offset), value: $0.element)
    }
    let svg = ErrorBarChart(title: "t", x: "x", y: "y", series: [.init("a", points)]).svg
    #expect(paths(svg, "line c0").contains { $0.count { $0 == "M" } == 3 && $0.count { $0 == "L" } == 1 })
    #expect(!svg.contains("nan") && !svg.contains("inf"))
    let none = ErrorBarChart(title: "t", x: "x", y: "y", series: [.init("a", [points[1]])]).svg
    #expect(none.contains("no finite number") && !none.contains("nan"))
  }

  @Test func manyPointsAreALine() {
    let points = (0..<100).map { ErrorBarChart.Point(x: Double($0), value: sin(Double($0))) }
    let svg = ErrorBarChart(title: "t", x: "x", y: "y", series: [.init("a", points)]).svg
    #expect(paths(svg, "mark c0").isEmpty)
    #expect(paths(svg, "line c0").contains { $0.count { $0 == "L" } == 99 })
  }

  @Test func namesAreText() throws {
    let svg = ErrorBarChart(
      title: "<b> & co", x: "\"x\"", y: "y", series: [.init("<script>", [.init(x: 0, value: 1)])],
      marks: [.init(0, "<i>")]
    ).svg
    #expect(!svg.contains("<b>") && !svg.contains("<script>") && !svg.contains("<i>"))
    #expect(svg.contains("&lt;b&gt; &amp; co"))
  }
}
