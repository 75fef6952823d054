import NN

/// How well probabilities say how often something is so.
public struct Calibration: Sendable, Hashable, Codable {
  /// A bin of probabilities: a point of the reliability diagram.
  public struct Bin: Sendable, Hashable, Codable {
    /// Probabilities in it are larger than this one, but in the first bin, which has 0.
    public var lower: Double
    /// The largest probability that it can have.
    public var upper: Double
    /// Number of probabilities.
    public var count: Int
    /// Their mean; absent where there are none.
    public var meanProbability: Double?
    /// Share of them that came true; absent where there are none.
    public var shareTrue: Double?

    /// How far the two lie apart; 0 where there are no probabilities.
    public var gap: Double { abs((meanProbability ?? 0) - (shareTrue ?? 0)) }

    enum CodingKeys: String, CodingKey {
      case lower, upper, count
      case meanProbability = "mean_probability"
      case shareTrue = "share_true"
    }
  }

  /// Bins of equal width.
  public var bins: [Bin]
  /// The mean of the bins' gaps, weighted by their counts (ECE).
  public var expectedError: Double
  /// The largest gap of a bin (MCE).
  public var maximumError: Double
  /// The mean square of what is between a probability and what came true.
  public var brierScore: Double
  /// Number of probabilities.
  public var count: Int

  enum CodingKeys: String, CodingKey {
    case bins, count
    case expectedError = "expected_calibration_error"
    case maximumError = "maximum_calibration_error"
    case brierScore = "brier_score"
  }

  /// Compares probabilities with what came true. For a classifier's confidence these are its answers' probabilities and
  /// whether they are right; for the sigmoid probabilities of pairs, all pairs and whether they belong together.
  ///
  /// - Parameters:
  ///   - probabilities: Of any shape.
  ///   - isTrue: What came true, in row-major order.
  ///   - binCount: Number of bins.
  /// - Throws: ``EvaluationError`` for numbers that are no probabilities, and where there are none.
  public init(probabilities: Tensor, isTrue: [Bool], binCount: Int = 15) throws {
    if probabilities.count != isTrue.count || binCount < 1 {
      programmerError(
        "calibration: probabilities of shape \(probabilities.shape), \(isTrue.count) outcomes, \(binCount) bins"
      )
    }
    if isTrue.isEmpty { throw EvaluationError.nothing("probabilities") }
    var (counts, trueCounts) = ([Int](repeating: 0, count: binCount), [Int](repeating: 0, count: binCount))
    var (sums, squares) = ([Double](repeating: 0, count: binCount), 0.0)
    let rowLength = probabilities.count / max(probabilities.shape.first ?? 1, 1)
    try probabilities.withUnsafeScalars { probabilities in
      for (place, value) in probabilities.enumerated() {
        guard value >= 0 && value <= 1 else {
          throw EvaluationError.probability(value, row: place / rowLength)
        }
        let probability = Double(value)
        let bin = Self.bin(of: probability, among: binCount)
        counts[bin] += 1
        sums[bin] += probability
        if isTrue[place] { trueCounts[bin] += 1 }
        let difference = probability - (isTrue[place] ? 1 : 0)
        squares += difference * difference
      }
    }
    bins = (0..<binCount).map { bin in
      let count = Double(counts[bin])
      return Bin(
        lower: Self.edge(bin, of: binCount), upper: Self.edge(bin + 1, of: binCount), count: counts[bin],
        meanProbability: counts[bin] == 0 ? nil : sums[bin] / count,
        shareTrue: counts[bin] == 0 ? nil : Double(trueCounts[bin]) / count)
    }
    count = isTrue.count
    brierScore = squares / Double(count)
    expectedError = bins.reduce(0) { $0 + $1.gap * Double($1.count) } / Double(isTrue.count)
    maximumError = bins.map(\.gap).max()!
  }

  /// The lower edge of a bin.
  private static func edge(_ bin: Int, of count: Int) -> Double { Double(bin) / Double(count) }

  /// The bin of a probability: an edge belongs to the bin below it, whatever the product was rounded to.
  static func bin(of probability: Double, among count: Int) -> Int {
    var bin = min(Int(probability * Double(count)), count - 1)
    while bin > 0 && probability <= edge(bin, of: count) { bin -= 1 }
    while probability > edge(bin + 1, of: count) { bin += 1 }
    return bin
  }
}
