import Foundation
import SigLIPModel

/// Study 2: the bias and the temperature that the sigmoid loss begins with.
struct InitialBias: Study {
  let name = "initial-bias"
  let question = "Which initial bias b and temperature t = exp(t') does the sigmoid loss need?"
  let claim = """
    b = -10 with t' = log 10 is best (ImageNet 63.0); without a bias 62.0; b = 0 with t' = log 10 61.7; b = -10 with \
    t' = log 1 61.0; b = 0 with t' = log 1 fails (53.7). 32k and 8k captions a batch, and -10 is about -log(negatives).
    """

  private struct Start {
    let name: String
    /// nil for no bias at all.
    let bias: Float?
    let temperature: Float
  }

  private func starts(_ scale: StudyScale) -> [Start] {
    let own = -log(Float(batchSize(scale) - 1))
    return [
      Start(name: "none, log 10", bias: nil, temperature: 10),
      Start(name: "-10, log 10", bias: -10, temperature: 10),
      Start(name: "-10, log 1", bias: -10, temperature: 1),
      Start(name: "0, log 10", bias: 0, temperature: 10),
      Start(name: "0, log 1", bias: 0, temperature: 1),
      Start(name: "-log(n - 1), log 10", bias: own, temperature: 10),
    ]
  }

  private func batchSize(_ scale: StudyScale) -> Int { scale.of(1024, quick: 256) }

  /// How much faster b and t' learn than weights: as in the paper, and as short runs need it.
  private let multipliers: [Float] = [1, 10]

  private func configuration(
    _ start: Start, _ multiplier: Float, learningRate: Float, _ scale: StudyScale
  ) -> TrainingConfiguration {
    var configuration = scale.emoji(
      batchSize: batchSize(scale), examples: scale.of(131_072, quick: 4096))
    configuration.loss.bias = start.bias ?? 0
    configuration.loss.temperature = start.temperature
    configuration.optimizer.learningRate = learningRate
    configuration.optimizer.logitLearningRateMultiplier = multiplier
    if start.bias == nil {
      configuration.optimizer.groups.append(.init(pattern: "logitBias", isFrozen: true))
    }
    return configuration
  }

  /// The candidates for the learning rate, each with the paper's start.
  private func candidates(_ scale: StudyScale) -> [TrainingConfiguration] {
    let rates: [Float] = scale.of([2e-3, 5e-3, 1e-2], quick: [5e-3])
    return rates.map { configuration(starts(scale)[1], 1, learningRate: $0, scale) }
  }

  func runs(_ scale: StudyScale, after results: RunResults) -> [StudyRun] {
    let candidates = candidates(scale)
    let choosing = candidates.map { scale.tuningRun("learning rate \($0.optimizer.learningRate)", $0) }
    guard let best = results.best(of: candidates) else { return choosing }
    return choosing
      + multipliers.flatMap { multiplier in
        starts(scale).flatMap { start in
          scale.runs(
            "b, t' = \(start.name), x\(Int(multiplier))",
            configuration(start, multiplier, learningRate: best.optimizer.learningRate, scale))
        }
      }
  }

  func findings(_ scale: StudyScale, of results: RunResults) -> Findings {
    var findings = Findings()
    guard let best = results.best(of: candidates(scale)) else { return findings }
    let rate = best.optimizer.learningRate
    findings.remarks.append("Learning rate \(rate), the best for b = -10 and t' = log 10 on validation.")
    var table = StudyTable(
      name: "table", title: "Batches of \(batchSize(scale)), \(best.steps) steps; R@1 in percent",
      columns: ["b, t'", "learning rate of b and t'"],
      measures: [
        .init(name: "validation"), .init(name: "held out"), .init(name: "first loss", digits: 2),
        .init(name: "b in the end", digits: 2), .init(name: "t in the end", digits: 2),
      ])
    var scores: [Float: [String: SeedValues]] = [:]
    for multiplier in multipliers {
      for start in starts(scale) {
        let configuration = configuration(start, multiplier, learningRate: rate, scale)
        func values(_ measure: (RunResult) -> Double?) -> SeedValues {
          results.values(of: configuration, scale, measure)
        }
        let validation = values(\.validationR1)
        scores[multiplier, default: [:]][start.name] = validation
        table.add(
          [start.name, "x\(Int(multiplier))"],
          [
            validation, values(\.heldOutR1), values { $0.metrics.first?.numbers["loss"] },
            values { $0.last("bias") }, values { $0.last("temperature") },
          ])
      }
    }
    findings.tables = [table]
    let names = starts(scale).map(\.name)
    findings.charts = [
      (
        "initial-bias",
        ErrorBarChart(
          title: "Initial bias and temperature", x: "b, t'", y: "validation R@1, %",
          series: multipliers.map { multiplier in
            .init(
              "b and t' learn x\(Int(multiplier))",
              names.enumerated().compactMap { scores[multiplier]![$0.element]!.point(x: Double($0.offset)) },
              isJoined: false)
          }, marks: names.enumerated().map { .init(Double($0.offset), $0.element) })
      )
    ]
    func difference(_ a: String, _ b: String, _ multiplier: Float) -> SeedValues {
      scores[multiplier]![a]! - scores[multiplier]![b]!
    }
    findings.verdicts = [
      Verdict(
        "b = -10 is better than b = 0 at t' = log 10",
        isPositive: difference("-10, log 10", "0, log 10", 1)),
      Verdict(
        "b = -10 with t' = log 10 is better than without a bias",
        isPositive: difference("-10, log 10", "none, log 10", 1)),
      Verdict(
        "t' = log 10 is better than log 1 at b = -10", isPositive: difference("-10, log 10", "-10, log 1", 1)),
      Verdict(
        "b = 0 with t' = log 1 is worse than b = -10 with t' = log 10",
        isPositive: difference("-10, log 10", "0, log 1", 1)),
      Verdict(
        "b = -log(negatives) is at least as good as b = -10",
        isPositive: difference("-log(n - 1), log 10", "-10, log 10", 1)),
      Verdict(
        "b and t' that learn ten times faster make up for b = 0 (against b = -10)",
        isZero: difference("0, log 10", "-10, log 10", 10), within: 1),
    ]
    return findings
  }
}
