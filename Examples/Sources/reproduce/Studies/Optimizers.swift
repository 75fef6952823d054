import Foundation
import SigLIPModel

/// Study 8: what moves the weights, and the course of the learning rate.
struct Optimizers: Study {
  let name = "optimizers"
  let question = "Do the optimizer and the schedule matter, each at its own best learning rate?"
  let claim = """
    AdamW and AdaFactor with beta2 = .95 are equal (ImageNet 70.3 and 70.1), as are cosine and linear (70.1 and 69.9); \
    the longest trainings of SigLiT use Lion.
    """

  private struct Way {
    let name: String
    var optimizer = OptimizerConfiguration.Kind.adamw
    var schedule = ScheduleConfiguration.Kind.cosine
    /// Multiples of the study's learning rates: a step of Lion is as long as the rate says in every number.
    var scale: Float = 1
  }

  private let optimizers = [
    Way(name: "AdamW"), Way(name: "AdaFactor", optimizer: .adafactor),
    Way(name: "Lion", optimizer: .lion, scale: 0.1),
  ]
  private let schedules = [
    Way(name: "cosine"), Way(name: "linear", schedule: .linear), Way(name: "rsqrt", schedule: .rsqrt),
  ]

  private func batchSize(_ scale: StudyScale) -> Int { scale.of(1024, quick: 256) }

  private func configuration(_ way: Way, rate: Float, _ scale: StudyScale) -> TrainingConfiguration {
    var configuration = scale.emoji(
      batchSize: batchSize(scale), examples: scale.of(131_072, quick: 4096))
    configuration.optimizer.kind = way.optimizer
    configuration.optimizer.learningRate = rate * way.scale
    // What is taken off the weights at a step is the same for all.
    configuration.optimizer.weightDecay /= way.scale
    configuration.schedule.kind = way.schedule
    if way.schedule == .rsqrt {
      configuration.schedule.timescale = max(configuration.steps / 8, 1)
      configuration.schedule.coolDownSteps = configuration.steps / 5
    }
    return configuration
  }

  private func rates(_ scale: StudyScale) -> [Float] { scale.of([1e-3, 3e-3, 1e-2, 3e-2], quick: [3e-3]) }

  private func candidates(_ way: Way, _ scale: StudyScale) -> [TrainingConfiguration] {
    rates(scale).map { configuration(way, rate: $0, scale) }
  }

  func runs(_ scale: StudyScale, after results: RunResults) -> [StudyRun] {
    ways.flatMap { scale.runs($0.name, choosingAmong: candidates($0, scale), after: results) }
  }

  func findings(_ scale: StudyScale, of results: RunResults) -> Findings {
    var findings = Findings()
    var table = StudyTable(
      name: "table", title: "Batches of \(batchSize(scale)), each at its own learning rate; R@1 in percent",
      columns: ["optimizer", "schedule", "learning rate"],
      measures: [
        .init(name: "validation"), .init(name: "held out"), .init(name: "last loss", digits: 3),
      ])
    var scores: [String: SeedValues] = [:]
    for (index, way) in (optimizers + schedules).enumerated() {
      guard let best = results.best(of: candidates(way, scale)) else { continue }
      let validation = results.values(of: best, scale, \.validationR1)
      scores[way.name] = validation
      // AdamW with a cosine is there already.
      if index == optimizers.count { continue }
      table.add(
        [
          index < optimizers.count ? way.name : "AdamW", way.schedule.rawValue,
          "\(best.optimizer.learningRate)",
        ],
        [
          validation, results.values(of: best, scale, \.heldOutR1),
          results.values(of: best, scale) { $0.last("loss") },
        ])
    }
    findings.tables = [table]
    findings.charts = [finals(scale, results), choices(scale, results)]
    findings.remarks = [
      "Learning rates are chosen on validation by one run each, of a seed of its own.",
      "Lion has a tenth of the learning rates that stand in the chart, and ten times the decay.",
      "rsqrt: an eighth of the steps is its timescale, and in the last fifth it falls to 0.",
    ]
    func difference(_ a: String, _ b: String) -> SeedValues {
      guard let a = scores[a], let b = scores[b] else { return SeedValues([]) }
      return a - b
    }
    findings.verdicts = [
      Verdict("AdamW and AdaFactor are equal", isZero: difference("AdamW", "AdaFactor"), within: 1),
      Verdict("Lion is equal to AdamW", isZero: difference("Lion", "AdamW"), within: 1),
      Verdict("cosine and linear are equal", isZero: difference("cosine", "linear"), within: 1),
      Verdict("cosine is better than rsqrt", isPositive: difference("cosine", "rsqrt")),
    ]
    return findings
  }

  /// All ways, the first schedule aside, which is the first optimizer's.
  private var ways: [Way] { optimizers + schedules.dropFirst() }

  /// What all come to, each at its own learning rate.
  private func finals(
    _ scale: StudyScale, _ results: RunResults
  ) -> (name: String, chart: ErrorBarChart) {
    func series(_ name: String, _ measure: (RunResult) -> Double?) -> ErrorBarChart.Series {
      let points = ways.enumerated().compactMap { place, way in
        results.best(of: candidates(way, scale)).flatMap {
          results.values(of: $0, scale, measure).point(x: Double(place))
        }
      }
      return .init(name, points, isJoined: false)
    }
    return (
      "optimizers",
      ErrorBarChart(
        title: "Optimizers with a cosine, and schedules of AdamW", x: "each at its own learning rate",
        y: "R@1, %", series: [series("validation", \.validationR1), series("held out", \.heldOutR1)],
        marks: ways.enumerated().map { .init(Double($0), $1.name) })
    )
  }

  /// What the choice of learning rates has seen.
  private func choices(
    _ scale: StudyScale, _ results: RunResults
  ) -> (name: String, chart: ErrorBarChart) {
    let series = ways.map { way in
      ErrorBarChart.Series(
        way.name,
        rates(scale).compactMap { rate in
          let run = scale.tuningRun("", configuration(way, rate: rate, scale))
          return results[run.configuration]?.validationR1.map { .init(x: Double(rate), value: $0) }
        })
    }
    return (
      "learning-rates",
      ErrorBarChart(
        title: "Choice of the learning rate, one run each", x: "learning rate", y: "validation R@1, %",
        series: series, marks: rates(scale).map { .init(Double($0), "\($0)") }, hasRatios: true)
    )
  }
}
