import Foundation
import SigLIPModel

/// Study 5: images, texts and alignments that are noise.
struct LabelNoise: Study {
  let name = "label-noise"
  let question = "Which loss bears more noise in images, texts and their alignment?"
  let claim = """
    Trained with images, texts, alignments, both or all of them spoiled, the sigmoid loss stays at or above softmax at \
    every share of noise (shown as a plot).
    """

  private enum Kind: String, CaseIterable {
    case image, text, alignment, both, all

    func noise(_ share: Double) -> NoiseConfiguration {
      var noise = NoiseConfiguration()
      if self != .text && self != .alignment { noise.images = share }
      if self != .image && self != .alignment { noise.texts = share }
      if self == .alignment || self == .all { noise.alignments = share }
      return noise
    }
  }

  private let losses = [PairObjective.sigmoid, .softmax]

  private func shares(_ scale: StudyScale) -> [Double] { scale.of([0.1, 0.25, 0.5], quick: [0.5]) }

  private func batchSize(_ scale: StudyScale) -> Int { scale.of(512, quick: 256) }

  private func clean(
    _ loss: PairObjective, learningRate: Float, multiplier: Float, _ scale: StudyScale
  ) -> TrainingConfiguration {
    var configuration = scale.emoji(
      batchSize: batchSize(scale), examples: scale.of(81_920, quick: 4096))
    configuration.loss.kind = loss
    configuration.optimizer.learningRate = learningRate
    configuration.optimizer.logitLearningRateMultiplier = multiplier
    return configuration
  }

  private func noisy(
    _ clean: TrainingConfiguration, _ kind: Kind, _ share: Double
  ) -> TrainingConfiguration {
    var configuration = clean
    configuration.noise = share == 0 ? nil : kind.noise(share)
    return configuration
  }

  /// The candidates for a loss's recipe, without noise.
  private func candidates(
    _ loss: PairObjective, _ scale: StudyScale
  ) -> [TrainingConfiguration] {
    let rates: [Float] = scale.of([1e-3, 3e-3, 1e-2], quick: [3e-3])
    let multipliers: [Float] = scale.of([1, 10], quick: [10])
    return rates.flatMap { rate in
      multipliers.map { clean(loss, learningRate: rate, multiplier: $0, scale) }
    }
  }

  func runs(_ scale: StudyScale, after results: RunResults) -> [StudyRun] {
    losses.flatMap { loss in
      let candidates = candidates(loss, scale)
      var runs = candidates.map { scale.tuningRun("\(loss.rawValue), \(recipe($0))", $0) }
      guard let best = results.best(of: candidates) else { return runs }
      runs += scale.runs("\(loss.rawValue), no noise", best)
      for kind in Kind.allCases {
        for share in shares(scale) {
          runs += scale.runs("\(loss.rawValue), \(kind.rawValue) \(share)", noisy(best, kind, share))
        }
      }
      return runs
    }
  }

  private func recipe(_ configuration: TrainingConfiguration) -> String {
    let optimizer = configuration.optimizer
    let multiplier = Int(optimizer.logitLearningRateMultiplier)
    return "learning rate \(optimizer.learningRate), of b and t' x\(multiplier)"
  }

  func findings(_ scale: StudyScale, of results: RunResults) -> Findings {
    var findings = Findings()
    let best = losses.compactMap { results.best(of: candidates($0, scale)) }
    guard best.count == losses.count else { return findings }
    for (loss, best) in zip(losses, best) {
      findings.remarks.append("\(loss.rawValue): \(recipe(best)), the best on validation without noise.")
    }
    var table = StudyTable(
      name: "table",
      title: "Batches of \(batchSize(scale)), \(best[0].steps) steps; R@1 in percent",
      columns: ["noise", "share"],
      measures: [
        .init(name: "sigmoid, validation"), .init(name: "softmax, validation"), .init(name: "difference"),
        .init(name: "sigmoid, held out"), .init(name: "softmax, held out"),
      ])
    func values(
      _ loss: Int, _ kind: Kind, _ share: Double, _ measure: (RunResult) -> Double?
    ) -> SeedValues {
      results.values(of: noisy(best[loss], kind, share), scale, measure)
    }
    func add(_ name: String, _ kind: Kind, _ share: Double) {
      let validation = losses.indices.map { values($0, kind, share, \.validationR1) }
      let heldOut = losses.indices.map { values($0, kind, share, \.heldOutR1) }
      table.add([name, "\(share)"], validation + [validation[0] - validation[1]] + heldOut)
    }
    add("none", .image, 0)
    for kind in Kind.allCases { for share in shares(scale) { add(kind.rawValue, kind, share) } }
    findings.tables = [table]

    var differences: [SeedValues] = []
    for kind in Kind.allCases {
      let places = [0] + shares(scale)
      findings.charts.append(
        (
          "label-noise-\(kind.rawValue)",
          ErrorBarChart(
            title: "Noise: \(kind.rawValue)", x: "share of noise", y: "validation R@1, %",
            series: losses.enumerated().map { index, loss in
              .init(
                loss.rawValue,
                places.compactMap { values(index, kind, $0, \.validationR1).point(x: $0) })
            }, marks: places.map { .init($0, "\($0)") })
        ))
      let difference = SeedValues.mean(
        shares(scale).map {
          values(0, kind, $0, \.validationR1) - values(1, kind, $0, \.validationR1)
        })
      differences.append(difference)
      findings.verdicts.append(
        Verdict(
          "sigmoid is above softmax with noise in \(kind.rawValue), the mean over shares",
          isPositive: difference))
    }
    findings.verdicts.insert(
      Verdict(
        "sigmoid is above softmax with noise, the mean over kinds and shares",
        isPositive: .mean(differences)), at: 0)
    // Whether noise itself changes the order, beyond what the losses differ by without any.
    let without = values(0, .image, 0, \.validationR1) - values(1, .image, 0, \.validationR1)
    findings.verdicts.append(
      Verdict(
        "noise moves the comparison towards sigmoid, against the losses without noise",
        isPositive: .mean(differences) - without))
    return findings
  }
}
