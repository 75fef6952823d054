import CommandSupport
import Foundation
import SigLIPModel
import Testing

@testable import reproduce

/// Studies 5 to 8, beside results that are made up: what runs they ask for, and what they find.
@Suite struct StudyFindingsTests {
  static let studies: [any Study] = [LabelNoise(), PretrainedTower(), Multilingual(), Optimizers()]
  private let scale = StudyScale(seeds: [1, 2, 3], isQuick: false, data: "no data", features: "features")

  /// Runs a study to its end, its results made up of a score in percent for each configuration and language.
  private func perform(
    _ study: any Study, quick: Bool = false, _ score: (TrainingConfiguration, String) -> Double
  ) throws -> (runs: [StudyRun], findings: Findings) {
    var scale = scale
    scale.isQuick = quick
    var results = RunResults()
    while true {
      let runs = study.runs(scale, after: results)
      let missing = runs.filter { results[$0.configuration] == nil }
      if missing.isEmpty { return (runs, study.findings(scale, of: results)) }
      for run in missing { results[run.configuration] = try result(run.configuration, score) }
    }
  }

  private func result(
    _ configuration: TrainingConfiguration, _ score: (TrainingConfiguration, String) -> Double
  ) throws -> RunResult {
    func retrieval(_ language: String) -> String {
      // Seeds differ a little, all configurations alike.
      let r1 = score(configuration, language) / 100 + 1e-3 * Double(configuration.seed % 7)
      let recall = "{\"r1\": \(r1), \"r5\": 0.9, \"r10\": 0.95}"
      return
        "{\"image_to_text\": \(recall), \"text_to_image\": \(recall), \"candidates\": 50, \"queries\": 50}"
    }
    let languages = "en de fr es pt it nl pl cs ru uk tr el ar he fa hi bn th vi id zh ja ko".split(
      separator: " ")
    let json =
      "{\"retrieval\": \(retrieval("")), \"languages\": {"
      + languages.map { "\"\($0)\": \(retrieval(String($0)))" }.joined(separator: ", ") + "}}"
    let evaluation = try JSONDecoder().decode(RetrievalEvaluation.self, from: Data(json.utf8))
    let metrics = (1...configuration.steps).map { step in
      let r1 = score(configuration, "") / 100 * Double(step) / Double(configuration.steps)
      return StepMetrics(
        step: step,
        numbers: [
          "loss": 1 / Double(step), "validation/image to text R@1": r1, "validation/text to image R@1": r1,
        ])
    }
    return RunResult(
      id: "id", validation: evaluation,
      heldOut: configuration.evaluation.heldOut == nil ? nil : evaluation, metrics: metrics)
  }

  @Test(arguments: [false, true])
  func runsCanBeMadeAndFillEveryTableAndChart(quick: Bool) throws {
    for study in Self.studies {
      let (runs, findings) = try perform(study, quick: quick) { _, _ in 50 }
      for run in runs {
        _ = try run.configuration.checked()
        // What chooses sees nothing held out, and no seed that is reported.
        let isChoosing = run.name.hasPrefix("choosing: ")
        #expect((run.configuration.evaluation.heldOut == nil) == isChoosing, "\(run.name)")
        #expect(scale.seeds.contains(run.configuration.seed) == !isChoosing, "\(run.name)")
      }
      #expect(Set(runs.map(\.name)).count == runs.count, "\(study.name)")
      #expect(!findings.tables.isEmpty && !findings.charts.isEmpty && !findings.verdicts.isEmpty)
      for table in findings.tables {
        #expect(!table.rows.isEmpty)
        for row in table.rows {
          #expect(row.texts.count == table.columns.count && row.numbers.count == table.measures.count)
          #expect(row.numbers.allSatisfy { $0.count == 3 }, "\(study.name): \(table.name), \(row.texts)")
        }
      }
      for (name, chart) in findings.charts {
        #expect(chart.series.allSatisfy { !$0.points.isEmpty }, "\(name)")
      }
      #expect(findings.verdicts.allSatisfy { $0.outcome != .undecided }, "\(study.name)")
    }
  }

