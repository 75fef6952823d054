import Foundation
import SigLIPModel
import Testing

@Suite struct AveragePrecisionTests {
  @Test func precisionWhereRightOnesStand() {
    // Right ones come first and third: (1/1 + 2/3) / 2.
    let first: Double? = averagePrecision(scores: [0.9, 0.8, 0.7, 0.1], isRight: [true, false, true, false])
    #expect(abs((first ?? 0) - 5.0 / 6) < 1e-15)
    let last: Double? = averagePrecision(scores: [0.1, 0.2, 0.3], isRight: [true, false, false])
    #expect(last == 1.0 / 3)
    let none: Double? = averagePrecision(scores: [0.1, 0.2], isRight: [false, false])
    #expect(none == nil)
  }

  /// Two right and two wrong ones of one score: it is reached with two of four, whatever their order.
  @Test func equalScoresAreReachedTogether() throws {
    for order in [[true, true, false, false], [false, true, false, true], [false, false, true, true]] {
      #expect(averagePrecision(scores: [1, 1, 1, 1], isRight: order) == 0.5)
      // With one more right one behind: (0.5 + 0.5 + 3/5) / 3.
      let precision = try #require(averagePrecision(scores: [1, 1, 1, 1, 0], isRight: order + [true]))
      #expect(abs(precision - 1.6 / 3) < 1e-15)
    }
  }

  @Test func labelsThatNoImageHasAreLeftOutAndCounted() throws {
    let scores = Tensor([[0.9, 0.5, 0.3], [0.1, 0.5, 0.6], [0.5, 0.2, 0.9]])
    let evaluation = try MultiLabelEvaluation(scores: scores, labels: [[0], [], [0, 2, 0]])
    #expect(evaluation.classes.map(\.averagePrecision) == [1, nil, 1])
    #expect(evaluation.classes.map(\.images) == [2, 0, 1])
    #expect(
      evaluation.classesWithoutImages == 1 && evaluation.images == 3 && evaluation.meanAveragePrecision == 1)
    #expect(throws: EvaluationError.nothing("images with labels")) {
      try MultiLabelEvaluation(scores: scores, labels: [[], [], []])
    }
    #expect(throws: EvaluationError.label(3, row: 2, classes: 3)) {
      try MultiLabelEvaluation(scores: scores, labels: [[], [], [0, 3]])
    }
    #expect(throws: EvaluationError.notFinite("a score of image", row: 1)) {
      try MultiLabelEvaluation(scores: Tensor([[0], [.nan]]), labels: [[0], []])
    }
  }
}

@Suite struct NearestNeighborTests {
  private static let samples = Tensor([[1, 0], [0.9, 0.1], [0, 3], [0.1, 5], [-2, 0]])
  private static let labels = [0, 0, 1, 1, 2]

  private static func votes(
    _ query: [Float], k: Int, _ weighting: NeighborWeighting = .majority
  ) throws -> [Float] {
    try nearestNeighborVotes(
      queries: Tensor([query]), samples: samples, labels: labels, classes: 4, k: k, weighting: weighting
    ).scalars
  }

  /// The direction counts, not the length.
  @Test func theNearestVote() throws {
    #expect(try Self.votes([100, 1], k: 1) == [1, 0, 0, 0])
    #expect(try Self.votes([100, 1], k: 2) == [1, 0, 0, 0])
    #expect(try Self.votes([0, 0.01], k: 3) == [Float(1.0 / 3), Float(2.0 / 3), 0, 0])
    #expect(try Self.votes([1, 1], k: 5) == [0.4, 0.4, 0.2, 0])
  }

  @Test func nearOnesCountMore() throws {
    let temperature = 0.07
    let near = exp(1 / temperature)
    let far = exp(0.9 / 0.82.squareRoot() / temperature)
    let votes = try nearestNeighborVotes(
      queries: Tensor([[1, 0]]), samples: Tensor([[1, 0], [0.9, 0.1]]), labels: [1, 0], classes: 2, k: 2,
      weighting: .exponential(temperature: temperature)
    ).scalars
    #expect(abs(Double(votes[1]) - near / (near + far)) < 1e-6)
    #expect(votes[0] + votes[1] == 1)
    // Powers that no number could hold.
    #expect(try Self.votes([1, 0], k: 5, .exponential(temperature: 1e-4)) == [1, 0, 0, 0])
  }

