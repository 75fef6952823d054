import Foundation
import SigLIPModel

/// Study 6: what becomes of a pretrained image tower.
struct PretrainedTower: Study {
  let name = "pretrained-tower"
  let question = "Is a pretrained image tower best locked, unlocked with or without decay, or left out?"
  let claim = """
    A pretrained tower ramps up faster than one from scratch; unlocked, with a tenth of the learning rate, it has to go \
    without weight decay to be stable and good (plots).
    """

  private struct Way {
    let name: String
    var training = TowerConfiguration.Training.all
    var multiplier: Float = 0.1
    var decay = Decay.none
    var isRandom = false
  }

  /// How the tower's weights decay.
  private enum Decay {
    case none
    /// As others do: in so few steps next to nothing.
    case own
    /// In the whole run as much as in 50,000 steps of the paper's, in which a decay of 1e-4 is not multiplied by the
    /// learning rate.
    case long
  }

  private let ways = [
    Way(name: "locked", training: .locked),
    Way(name: "unlocked x0.1, no decay"),
    Way(name: "unlocked x0.1, decay", decay: .own),
    Way(name: "unlocked x0.1, decay of 50,000 steps", decay: .long),
    Way(name: "unlocked x1, no decay", multiplier: 1),
    Way(name: "from scratch", multiplier: 1, decay: .own, isRandom: true),
  ]

  private func configuration(_ way: Way, rate: Float, _ scale: StudyScale) -> TrainingConfiguration {
    var configuration = scale.emoji(batchSize: 64, examples: scale.of(8192, quick: 256))
    // The tower sees an image for each caption: one language, in which images come again soon.
    configuration.data = configuration.data.inEnglish
    configuration.evaluation.data = configuration.evaluation.data?.inEnglish
    configuration.evaluation.heldOut = configuration.evaluation.heldOut?.inEnglish
    configuration.evaluation.every = max(configuration.steps / scale.of(8, quick: 2), 1)

    configuration.model.image?.imageSize = scale.of(48, quick: 32)
    configuration.model.image?.randomWeights = way.isRandom
    configuration.towers.image.training = way.training
    configuration.towers.image.learningRateMultiplier = way.multiplier
    configuration.towers.image.decays = way.decay != .none
    configuration.optimizer.learningRate = rate
    configuration.optimizer.logitLearningRateMultiplier = 10
    if way.decay == .long {
      // Both are sums over a schedule that falls from 1 to 0, half of the steps.
      let rates = rate * way.multiplier * configuration.optimizer.weightDecay * Float(configuration.steps)
      configuration.optimizer.groups.append(
        .init(pattern: #"image\.tower\..*"#, weightDecayMultiplier: 50_000 * 1e-4 / rates))
    }
    return configuration
  }

  private func candidates(_ way: Way, _ scale: StudyScale) -> [TrainingConfiguration] {
    let rates: [Float] = scale.of([1e-3, 3e-3], quick: [3e-3])
    return rates.map { configuration(way, rate: $0, scale) }
  }

  func runs(_ scale: StudyScale, after results: RunResults) -> [StudyRun] {
    ways.flatMap { scale.runs($0.name, choosingAmong: candidates($0, scale), after: results) }
  }

  func findings(_ scale: StudyScale, of results: RunResults) -> Findings {
    var findings = Findings()
    let size = scale.of(48, quick: 32)
    var table = StudyTable(
      name: "table", title: "English names, images of \(size) x \(size) pixels; R@1 in percent",
      columns: ["tower", "learning rate"],
      measures: [
        .init(name: "validation, half way"), .init(name: "validation"), .init(name: "held out"),
        .init(name: "R@10 on validation"), .init(name: "last loss", digits: 3),
      ])
    var series: [ErrorBarChart.Series] = []
    var scores: [String: SeedValues] = [:]
    var halfWay: [String: SeedValues] = [:]
    for way in ways {
      guard let best = results.best(of: candidates(way, scale)) else { continue }
      func values(_ measure: (RunResult) -> Double?) -> SeedValues {
        results.values(of: best, scale, measure)
      }
      let every = best.evaluation.every ?? best.steps
      let steps = Array(stride(from: every, through: best.steps, by: every))
      let curve = steps.map { step in values { $0.validationR1(at: step) } }
      series.append(
        .init(way.name, zip(steps, curve).compactMap { step, values in values.point(x: Double(step)) }))
      scores[way.name] = values(\.validationR1)
      halfWay[way.name] = curve.isEmpty ? SeedValues([]) : curve[(curve.count - 1) / 2]
      table.add(
        [way.name, "\(best.optimizer.learningRate)"],
        [
          halfWay[way.name]!, scores[way.name]!, values(\.heldOutR1), values(\.validationR10),
          values { $0.last("loss") },
        ])
    }
    findings.tables = [table]
    findings.charts = [
      (
        "pretrained-tower",
        ErrorBarChart(
          title: "A pretrained image tower", x: "step", y: "validation R@1, %", series: series)
      )
    ]
    findings.remarks = [
      "The tower is an EfficientNet-Lite0 with its normalisations folded into the convolutions, from scratch too.",
      "Learning rates are chosen on validation by one run each, of a seed of its own.",
    ]
    func difference(_ a: String, _ b: String, of values: [String: SeedValues]) -> SeedValues {
      guard let a = values[a], let b = values[b] else { return SeedValues([]) }
      return a - b
    }
    let none = "unlocked x0.1, no decay"
    findings.verdicts = [
      Verdict(
        "a pretrained tower is ahead of one from scratch half way",
        isPositive: difference(none, "from scratch", of: halfWay)),
      Verdict(
        "without decay it is better than with the decay of 50,000 steps",
        isPositive: difference(none, "unlocked x0.1, decay of 50,000 steps", of: scores)),
      Verdict(
        "without decay it is better than with the decay of these few steps",
        isPositive: difference(none, "unlocked x0.1, decay", of: scores)),
      Verdict("unlocked is better than locked", isPositive: difference(none, "locked", of: scores)),
      Verdict(
        "a tenth of the learning rate is better than the whole",
        isPositive: difference(none, "unlocked x1, no decay", of: scores)),
    ]
    return findings
  }
}

extension DataConfiguration {
  /// The English captions.
  fileprivate var inEnglish: DataConfiguration {
    DataConfiguration(
      sources.map { source in
        var source = source
        source.languages = ["en"]
        return source
      })
  }
}

extension RunResult {
  /// Percent R@1 on validation at a step, the mean of both directions.
  fileprivate func validationR1(at step: Int) -> Double? {
    if divergence != nil { return 0 }
    guard let numbers = metrics.last(where: { $0.step == step })?.numbers,
      let images = numbers["validation/image to text R@1"],
      let texts = numbers["validation/text to image R@1"]
    else { return nil }
    return 50 * (images + texts)
  }

  /// Percent R@10 on validation, the mean of both directions.
  fileprivate var validationR10: Double? {
    if divergence != nil { return 0 }
    return validation.map { 50 * ($0.retrieval.imageToText.r10 + $0.retrieval.textToImage.r10) }
  }
}
