import Testing

@testable import reproduce

@Suite struct StatisticsTests {
  /// As tables of Student's t have it.
  @Test(arguments: [
    (1, 12.7062047362), (2, 4.3026527297), (4, 2.7764451052), (9, 2.2621571628), (60, 2.0002978220),
  ])
  func quantile(degrees: Int, expected: Double) {
    #expect(abs(studentQuantile(degreesOfFreedom: degrees) - expected) < 1e-8 * expected)
  }

  @Test func differencesAreOfTheSameSeed() throws {
    let (a, b) = (SeedValues([3, 5, nil, 8]), SeedValues([1, 2, 4, 4]))
    #expect((a - b).values == [2, 3, nil, 4])
    #expect((a - b).mean == 3 && (a - b).deviation == 1 && (a - b).count == 3)
    // 3 ± 4.303 / √3.
    let interval = try #require((a - b).interval)
    #expect(abs(interval.lowerBound - 0.51586) < 1e-4 && abs(interval.upperBound - 5.48414) < 1e-4)
    #expect(SeedValues.mean([a, b]).values == [2, 3.5, nil, 6])
    #expect(SeedValues([.nan, 1]).values == [nil, 1])
  }

  @Test(arguments: [
    ([2, 3, 4], Verdict.Outcome.holds), ([-2, -3, -4], .fails), ([1, 3, 0], .noise), ([2], .undecided),
    ([2, nil, nil], .undecided), ([1, 1, nil], .holds),
  ])
  func signs(differences: [Double?], outcome: Verdict.Outcome) {
    #expect(Verdict("x", isPositive: SeedValues(differences)).outcome == outcome)
  }

  @Test(arguments: [
    ([0.1, -0.1, 0], Verdict.Outcome.holds), ([5, 5.1, 4.9], .fails), ([-5, -5.1, -4.9], .fails),
    ([2, -2, 1], .noise), ([0], .undecided),
  ])
  func margins(differences: [Double?], outcome: Verdict.Outcome) {
    #expect(Verdict("x", isZero: SeedValues(differences), within: 1).outcome == outcome)
  }

  @Test func theLineHasTheNumbers() {
    #expect(
      Verdict("a is above b", isPositive: SeedValues([3, 4, 5])).line
        == "holds: a is above b (+4.0 points, 95% interval +1.5 to +6.5, 3 seeds)")
  }
}
