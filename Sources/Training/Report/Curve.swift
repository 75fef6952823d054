/// The course of one number over steps.
package struct Curve {
  /// In order of steps; a number that is not finite, or too large to be drawn, is NaN.
  package private(set) var points: [Point] = []

  package struct Point: Equatable {
    package let step: Double
    package let value: Double
  }

  /// Adds a number at a later step.
  package mutating func append(_ value: Double, step: Int) {
    points.append(Point(step: Double(step), value: value.magnitude < Curve.largest ? value : .nan))
  }

  /// Differences of smaller numbers are finite.
  private static let largest = 1e150

  package init(_ points: [Point] = []) { self.points = points }

  /// How many numbers can be drawn.
  var finiteCount: Int { points.count { !$0.value.isNaN } }

  /// Whether it turns so often that its course is easier to see in a running average: of pure noise two points in three are
  /// turns.
  package var isNoisy: Bool {
    let values = points.map(\.value).filter { !$0.isNaN }
    let ways = zip(values, values.dropFirst()).map { $1 - $0 }
    let turns = zip(ways, ways.dropFirst()).count { $0 * $1 < 0 }
    return values.count >= 20 && 3 * turns > values.count
  }

  /// A running average of what is before and behind, with weights that fall to a third within an 80th of the curve.
  package var smoothed: Curve {
    let decay = 1 - 1 / max(Double(points.count) / 80, 2)
    // Of each point and those before, then of those behind it.
    var sums: [(value: Double, weight: Double)] = []
    var sum = (value: 0.0, weight: 0.0)
    func add(_ value: Double) {
      sum = (decay * sum.value, decay * sum.weight)
      if !value.isNaN { sum = (sum.value + value, sum.weight + 1) }
    }
    for point in points {
      add(point.value)
      sums.append(sum)
    }
    sum = (0, 0)
    var result: [Point] = []
    for (point, before) in zip(points, sums).reversed() {
      let average = (before.value + decay * sum.value) / (before.weight + decay * sum.weight)
      result.append(Point(step: point.step, value: point.value.isNaN ? .nan : average))
      add(point.value)
    }
    return Curve(result.reversed())
  }

  /// Points that look like all of them where as many columns are drawn as are asked for: of each column the first, the
  /// lowest, the highest and the last (Jugel et al. 2014). The curve is interrupted in columns with numbers that are none.
  package func segments(over steps: ClosedRange<Double>, columns: Int) -> [[Point]] {
    var segments: [[Point]] = []
    var isOpen = false
    var start = 0
    while start < points.count {
      let column = Curve.column(of: points[start], over: steps, columns)
      var end = start + 1
      while end < points.count, Curve.column(of: points[end], over: steps, columns) == column { end += 1 }
      let all = start..<end
      let known = all.filter { !points[$0].value.isNaN }
      if let first = known.first, let last = known.last {
        let low = known.min { points[$0].value < points[$1].value }!
        let high = known.max { points[$0].value < points[$1].value }!
        if !isOpen { segments.append([]) }
        segments[segments.count - 1] += Set([first, low, high, last]).sorted().map { points[$0] }
      }
      isOpen = known.count == all.count
      start = end
    }
    return segments
  }

  private static func column(of point: Point, over steps: ClosedRange<Double>, _ columns: Int) -> Int {
    Int((point.step - steps.lowerBound) / (steps.upperBound - steps.lowerBound) * Double(columns))
  }
}
