import Foundation
import SigLIPModel

extension BatchSize {
  func findings(_ scale: StudyScale, of results: RunResults) -> Findings {
    var findings = Findings()
    var scores: [Equality: [Loss: [Int: SeedValues]]] = [:]
    var table = StudyTable(
      name: "table", title: "R@1 in percent, each loss with what is best for it on validation",
      columns: ["equal", "loss", "batch", "steps", "learning rate"],
      measures: [
        .init(name: "validation"), .init(name: "held out"), .init(name: "t in the end"),
        .init(name: "b in the end"),
      ])
    for equality in Equality.allCases {
      for loss in losses {
        for size in sizes(equality, scale) {
          let examples = examples(equality, loss, size, scale)
          guard let configuration = chosen(loss, size, examples: examples, scale, results) else { continue }
          func values(_ measure: (RunResult) -> Double?) -> SeedValues {
            results.values(of: configuration, scale, measure)
          }
          scores[equality, default: [:]][loss, default: [:]][size] = values(\.validationR1)
          table.add(
            [
              equality.rawValue, loss.rawValue, "\(size)", "\(configuration.steps)",
              "\(configuration.optimizer.learningRate)",
            ],
            [
              values(\.validationR1), values(\.heldOutR1), values { $0.last("temperature") },
              loss == .sigmoid ? values { $0.last("bias") } : SeedValues([]),
            ])
        }
      }
    }
    for loss in losses {
      if let recipe = recipe(loss, scale, results) {
        findings.remarks.append(
          "\(loss.rawValue): \(recipe.name), the best with batches of \(middle(scale)) on validation.")
      }
    }
    if scores.isEmpty { return findings }
    findings.tables = [table]
    findings.charts = Equality.allCases.map { equality in
      (
        "equal-\(equality.rawValue)",
        chart("Equal \(equality.rawValue)", scores[equality] ?? [:], sizes(equality, scale))
      )
    }
    findings.verdicts = verdicts(scores, scale)
    return findings
  }

  private func chart(_ title: String, _ scores: [Loss: [Int: SeedValues]], _ sizes: [Int]) -> ErrorBarChart {
    ErrorBarChart(
      title: title, x: "captions in a batch", y: "validation R@1, %",
      series: losses.map { loss in
        .init(loss.rawValue, sizes.compactMap { scores[loss]?[$0]?.point(x: Double($0)) })
      }, marks: sizes.map { .init(Double($0), "\($0)") }, hasRatios: true)
  }

  private func verdicts(_ scores: [Equality: [Loss: [Int: SeedValues]]], _ scale: StudyScale) -> [Verdict] {
    let missing = SeedValues(scale.seeds.map { _ in nil })
    func score(_ equality: Equality, _ loss: Loss, _ size: Int) -> SeedValues {
      scores[equality]?[loss]?[size] ?? missing
    }
    /// How much better sigmoid is, the mean over some sizes.
    func advantage(_ equality: Equality, _ sizes: [Int]) -> SeedValues {
      .mean(sizes.map { score(equality, .sigmoid, $0) - score(equality, .softmax, $0) })
    }
    let all = sizes(scale)
    let (small, large) = (all.filter { $0 <= 1024 }, all.filter { $0 > 1024 })
    let last = all.last!
    // By the mean of both losses and all seeds.
    let best = all.dropLast().max { mean($0) < mean($1) }!
    func mean(_ size: Int) -> Double {
      SeedValues.mean(losses.map { score(.examples, $0, size) }).mean ?? -1
    }
    return [
      Verdict(
        "sigmoid is better than softmax in batches of \(small[0]) to \(small.last!)",
        isPositive: advantage(.examples, small)),
      Verdict(
        "they are equal in batches of \(large[0]) to \(last)", isZero: advantage(.examples, large), within: 2),
      Verdict(
        "sigmoid is better than softmax at equal time, in batches of \(listed(.time, scale))",
        isPositive: advantage(.time, sizes(.time, scale))),
      Verdict(
        "sigmoid is better than softmax at equal pairs, in batches of \(listed(.pairs, scale))",
        isPositive: advantage(.pairs, sizes(.pairs, scale))),
      Verdict(
        "larger batches stop to help: \(best) is better than \(last) for sigmoid",
        isPositive: score(.examples, .sigmoid, best) - score(.examples, .sigmoid, last)),
      Verdict(
        "larger batches stop to help: \(best) is better than \(last) for softmax",
        isPositive: score(.examples, .softmax, best) - score(.examples, .softmax, last)),
    ]
  }

  private func listed(_ equality: Equality, _ scale: StudyScale) -> String {
    sizes(equality, scale).map(String.init).joined(separator: ", ")
  }
}
