import Foundation
import SigLIPModel

/// Study 3: which negatives the sigmoid loss needs.
struct Negatives: Study {
  let name = "negatives"
  let question = "What happens when most negatives of each image are left out of the sigmoid loss?"
  let claim = """
    Leaving them out at random costs quality, keeping the easiest fails, and keeping the hardest about preserves it; the \
    learned bias rises as negatives become fewer (plots). Trained until as many pairs are seen, the hardest do best.
    """

  private let kinds: [NegativesConfiguration.Kind] = [.random, .hardest, .easiest]

  /// Shares that stay.
  private let shares = [0.25, 0.0625, 0.015625]

  private func batchSize(_ scale: StudyScale) -> Int { scale.of(512, quick: 128) }

  /// The smallest share for which training goes on until as many pairs are seen.
  private func matchedShares(_ scale: StudyScale) -> [Double] { scale.of([0.25, 0.0625], quick: [0.25]) }

  /// - Parameter isMatched: Whether it is trained until as many pairs are seen as without a choice.
  private func configuration(
    _ negatives: NegativesConfiguration?, isMatched: Bool = false, learningRate: Float, _ scale: StudyScale
  ) -> TrainingConfiguration {
    let examples = scale.of(65_536, quick: 2048)
    var configuration = scale.emoji(
      batchSize: batchSize(scale),
      examples: isMatched ? Int(Double(examples) / (negatives?.share ?? 1)) : examples)
    configuration.loss.negatives = negatives
    configuration.optimizer.learningRate = learningRate
    configuration.optimizer.logitLearningRateMultiplier = 10
    return configuration
  }

  private func candidates(_ scale: StudyScale) -> [TrainingConfiguration] {
    let rates: [Float] = scale.of([2e-3, 5e-3, 1e-2], quick: [5e-3])
    return rates.map { configuration(nil, learningRate: $0, scale) }
  }

  private struct Cell {
    let negatives: NegativesConfiguration?
    let isMatched: Bool

    var name: String {
      guard let negatives else { return "all" }
      return "\(negatives.kind.rawValue) 1/\(Int(1 / negatives.share))\(isMatched ? ", as many pairs" : "")"
    }
  }

  private func cells(_ scale: StudyScale) -> [Cell] {
    var cells = [Cell(negatives: nil, isMatched: false)]
    for isMatched in [false, true] {
      for kind in kinds {
        for share in isMatched ? matchedShares(scale) : shares {
          cells.append(Cell(negatives: NegativesConfiguration(kind, share: share), isMatched: isMatched))
        }
      }
    }
    return cells
  }

  func runs(_ scale: StudyScale, after results: RunResults) -> [StudyRun] {
    let candidates = candidates(scale)
    let choosing = candidates.map { scale.tuningRun("learning rate \($0.optimizer.learningRate)", $0) }
    guard let rate = results.best(of: candidates)?.optimizer.learningRate else { return choosing }
    return choosing
      + cells(scale).flatMap { cell in
        scale.runs(
          cell.name,
          configuration(cell.negatives, isMatched: cell.isMatched, learningRate: rate, scale))
      }
  }

  func findings(_ scale: StudyScale, of results: RunResults) -> Findings {
    var findings = Findings()
    guard let rate = results.best(of: candidates(scale))?.optimizer.learningRate else { return findings }
    findings.remarks.append(
      "Learning rate \(rate), the best with all negatives on validation; b begins at -log(\(batchSize(scale) - 1)) for all."
    )
    var table = StudyTable(
      name: "table", title: "Batches of \(batchSize(scale)); R@1 in percent",
      columns: ["negatives", "steps"],
      measures: [
        .init(name: "validation"), .init(name: "held out"), .init(name: "b in the end", digits: 2),
        .init(name: "t in the end", digits: 2),
      ])
    var (scores, biases): ([String: SeedValues], [String: SeedValues]) = ([:], [:])
    for cell in cells(scale) {
      let configuration = configuration(
        cell.negatives, isMatched: cell.isMatched, learningRate: rate, scale)
      func values(_ measure: (RunResult) -> Double?) -> SeedValues {
        results.values(of: configuration, scale, measure)
      }
      let (score, bias) = (values(\.validationR1), values { $0.last("bias") })
      (scores[cell.name], biases[cell.name]) = (score, bias)
      table.add(
        [cell.name, "\(configuration.steps)"],
        [score, values(\.heldOutR1), bias, values { $0.last("temperature") }])
    }
    findings.tables = [table]
    findings.charts = [
      ("r1", chart("Quality by the negatives that stay", "validation R@1, %", scores, scale)),
      ("bias", chart("The bias that is learned", "b in the end", biases, scale)),
    ]
    let small = "1/\(Int(1 / shares[1]))"
    func difference(_ a: String, _ b: String, _ values: [String: SeedValues]) -> SeedValues {
      values[a]! - values[b]!
    }
    findings.verdicts = [
      Verdict(
        "all negatives are better than \(small) of them at random",
        isPositive: difference("all", "random \(small)", scores)),
      Verdict(
        "the hardest \(small) preserve the quality of all",
        isZero: difference("hardest \(small)", "all", scores), within: 3),
      Verdict(
        "the easiest \(small) are worse than as many at random",
        isPositive: difference("random \(small)", "easiest \(small)", scores)),
      Verdict(
        "the learned bias is higher with \(small) at random than with all",
        isPositive: difference("random \(small)", "all", biases), unit: "in b", digits: 2),
      Verdict(
        "after as many pairs, the hardest quarter is better than all",
        isPositive: difference("hardest 1/4, as many pairs", "all", scores)),
    ]
    return findings
  }

  private func chart(
    _ title: String, _ y: String, _ values: [String: SeedValues], _ scale: StudyScale
  ) -> ErrorBarChart {
    let all = values["all"]!
    let series = [false, true].flatMap { isMatched in
      kinds.map { kind in
        let points = (isMatched ? matchedShares(scale) : shares).reversed().compactMap { share in
          values[Cell(negatives: .init(kind, share: share), isMatched: isMatched).name]!.point(x: share)
        }
        return ErrorBarChart.Series(
          "\(kind.rawValue)\(isMatched ? ", as many pairs" : "")",
          points + [all.point(x: 1)].compactMap { $0 })
      }
    }
    return ErrorBarChart(
      title: title, x: "share of the negatives", y: y, series: series,
      marks: shares.map { .init($0, "1/\(Int(1 / $0))") } + [.init(1, "all")], hasRatios: true)
  }
}
