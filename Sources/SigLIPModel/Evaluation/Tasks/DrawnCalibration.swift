/// Calibration of probabilities that belong to images, for images that are drawn several times each.
struct DrawnCalibration: Sendable {
  /// What a bin has of an image.
  private struct Sum: Sendable {
    var count = 0.0
    var probability = 0.0
    var right = 0.0

    static func += (sum: inout Sum, other: Sum) {
      sum.count += other.count
      sum.probability += other.probability
      sum.right += other.right
    }
  }

  /// By image, then bin.
  private var sums: [Sum]
  private let binCount: Int

  init(imageCount: Int, binCount: Int) {
    sums = Array(repeating: Sum(), count: imageCount * binCount)
    self.binCount = binCount
  }

  /// Adds a probability of an image.
  mutating func add(_ probability: Float, _ isTrue: Bool, image: Int) {
    let probability = Double(probability)
    sums[image * binCount + Calibration.bin(of: probability, among: binCount)] += Sum(
      count: 1, probability: probability, right: isTrue ? 1 : 0)
  }

  /// What all images have, by bin.
  private func totals(_ images: some Sequence<Int>) -> [Sum] {
    var totals = Array(repeating: Sum(), count: binCount)
    for image in images {
      for bin in 0..<binCount { totals[bin] += sums[image * binCount + bin] }
    }
    return totals
  }

  private var imageCount: Int { sums.count / binCount }
  private var all: Sum { sums.reduce(into: Sum()) { $0 += $1 } }

  /// The share of probabilities that came true.
  var shareTrue: Double { all.right / all.count }
  /// Their mean.
  var meanProbability: Double { all.probability / all.count }
  /// The mean distance of a bin's mean probability from its share of what came true.
  var expectedError: Double { error(totals(0..<imageCount)) }

  private func error(_ totals: [Sum]) -> Double {
    totals.reduce(0) { $0 + abs($1.probability - $1.right) } / totals.reduce(0) { $0 + $1.count }
  }

  /// Where the error of other images would lie.
  func interval(seed: UInt64) throws -> ClosedRange<Double> {
    let interval = try Bootstrap(seed: seed).interval(count: imageCount) { error(totals($0)) }
    return interval.lower...interval.upper
  }

  /// The bins of all images; `edges` has theirs.
  func bins(_ edges: [Calibration.Bin]) -> [Calibration.Bin] {
    zip(edges, totals(0..<imageCount)).map { edge, total in
      var bin = edge
      bin.count = Int(total.count)
      bin.meanProbability = total.count == 0 ? nil : total.probability / total.count
      bin.shareTrue = total.count == 0 ? nil : total.right / total.count
      return bin
    }
  }
}