  @Test func withoutResultsNothingIsSaid() {
    for study in Self.studies {
      let findings = study.findings(scale, of: RunResults())
      #expect(findings.verdicts.allSatisfy { $0.outcome == .undecided }, "\(study.name)")
    }
  }

  private func outcomes(
    _ study: any Study, _ score: (TrainingConfiguration, String) -> Double
  ) throws -> [String] {
    try perform(study, score).findings.verdicts.map { $0.outcome.rawValue }
  }

  @Test func lossesAreComparedAtEachNoise() throws {
    // Noise in texts costs softmax more; elsewhere both are alike.
    let found = try perform(LabelNoise()) { configuration, _ in
      let isSoftmax = configuration.loss.kind == .softmax
      let noise = configuration.noise?.texts ?? 0
      return 80 - 20 * noise * (isSoftmax ? 2 : 1) - 1000
        * Double(abs(configuration.optimizer.learningRate - 1e-2))
    }.findings
    let outcomes = Dictionary(
      uniqueKeysWithValues: found.verdicts.map { ($0.claim, $0.outcome) })
    #expect(found.verdicts.first?.outcome == .holds)
    for (kind, outcome) in [
      ("image", Verdict.Outcome.noise), ("text", .holds), ("alignment", .noise), ("both", .holds),
      ("all", .holds),
    ] {
      #expect(
        outcomes["sigmoid is above softmax with noise in \(kind), the mean over shares"] == outcome, "\(kind)"
      )
    }
    #expect(found.remarks.first?.hasPrefix("sigmoid: learning rate 0.01, of b and t' x1") ?? false)
  }

  @Test func towersAreToldApart() throws {
    let found = try outcomes(PretrainedTower()) { configuration, _ in
      let tower = configuration.towers.image
      if configuration.model.image?.randomWeights == true { return 10 }
      if tower.training == .locked { return 40 }
      if tower.learningRateMultiplier == 1 { return 30 }
      let decay = configuration.optimizer.groups.first { $0.pattern.contains("tower") }?.weightDecayMultiplier
      // The decay of all steps together is that of 50,000 steps of the paper.
      let sum =
        Double(decay ?? 1) * 0.1 * 0.01 * Double(configuration.optimizer.learningRate)
        * Double(configuration.steps)
      #expect(decay == nil || abs(sum - 5) < 1e-3)
      return decay == nil ? 50 : 50 - sum
    }
    #expect(found == ["holds", "holds", "within noise", "holds", "holds"])
  }

  @Test func languagesAndTablesAreToldApart() throws {
    let found = try outcomes(Multilingual()) { configuration, language in
      var score = 50 - Double(64 - (configuration.model.text?.bottleneck ?? 64)) / 100
      if configuration.batchSize == 4096 { score -= 5 }
      if let languages = configuration.data.sources[0].languages {
        #expect(languages.count == 18)
        if !languages.contains(language) { score = Multilingual.relatives.contains(language) ? 20 : 2 }
      }
      return score
    }
    #expect(found == ["holds", "holds", "holds", "within noise"])
  }

  @Test func optimizersHaveRatesOfTheirOwn() throws {
    let (runs, findings) = try perform(Optimizers()) { configuration, _ in
      let optimizer = configuration.optimizer
      let best: Float = optimizer.kind == .lion ? 3e-4 : optimizer.kind == .adafactor ? 1e-2 : 3e-3
      return 60 - Double(abs(log(optimizer.learningRate / best)))
        - (configuration.schedule.kind == .rsqrt ? 3 : 0) - (optimizer.kind == .lion ? 4 : 0)
    }
    #expect(findings.verdicts.map { $0.outcome.rawValue } == ["holds", "does not hold", "holds", "holds"])
    let rates = runs.filter { !$0.name.hasPrefix("choosing") }.reduce(into: [:]) {
      $0[$1.configuration.optimizer.kind] = $1.configuration.optimizer.learningRate
    }
    #expect(rates == [.adamw: 3e-3, .adafactor: 1e-2, .lion: 3e-4])
    // What is taken off the weights at a step is the same.
    for run in runs {
      let optimizer = run.configuration.optimizer
      #expect(abs(optimizer.weightDecay - (optimizer.kind == .lion ? 0.1 : 0.01)) < 1e-7)
    }
  }
}
