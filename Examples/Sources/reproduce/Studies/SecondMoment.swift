import Foundation
import SigLIPModel

/// Study 4: how long the optimizer remembers squares of gradients.
struct SecondMoment: Study {
  let name = "beta2"
  let question = "Do large batches need beta2 = 0.95 in place of 0.999?"
  let claim = """
    With batches of 32k and beta2 = 0.999 the loss has spikes, at which gradients are large; 0.95 makes training stable \
    (plots of Adam and AdaFactor).
    """

  private let values: [Float] = [0.95, 0.999]
  private let kinds: [OptimizerConfiguration.Kind] = [.adamw, .adafactor]

  private func rates(_ scale: StudyScale) -> [Float] { scale.of([5e-3, 1e-2, 2e-2], quick: [1e-2]) }

  private func configuration(
    _ kind: OptimizerConfiguration.Kind, _ beta2: Float, _ rate: Float, _ scale: StudyScale
  ) -> TrainingConfiguration {
    // AdaFactor's beta2 rises from 0, and comes to 0.95 after 42 steps.
    var configuration = scale.emoji(
      batchSize: scale.of(2048, quick: 128), examples: scale.of(524_288, quick: 8192))
    configuration.optimizer.kind = kind
    configuration.optimizer.beta2 = beta2
    configuration.optimizer.learningRate = rate
    configuration.optimizer.logitLearningRateMultiplier = 10
    configuration.metrics.every = 1
    return configuration
  }

  private func cells(_ scale: StudyScale) -> [(kind: OptimizerConfiguration.Kind, beta2: Float, rate: Float)]
  {
    kinds.flatMap { kind in
      rates(scale).flatMap { rate in values.map { (kind: kind, beta2: $0, rate: rate) } }
    }
  }

  func runs(_ scale: StudyScale, after results: RunResults) -> [StudyRun] {
    cells(scale).flatMap { cell in
      scale.runs(
        "\(cell.kind.rawValue), beta2 \(cell.beta2), learning rate \(cell.rate)",
        configuration(cell.kind, cell.beta2, cell.rate, scale))
    }
  }

  func findings(_ scale: StudyScale, of results: RunResults) -> Findings {
    var findings = Findings()
    let whole = configuration(.adamw, 0.95, 1e-2, scale)
    var table = StudyTable(
      name: "table", title: "Batches of \(whole.batchSize), \(whole.steps) steps; R@1 in percent",
      columns: ["optimizer", "learning rate", "beta2"],
      measures: [
        .init(name: "validation"), .init(name: "held out"), .init(name: "last loss", digits: 3),
        .init(name: "largest rise of the loss", digits: 3), .init(name: "largest gradient norm", digits: 2),
      ])
    var (scores, rises): ([String: SeedValues], [String: SeedValues]) = ([:], [:])
    func key(_ kind: OptimizerConfiguration.Kind, _ beta2: Float, _ rate: Float) -> String {
      "\(kind.rawValue) \(beta2) \(rate)"
    }
    for cell in cells(scale) {
      let configuration = configuration(cell.kind, cell.beta2, cell.rate, scale)
      func values(_ measure: (RunResult) -> Double?) -> SeedValues {
        results.values(of: configuration, scale, measure)
      }
      let (score, rise) = (values(\.validationR1), values(\.largestRise))
      scores[key(cell.kind, cell.beta2, cell.rate)] = score
      rises[key(cell.kind, cell.beta2, cell.rate)] = rise
      table.add(
        [cell.kind.rawValue, "\(cell.rate)", "\(cell.beta2)"],
        [
          score, values(\.heldOutR1), values { $0.last("loss") }, rise,
          values { result in
            result.metrics.dropFirst(result.metrics.count / 10).compactMap { $0.numbers["gradient norm"] }
              .max()
          },
        ])
    }
    findings.tables = [table]
    findings.remarks = [
      "The rise is that above the lowest loss so far, behind the first tenth of the steps; so is the gradient norm, which is that before clipping to 1."
    ]
    let rate = rates(scale).last!
    for (name, title) in [("loss", "Loss"), ("gradient norm", "Gradient norm")] {
      let series = kinds.flatMap { kind in
        values.map { beta2 in
          let result = results[configuration(kind, beta2, rate, scale).with(seed: scale.seeds[0])]
          return ErrorBarChart.Series(
            "\(kind.rawValue), beta2 \(beta2)",
            (result?.metrics ?? []).compactMap { metrics in
              metrics.numbers[name].map { .init(x: Double(metrics.step), value: $0) }
            })
        }
      }
      findings.charts.append(
        (
          name.replacing(" ", with: "-"),
          ErrorBarChart(
            title: "\(title) at the learning rate \(rate), seed \(scale.seeds[0])", x: "step", y: name,
            series: series)
        ))
    }
    findings.charts.append(
      (
        "r1",
        ErrorBarChart(
          title: "Quality by the learning rate", x: "learning rate", y: "validation R@1, %",
          series: kinds.flatMap { kind in
            values.map { beta2 in
              .init(
                "\(kind.rawValue), beta2 \(beta2)",
                rates(scale).compactMap { scores[key(kind, beta2, $0)]!.point(x: Double($0)) })
            }
          }, marks: rates(scale).map { .init(Double($0), "\($0)") }, hasRatios: true)
      ))
    for kind in kinds {
      findings.verdicts += [
        Verdict(
          "\(kind.rawValue): 0.95 is better than 0.999 at the learning rate \(rate)",
          isPositive: scores[key(kind, 0.95, rate)]! - scores[key(kind, 0.999, rate)]!),
        Verdict(
          "\(kind.rawValue): the loss rises more with 0.999 at the learning rate \(rate)",
          isPositive: rises[key(kind, 0.999, rate)]! - rises[key(kind, 0.95, rate)]!, unit: "of loss",
          digits: 3),
      ]
    }
    return findings
  }
}

extension RunResult {
  /// How much the loss rises at most above the lowest before, behind the first tenth of the steps.
  fileprivate var largestRise: Double? {
    let losses = metrics.compactMap { $0.numbers["loss"] }
    if losses.isEmpty { return nil }
    var (lowest, rise) = (Double.infinity, 0.0)
    for (place, loss) in losses.enumerated() {
      if place * 10 >= losses.count { rise = max(rise, loss - lowest) }
      lowest = min(lowest, loss)
    }
    return rise
  }
}
