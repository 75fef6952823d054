import Testing
import Training

@Suite struct ChartAxisTests {
  private static let ranges: [([Double], String)] = [
    ([0.0, 1], "0 0.2 0.4 0.6 0.8 1.0"), ([0.013, 0.71], "0 0.2 0.4 0.6 0.8"),
    ([2.31, 2.34], "2.31 2.32 2.33 2.34"), ([-7, 12], "-10 -5 0 5 10 15"), ([3, 3000], "0 1000 2000 3000"),
    ([1.2e6, 4.9e6], "1M 2M 3M 4M 5M"), ([99_000, 101_000], "99.0k 99.5k 100.0k 100.5k 101.0k"),
    ([1.1e9, 1.3e9], "1.10G 1.15G 1.20G 1.25G 1.30G"),
    ([0, 2.4e-5], "0 0.5e-5 1.0e-5 1.5e-5 2.0e-5 2.5e-5"),
    ([-3e40, 0], "-3e40 -2e40 -1e40 0"),
    ([0, Double(Float(0.001))], "0 0.0002 0.0004 0.0006 0.0008 0.0010"),
    // Constants, and what differs in the last digits alone.
    ([0, 0], "-1.0 -0.5 0 0.5 1.0"), ([5, 5], "2 3 4 5 6 7 8"), ([-100], "-160 -140 -120 -100 -80 -60 -40"),
    ([1, 1.0000001], "0.4 0.6 0.8 1.0 1.2 1.4 1.6"), ([1e-300, 1e-300], "-1.0 -0.5 0 0.5 1.0"),
    ([], "0 0.2 0.4 0.6 0.8 1.0"),
  ]

  @Test(arguments: ranges)
  func marksAreRound(_ values: [Double], _ labels: String) {
    let axis = ChartAxis.fitting(values)
    #expect(axis.ticks.map(\.label).joined(separator: " ") == labels)
    #expect(!axis.isLogarithmic && axis.position(axis.range.upperBound) == 1)
    for value in values { #expect((-1e-9...(1 + 1e-6)).contains(axis.position(value))) }
  }

  @Test(
    arguments: [
      (1.0...60, "10 20 30 40 50 60"), (0...2000, "0 500 1000 1500 2000"), (7...9, "7 8 9"), (5...5, "4 5 6"),
      (0...0, "-1 0 1"), (0...1_000_000, "0 0.2M 0.4M 0.6M 0.8M 1.0M"), (1...2, "1 2"),
    ])
  func stepsAreWhole(_ range: ClosedRange<Double>, _ labels: String) {
    let axis = ChartAxis.steps(range)
    #expect(axis.ticks.map(\.label).joined(separator: " ") == labels)
    #expect(range.lowerBound == range.upperBound || axis.range == range)
  }

  @Test func decadesWhereMostNumbersAreFarBelowTheHighest() {
    let falling = (0..<100).map { 10 * pow(0.9, $0) }
    let axis = ChartAxis.fitting(falling)
    #expect(axis.isLogarithmic)
    #expect(axis.ticks.map(\.label) == ["1e-4", "0.001", "0.01", "0.1", "1", "10"])
    #expect(axis.position(axis.range.lowerBound) == 0 && abs(axis.position(0.1) - 0.6) < 1e-12)
    for value in falling { #expect((0...1).contains(axis.position(value))) }
    let wide = ChartAxis.fitting([1e-140, 1e-130, 1e140])
    #expect(wide.isLogarithmic && wide.ticks.count <= 7)
    // A schedule that ends at almost nothing, and numbers that are not positive.
    #expect(!ChartAxis.fitting([1e-9, 0.2, 0.5, 0.8, 1]).isLogarithmic)
    #expect(!ChartAxis.fitting([0, 1e-3, 2e-3, 10]).isLogarithmic)
  }

  private func pow(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { x, _ in x * base }
  }
}