  @Test func amongEquallyNearOnesTheFirstVote() throws {
    let votes = try nearestNeighborVotes(
      queries: Tensor([[1, 0]]), samples: Tensor([[0, 1], [2, 0], [3, 0], [1, 0]]), labels: [0, 1, 2, 2],
      classes: 3, k: 1, weighting: .majority)
    #expect(votes.scalars == [0, 1, 0])
  }

  @Test func manyQueriesAreReadInBlocks() throws {
    var random = Random(seed: 5)
    let queries = random.normal([1100, 6])
    let samples = random.normal([40, 6])
    let labels = (0..<40).map { $0 % 7 }
    func votes(_ queries: Tensor) throws -> Tensor {
      try nearestNeighborVotes(queries: queries, samples: samples, labels: labels, classes: 7, k: 9)
    }
    let all = try votes(queries)
    for row in [0, 511, 512, 1099] {
      let alone = try votes(queries[row..<row + 1]).scalars
      for (one, other) in zip(alone, all[row].scalars) { #expect(abs(one - other) < 1e-5) }
    }
  }

  @Test func whatCannotBeAskedIsRefused() {
    for k in [-1, 0, 6] {
      #expect(throws: EvaluationError.neighbors(k, samples: 5)) { try Self.votes([1, 0], k: k) }
    }
    #expect(throws: EvaluationError.noDirection("the features of query", row: 0)) {
      try Self.votes([0, 0], k: 1)
    }
    #expect(throws: EvaluationError.noDirection("the features of sample", row: 1)) {
      try nearestNeighborVotes(
        queries: Tensor([[1, 0]]), samples: Tensor([[1, 0], [.nan, 0]]), labels: [0, 0], classes: 1, k: 1)
    }
  }
}

@Suite struct CalibrationTests {
  @Test func binsAndTheirErrors() throws {
    let probabilities = Tensor([0, 0.25, 0.3, 0.5, 0.75, 0.9, 1])
    let calibration = try Calibration(
      probabilities: probabilities, isTrue: [false, false, true, false, true, true, true], binCount: 4)
    // An edge belongs to the bin below it; 0 to the first.
    #expect(calibration.bins.map(\.count) == [2, 2, 1, 2])
    #expect(calibration.bins.map(\.shareTrue) == [0, 0.5, 1, 1])
    #expect(calibration.bins[0].meanProbability == 0.125)
    #expect(abs(try #require(calibration.bins[1].meanProbability) - 0.4) < 1e-7)
    let gaps = [0.125, 0.1, 0.25, 0.05]
    for (bin, gap) in zip(calibration.bins, gaps) { #expect(abs(bin.gap - gap) < 1e-7) }
    // (2 * 0.125 + 2 * 0.1 + 0.25 + 2 * 0.05) / 7
    #expect(abs(calibration.expectedError - 0.8 / 7) < 1e-7)
    #expect(abs(calibration.maximumError - 0.25) < 1e-7)
    // (0.0625 + 0.49 + 0.25 + 0.0625 + 0.01) / 7
    #expect(abs(calibration.brierScore - 0.875 / 7) < 1e-7)
  }

  @Test func aBinWithoutProbabilitiesHasNoGap() throws {
    let calibration = try Calibration(
      probabilities: Tensor([0.9, 0.95]), isTrue: [true, true], binCount: 10)
    #expect(calibration.bins[3].meanProbability == nil && calibration.bins[3].gap == 0)
    #expect(calibration.bins.map(\.count) == [0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
  }

  @Test(arguments: [-0.001, 1.001, Float.nan])
  func onlyProbabilitiesAreCounted(_ value: Float) {
    let error = #expect(throws: EvaluationError.self) {
      try Calibration(probabilities: Tensor([[0, 1], [0.5, value]]), isTrue: [true, true, false, true])
    }
    #expect(error?.description == "evaluation: row 1 holds \(value), which is not a probability")
    #expect(throws: EvaluationError.nothing("probabilities")) {
      try Calibration(probabilities: .zeros([0, 4]), isTrue: [])
    }
  }
}

