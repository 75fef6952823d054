import Foundation
import SigLIPModel

extension BatchSize {
  /// Validation by comparison, loss and place.
  private typealias Scores = [Comparison: [Loss: [Int: SeedValues]]]

  func findings(_ scale: StudyScale, of results: RunResults) -> Findings {
    var findings = Findings()
    for loss in losses {
      if let recipe = recipe(loss, scale, results) {
        findings.remarks.append(
          "\(loss.rawValue): \(recipe.name), the best with batches of \(middle(scale)) on validation.")
      }
    }
    var scores: Scores = [:]
    for comparison in Comparison.allCases {
      var table = StudyTable(
        name: comparison.rawValue.replacing(" ", with: "-"), title: title(comparison, scale),
        columns: ["loss", "batch", "steps", "learning rate"],
        measures: [
          .init(name: "validation"), .init(name: "held out"), .init(name: "t in the end"),
          .init(name: "b in the end"),
        ])
      for loss in losses {
        for x in places(comparison, scale) {
          let place = place(comparison, loss, at: x, scale)
          guard let configuration = chosen(loss, place, scale, results) else { continue }
          func values(_ measure: (RunResult) -> Double?) -> SeedValues {
            results.values(of: configuration, scale, measure)
          }
          scores[comparison, default: [:]][loss, default: [:]][x] = values(\.validationR1)
          table.add(
            [
              loss.rawValue, "\(place.size)", "\(configuration.steps)",
              "\(configuration.optimizer.learningRate)",
            ],
            [
              values(\.validationR1), values(\.heldOutR1), values { $0.last("temperature") },
              loss == .sigmoid ? values { $0.last("bias") } : SeedValues([]),
            ])
        }
      }
      if table.rows.isEmpty { continue }
      findings.tables.append(table)
      findings.charts.append((table.name, chart(comparison, scores[comparison] ?? [:], scale)))
    }
    if !scores.isEmpty { findings.verdicts = verdicts(scores, scale) }
    return findings
  }

  private func title(_ comparison: Comparison, _ scale: StudyScale) -> String {
    switch comparison {
    case .examples: "Equal examples (\(examples(scale)))"
    case .pairs, .time:
      "E\(comparison.rawValue.dropFirst()) as sigmoid with batches of \(middle(scale))"
    case .length: "Batches of \(middle(scale)), trained for longer"
    }
  }

  private func chart(
    _ comparison: Comparison, _ scores: [Loss: [Int: SeedValues]], _ scale: StudyScale
  ) -> ErrorBarChart {
    let places = places(comparison, scale)
    return ErrorBarChart(
      title: title(comparison, scale), x: comparison == .length ? "examples" : "captions in a batch",
      y: "validation R@1, %",
      series: losses.map { loss in
        .init(loss.rawValue, places.compactMap { scores[loss]?[$0]?.point(x: Double($0)) })
      }, marks: places.map { .init(Double($0), "\($0)") }, hasRatios: true)
  }

  private func verdicts(_ scores: Scores, _ scale: StudyScale) -> [Verdict] {
    func score(_ comparison: Comparison, _ loss: Loss, _ place: Int) -> SeedValues {
      scores[comparison]?[loss]?[place] ?? SeedValues(scale.seeds.map { _ in nil })
    }
    /// How much better sigmoid is, the mean over some places.
    func advantage(_ comparison: Comparison, _ places: [Int]) -> SeedValues {
      .mean(places.map { score(comparison, .sigmoid, $0) - score(comparison, .softmax, $0) })
    }
    let all = sizes(scale)
    let (small, large) = (all.filter { $0 <= 1024 }, all.filter { $0 > 1024 })
    let last = all.last!
    func best(_ loss: Loss) -> Int {
      all.dropLast().max {
        score(.examples, loss, $0).mean ?? -1 < score(.examples, loss, $1).mean ?? -1
      }!
    }
    var verdicts = [
      Verdict(
        "sigmoid is better than softmax in batches of \(small[0]) to \(small.last!)",
        isPositive: advantage(.examples, small)),
      Verdict(
        "they are equal in batches of \(large[0]) to \(last)", isZero: advantage(.examples, large), within: 2),
    ]
    for comparison in [Comparison.time, .pairs] {
      let places = places(comparison, scale)
      verdicts.append(
        Verdict(
          "sigmoid is better than softmax at \(comparison.rawValue), in batches of "
            + places.map(String.init).joined(separator: ", "), isPositive: advantage(comparison, places)))
    }
    for loss in losses {
      let best = best(loss)
      verdicts.append(
        Verdict(
          "larger batches stop to help \(loss.rawValue): \(best) is better than \(last)",
          isPositive: score(.examples, loss, best) - score(.examples, loss, last)))
    }
    let lengths = places(.length, scale)
    if lengths.count > 1 {
      verdicts.append(
        Verdict(
          "sigmoid gains on softmax when training is longer, from \(lengths[0]) to \(lengths.last!) examples",
          isPositive: advantage(.length, [lengths.last!]) - advantage(.length, [lengths[0]])))
    }
    return verdicts
  }
}
