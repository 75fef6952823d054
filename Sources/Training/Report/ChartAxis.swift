import Foundation

/// An axis with round marks.
package struct ChartAxis {
  /// The numbers at both ends.
  package let range: ClosedRange<Double>
  /// Whether equal ratios have equal lengths.
  package let isLogarithmic: Bool
  /// Numbers that are marked, in ascending order.
  package let ticks: [Tick]

  package struct Tick {
    package let value: Double
    package let label: String
  }

  /// Where a number is, from 0 to 1.
  package func position(_ value: Double) -> Double {
    let (low, high) = (range.lowerBound, range.upperBound)
    return isLogarithmic ? log(value / low) / log(high / low) : (value - low) / (high - low)
  }

  /// An axis for numbers: by their powers of ten where all are positive and most are far below the highest.
  package static func fitting(_ values: [Double]) -> ChartAxis {
    let sorted = values.sorted()
    guard let low = sorted.first, let high = sorted.last else { return linear(0...1) }
    let middle = sorted[sorted.count / 2]
    if low > 0, high / low >= 1000, high / middle >= 20 { return logarithmic(low...high) }
    // Numbers that differ only in digits that nobody could read are drawn as equal.
    let magnitude = max(abs(low), abs(high))
    if high - low > magnitude * 1e-6 { return linear(low...high, isWidened: true) }
    let margin = magnitude < 1e-290 ? 1 : magnitude / 2
    return linear((low - margin)...(high + margin), isWidened: true)
  }

  /// An axis of steps, which are whole.
  package static func steps(_ range: ClosedRange<Double>) -> ChartAxis {
    range.lowerBound < range.upperBound
      ? linear(range, marks: 8, least: 1)
      : linear((range.lowerBound - 1)...(range.upperBound + 1), marks: 2, least: 1)
  }

  /// - Parameters:
  ///   - isWidened: Whether the axis begins and ends with a mark.
  ///   - marks: About how many there are.
  ///   - least: The least distance between marks.
  private static func linear(
    _ range: ClosedRange<Double>, isWidened: Bool = false, marks: Double = 5, least: Double = 0
  ) -> ChartAxis {
    let step = max(roundStep((range.upperBound - range.lowerBound) / marks), least)
    let (low, high) = (range.lowerBound / step, range.upperBound / step)
    // A number on a mark may be a rounding beside it, also one of single precision.
    let (first, last) =
      isWidened
      ? (Int((low + 1e-6).rounded(.down)), Int((high - 1e-6).rounded(.up)))
      : (Int((low - 1e-9).rounded(.up)), Int((high + 1e-9).rounded(.down)))
    let values = first <= last ? (first...last).map { Double($0) * step } : []
    let labels = labels(values, step: step)
    return ChartAxis(
      range: isWidened ? values[0]...values[values.count - 1] : range, isLogarithmic: false,
      ticks: zip(values, labels).map { Tick(value: $0, label: $1) })
  }

  private static func logarithmic(_ range: ClosedRange<Double>) -> ChartAxis {
    let first = Int((log10(range.lowerBound) + 1e-9).rounded(.down))
    let last = Int((log10(range.upperBound) - 1e-9).rounded(.up))
    let stride = Swift.stride(from: first, through: last, by: max(1, (last - first + 5) / 6))
    let ticks = stride.map { Tick(value: pow(10, Double($0)), label: powerOfTen($0)) }
    return ChartAxis(
      range: min(ticks[0].value, range.lowerBound)...max(pow(10, Double(last)), range.upperBound),
      isLogarithmic: true, ticks: ticks)
  }

  /// 1, 2 or 5 times a power of ten, at least `step`.
  static func roundStep(_ step: Double) -> Double {
    let power = pow(10, log10(step).rounded(.down))
    let digit = [1, 2, 5].first { $0 * power >= step * (1 - 1e-6) } ?? 10
    return digit * power
  }

  private static func powerOfTen(_ exponent: Int) -> String {
    switch exponent {
    case -3..<0: "0." + String(repeating: "0", count: -exponent - 1) + "1"
    case 0...3: "1" + String(repeating: "0", count: exponent)
    default: "1e\(exponent)"
    }
  }

  /// Multiples of a step with as many digits as tell them apart, large ones in thousands, small ones with an exponent.
  private static func labels(_ values: [Double], step: Double) -> [String] {
    let magnitude = values.map { abs($0) }.max() ?? 0
    var (unit, suffix) = (1.0, "")
    if let (power, letter) = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")].first(where: {
      magnitude >= $0.0
    }),
      magnitude < 1e15
    {
      if magnitude >= 10_000 { (unit, suffix) = (power, letter) }
    } else if magnitude > 0, magnitude < 1e-3 || magnitude >= 1e15 {
      let exponent = Int(log10(magnitude * (1 + 1e-9)).rounded(.down))
      (unit, suffix) = (pow(10, Double(exponent)), "e\(exponent)")
    }
    let digits = max(0, -Int((log10(step / unit) + 1e-9).rounded(.down)))
    return values.map { $0 == 0 ? "0" : String(format: "%.\(digits)f", $0 / unit) + suffix }
  }
}
