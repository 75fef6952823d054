import Foundation

/// A number of each seed's run; nil where a run is missing or has no such number.
struct SeedValues: Sendable, Hashable {
  let values: [Double?]

  init(_ values: [Double?]) { self.values = values.map { $0?.isFinite == true ? $0 : nil } }

  private var known: [Double] { values.compactMap { $0 } }

  /// How many there are.
  var count: Int { known.count }

  /// The mean of those that there are.
  var mean: Double? { known.isEmpty ? nil : known.reduce(0, +) / Double(known.count) }

  /// The standard deviation; nil for fewer than two.
  var deviation: Double? {
    guard let mean, known.count > 1 else { return nil }
    return (known.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(known.count - 1)).squareRoot()
  }

  /// The interval in which the mean over all seeds is with 95% confidence, by Student's t distribution; nil for fewer
  /// than two.
  var interval: ClosedRange<Double>? {
    guard let mean, let deviation else { return nil }
    let half = studentQuantile(degreesOfFreedom: count - 1) * deviation / Double(count).squareRoot()
    return (mean - half)...(mean + half)
  }

  /// Differences of runs of the same seed.
  static func - (left: SeedValues, right: SeedValues) -> SeedValues {
    SeedValues(zip(left.values, right.values).map { a, b in a.flatMap { a in b.map { a - $0 } } })
  }

  /// The mean of several numbers, by seed; nil where one of them is missing.
  static func mean(_ all: [SeedValues]) -> SeedValues {
    guard let first = all.first else { return SeedValues([]) }
    return SeedValues(
      first.values.indices.map { seed in
        let values = all.compactMap { $0.values[seed] }
        return values.count == all.count ? values.reduce(0, +) / Double(all.count) : nil
      })
  }
}

/// Student's t at which 2.5% lie above.
func studentQuantile(degreesOfFreedom: Int) -> Double {
  let degrees = Double(degreesOfFreedom)
  let scale = exp(lgamma((degrees + 1) / 2) - lgamma(degrees / 2)) / (degrees * .pi).squareRoot()
  // The density over angles, t = √ν tan θ, is smooth and ends: ∫ scale √ν cos^(ν-1) θ dθ.
  func share(below angle: Double) -> Double {
    let steps = 2000
    let width = angle / Double(steps)
    let sum = (0...steps).reduce(0.0) { sum, step in
      let weight = step == 0 || step == steps ? 1.0 : step % 2 == 1 ? 4 : 2
      return sum + weight * pow(cos(Double(step) * width), degrees - 1)
    }
    return scale * degrees.squareRoot() * sum * width / 3
  }
  var (low, high) = (0.0, Double.pi / 2)
  for _ in 0..<60 {
    let middle = (low + high) / 2
    if share(below: middle) < 0.475 { low = middle } else { high = middle }
  }
  return degrees.squareRoot() * tan((low + high) / 2)
}

/// Whether what the paper claims is so here.
struct Verdict: Sendable, Hashable {
  enum Outcome: String, Sendable, Codable {
    case holds
    case fails = "does not hold"
    case noise = "within noise"
    case undecided
  }

  /// What is claimed, with the numbers that speak about it.
  let claim: String
  let outcome: Outcome
  let details: String

  /// A claim that a number is above 0, such as the difference of two runs of a seed: so it is if the 95% interval over the
  /// seeds is.
  init(_ claim: String, isPositive differences: SeedValues, unit: String = "points", digits: Int = 1) {
    self.claim = claim
    guard let interval = differences.interval else {
      (outcome, details) = (.undecided, "there are not two seeds with all runs")
      return
    }
    outcome = interval.lowerBound > 0 ? .holds : interval.upperBound < 0 ? .fails : .noise
    details = Verdict.words(differences, interval, unit, digits)
  }

  /// A claim that a number is 0, but for a margin: so it is if the 95% interval over the seeds is within it.
  init(
    _ claim: String, isZero differences: SeedValues, within margin: Double, unit: String = "points",
    digits: Int = 1
  ) {
    self.claim = claim
    guard let interval = differences.interval else {
      (outcome, details) = (.undecided, "there are not two seeds with all runs")
      return
    }
    let isOutside = interval.lowerBound > margin || interval.upperBound < -margin
    outcome =
      interval.lowerBound >= -margin && interval.upperBound <= margin ? .holds : isOutside ? .fails : .noise
    details =
      Verdict.words(differences, interval, unit, digits)
      + String(format: ", margin %.\(digits)f", margin)
  }

  private static func words(
    _ differences: SeedValues, _ interval: ClosedRange<Double>, _ unit: String, _ digits: Int
  ) -> String {
    let number = "%+.\(digits)f"
    return String(
      format: "\(number) \(unit), 95%% interval \(number) to \(number), \(differences.count) seeds",
      differences.mean ?? .nan, interval.lowerBound, interval.upperBound)
  }

  /// One line.
  var line: String { "\(outcome.rawValue): \(claim) (\(details))" }
}
