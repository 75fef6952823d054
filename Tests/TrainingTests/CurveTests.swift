import Testing
import Training

@Suite struct CurveTests {
  private func curve(_ values: [Double]) -> Curve {
    var curve = Curve()
    for (step, value) in values.enumerated() { curve.append(value, step: step) }
    return curve
  }

  @Test func fewPointsAreDrawnAsTheyAre() {
    let curve = curve([3, 1, 2])
    #expect(curve.segments(over: 0...2, columns: 100) == [curve.points])
    #expect(Curve().segments(over: 0...1, columns: 100) == [])
  }

  @Test func manyPointsKeepWhatIsSeen() {
    var values = (0..<10_000).map { Double($0 % 7) }
    values[4321] = 100
    values[8765] = -100
    let segments = curve(values).segments(over: 0...9999, columns: 50)
    #expect(segments.count == 1 && segments[0].count <= 4 * 51)
    let drawn = segments[0]
    #expect(drawn.first == curve(values).points.first && drawn.last == curve(values).points.last)
    #expect(drawn.contains { $0.step == 4321 && $0.value == 100 })
    #expect(drawn.contains { $0.step == 8765 && $0.value == -100 })
    #expect(zip(drawn, drawn.dropFirst()).allSatisfy { $0.step < $1.step })
  }

  @Test func whatIsNotFiniteLeavesAGap() {
    let values: [Double] = [.nan, 1, 2, .infinity, -.infinity, 3, .nan, 4, 1e308]
    #expect(
      curve(values).segments(over: 0...8, columns: 100).map { $0.map(\.value) } == [[1, 2], [3], [4]])
    #expect(curve([.nan, .nan]).segments(over: 0...1, columns: 10) == [])
    // Every second one is none: as many pieces as columns, not as points.
    let holes = curve((0..<10_000).map { $0 % 2 == 0 ? .nan : 1 }).segments(over: 0...9999, columns: 50)
    #expect((50...51).contains(holes.count))
  }

  @Test func noiseIsAveraged() {
    let noise = (0..<400).map { 5 + ($0 % 2 == 0 ? 1.0 : -1.0) }
    #expect(curve(noise).isNoisy)
    // 10 points before and behind, also at both ends.
    let smoothed = curve(noise).smoothed.points
    #expect(smoothed.allSatisfy { abs($0.value - 5) < 0.5 } && abs(smoothed[200].value - 5) < 0.06)
    #expect(smoothed.map(\.step) == curve(noise).points.map(\.step))
    // A step in the middle has its middle there: nothing comes late.
    let step = curve((0..<401).map { Double(($0 - 200).signum() + 1) }).smoothed.points
    #expect(abs(step[200].value - 1) < 1e-12 && abs(step[180].value + step[220].value - 2) < 1e-12)
    let falling = curve((0..<400).map { 1 / Double($0 + 1) })
    let wave = curve((0..<400).map { Double(abs($0 % 40 - 20)) })
    #expect(
      !wave.isNoisy && !falling.isNoisy && !curve([1, 2, 1, 2, 1, 2]).isNoisy
        && !curve(Array(repeating: 1, count: 99)).isNoisy
    )
    let hole = curve(noise.enumerated().map { $0.offset == 200 ? .nan : $0.element })
    #expect(hole.isNoisy && hole.smoothed.points[200].value.isNaN && hole.smoothed.points[201].value.isFinite)
  }
}