@Suite struct BootstrapTests {
  private static let values = Random.normals(400)

  /// The mean of many queries is nearly normal: its interval is 1.96 standard errors to each side.
  @Test func theIntervalOfAMean() throws {
    let interval = try Bootstrap(resamples: 4000).interval(mean: Self.values)
    let count = Double(Self.values.count)
    let mean = Self.values.reduce(0, +) / count
    let squares = Self.values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let error = squares.squareRoot() / count
    func errors(_ end: Double) -> Double { (end - mean) / error }
    #expect(abs(interval.estimate - mean) < 1e-12)
    #expect(abs(errors(interval.lower) + 1.96) < 0.1)
    #expect(abs(errors(interval.upper) - 1.96) < 0.1)
    let half = try Bootstrap(resamples: 4000, level: 0.5).interval(mean: Self.values)
    #expect(abs(errors(half.upper) - 0.6745) < 0.06)
  }

  /// Of all queries a truth lies in about 95 of 100 intervals.
  @Test func intervalsHoldTheTruth() throws {
    let covered = try (0..<200).count { number in
      let values = Random.normals(60, seed: UInt64(100 + number))
      let interval = try Bootstrap(resamples: 400, seed: UInt64(number)).interval(mean: values)
      return interval.lower <= 0 && interval.upper >= 0
    }
    #expect((178...199).contains(covered), "\(covered) of 200")
  }

  /// Two models of which one is a little better on every query: pairs show it, the two intervals alone do not.
  @Test func pairsAreComparedOnTheSameQueries() throws {
    let better = Self.values.map { $0 + 0.05 + 0.01 * sin(100 * $0) }
    let bootstrap = Bootstrap(resamples: 500)
    let difference = try bootstrap.interval(difference: better, Self.values)
    #expect(difference.lower > 0.045 && difference.upper < 0.055)
    #expect(try bootstrap.interval(mean: better).lower < bootstrap.interval(mean: Self.values).upper)
    let other = try bootstrap.interval(difference: Self.values, better)
    #expect(abs(other.upper + difference.lower) < 1e-12)
  }

  @Test func anyNumberOfQueries() throws {
    let sorted = Self.values.sorted()
    let median = try Bootstrap(resamples: 500).interval(count: sorted.count) { drawn in
      drawn.map { sorted[$0] }.sorted()[drawn.count / 2]
    }
    #expect(
      median.estimate == sorted[200] && median.lower < median.estimate && median.upper > median.estimate)
    #expect(abs(median.upper - median.lower) < 0.6)
  }

  @Test func oneSeedOneInterval() throws {
    let bootstrap = Bootstrap(resamples: 300, seed: 3)
    let first = try bootstrap.interval(mean: Self.values)
    #expect(try bootstrap.interval(mean: Self.values) == first)
    #expect(try Bootstrap(resamples: 300, seed: 4).interval(mean: Self.values) != first)
  }

  @Test func allTheSameIsCertain() throws {
    #expect(
      try Bootstrap().interval(mean: [0.5, 0.5, 0.5])
        == BootstrapInterval(estimate: 0.5, lower: 0.5, upper: 0.5))
    #expect(throws: EvaluationError.nothing("queries")) { try Bootstrap().interval(mean: []) }
    #expect(throws: EvaluationError.notFinite("the value of query", row: 1)) {
      try Bootstrap().interval(mean: [0, .nan])
    }
  }
}

extension Random {
  fileprivate static func normals(_ count: Int, seed: UInt64 = 1) -> [Double] {
    var random = Random(seed: seed)
    return random.normal([count]).scalars.map(Double.init)
  }
}
