import CommandSupport
import Foundation
import SigLIPModel
import Testing

@testable import reproduce

/// A folder of a test's own.
final class Workplace {
  let folder = FileManager.default.temporaryDirectory.appending(path: "reproduce-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func write(_ text: String, to name: String) throws -> String {
    let file = folder.appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    return file.path
  }
}

/// A study of two stages: the best of three learning rates, then two batch sizes with it.
private struct TwoStages: Study {
  let name = "two-stages"
  let question = "Which?"
  let claim = "The large one."

  func configuration(_ scale: StudyScale, batch: Int, rate: Float) -> TrainingConfiguration {
    var configuration = scale.emoji(batchSize: batch, examples: 1024)
    configuration.optimizer.learningRate = rate
    return configuration
  }

  func runs(_ scale: StudyScale, after results: RunResults) -> [StudyRun] {
    let candidates = [0.1, 0.2, 0.3].map { configuration(scale, batch: 8, rate: $0) }
    let first = candidates.map { scale.tuningRun("rate \($0.optimizer.learningRate)", $0) }
    guard let best = results.best(of: candidates) else { return first }
    return first
      + [8, 16].flatMap { batch in
        scale.runs(
          "batch \(batch)", configuration(scale, batch: batch, rate: best.optimizer.learningRate))
      }
  }

  func findings(_ scale: StudyScale, of results: RunResults) -> Findings {
    var findings = Findings()
    let values = [8, 16].map { batch in
      results.values(of: configuration(scale, batch: batch, rate: 0.2), scale, \.validationR1)
    }
    var table = StudyTable(
      name: "table", title: "R@1", columns: ["batch"], measures: [.init(name: "validation")])
    for (batch, values) in zip([8, 16], values) { table.add(["\(batch)"], [values]) }
    findings.tables = [table]
    findings.charts = [
      (
        "chart",
        ErrorBarChart(
          title: "R@1", x: "batch", y: "R@1",
          series: [.init("a", zip([8, 16], values).compactMap { $1.point(x: $0) })])
      )
    ]
    findings.verdicts = [Verdict("16 is better than 8", isPositive: values[1] - values[0])]
    return findings
  }
}

@Suite struct PerformanceTests {
  private let place = try! Workplace()
  private let scale = StudyScale(seeds: [1, 2], isQuick: false, data: "no data", features: "features")

  private func performance() -> StudyPerformance { StudyPerformance(study: TwoStages(), scale: scale) }

  private func store() -> RunStore { RunStore(place.folder) }

  /// Finishes a run, as its process would: the better, the nearer its learning rate is to 0.2 and the larger its batch.
  private func finish(_ run: StudyRun, in folder: URL) throws {
    let configuration = run.configuration
    let distance = abs(Double(configuration.optimizer.learningRate) - 0.2)
    let r1 = 0.5 - distance + 0.01 * Double(configuration.batchSize) + 0.001 * Double(configuration.seed % 7)
    let half = "{\"r1\": \(r1), \"r5\": 1, \"r10\": 1}"
    let retrieval =
      "{\"image_to_text\": \(half), \"text_to_image\": \(half), \"candidates\": 3, \"queries\": 3}"
    let name = folder.lastPathComponent
    _ = try place.write(
      "{\"retrieval\": \(retrieval), \"languages\": {}}", to: "\(name)/evaluation.json")
    _ = try place.write("{\"processorSeconds\": 2.5}", to: "\(name)/ending.json")
  }

  @Test func stagesFollowEachOtherAndNothingIsRepeated() throws {
    var stages: [[String]] = []
    let output = try performance()(store()) { runs in
      stages.append(runs.map(\.run.name))
      for (run, folder) in runs { try finish(run, in: folder) }
      return true
    }
    #expect(stages.map(\.count) == [3, 4])
    #expect(stages[0] == ["choosing: rate 0.1", "choosing: rate 0.2", "choosing: rate 0.3"])
    #expect(stages[1] == ["batch 8, seed 1", "batch 8, seed 2", "batch 16, seed 1", "batch 16, seed 2"])
    #expect(output.missing.isEmpty && output.runs.count == 7)
    #expect(
      output.findings.verdict
        == "holds: 16 is better than 8 (+8.0 points, 95% interval +8.0 to +8.0, 2 seeds)")
    let again = try performance()(store()) { runs in
      Issue.record("made again: \(runs.map(\.run.name))")
      return true
    }
    #expect(again.markdown == output.markdown)
  }

  @Test func whatIsStoppedSaysWhatIsMissingAndGoesOnToTheSameFiles() throws {
    func write(_ output: StudyOutput, _ name: String) throws -> [String: Data] {
      let folder = place.folder.appending(path: "out/\(name)")
      try output.write(to: folder)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(names == ["chart.svg", "results.json", "results.md", "table.tsv", "times.tsv"])
      return try Dictionary(
        uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: folder.appending(path: $0))) })
    }
    // Two runs of the second stage, then the time is over.
    var left = 5
    let part = try performance()(store()) { runs in
      for (run, folder) in runs.prefix(left) { try finish(run, in: folder) }
      left -= runs.count
      return left >= 0
    }
    #expect(part.missing.map(\.name) == ["batch 16, seed 1", "batch 16, seed 2"])
    #expect(part.markdown.contains("2 runs are missing") && part.findings.verdicts[0].outcome == .undecided)
    _ = try write(part, "part")
    var made: [String] = []
    let whole = try performance()(store()) { runs in
      for (run, folder) in runs { try finish(run, in: folder) }
      made += runs.map(\.run.name)
      return true
    }
    #expect(made == part.missing.map(\.name))
    let fresh = try StudyPerformance(study: TwoStages(), scale: scale)(
      RunStore(place.folder.appending(path: "out/fresh"))
    ) { runs in
      for (run, folder) in runs {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try finish(run, in: folder)
        for name in ["evaluation.json", "ending.json"] {
          try FileManager.default.copyItem(
            at: place.folder.appending(path: "\(folder.lastPathComponent)/\(name)"),
            to: folder.appending(path: name))
        }
      }
      return true
    }
    #expect(try write(whole, "whole") == write(fresh, "again"))
  }

  @Test func aRunThatDivergedHasFoundNothing() throws {
    _ = try place.write(
      "{\"processorSeconds\": 1, \"divergence\": \"the loss is nan\"}", to: "diverged/ending.json")
    let result = try #require(try RunResult(folder: place.folder.appending(path: "diverged")))
    #expect(result.validationR1 == 0 && result.heldOutR1 == 0 && result.divergence == "the loss is nan")
    #expect(try RunResult(folder: place.folder.appending(path: "nowhere")) == nil)
    _ = try place.write("{\"retr", to: "broken/evaluation.json")
    #expect(throws: CommandError.self) { try RunResult(folder: place.folder.appending(path: "broken")) }
  }

  @Test func aRunIsItsConfigurationAndItsFiles() throws {
    var identity = RunIdentity()
    let table = try place.write("image,caption\n", to: "a.csv")
    var configuration = TrainingConfiguration(data: DataConfiguration(path: table))
    let id = try identity.id(of: configuration)
    #expect(id.count == 16)
    configuration.output = "elsewhere"
    configuration.loader.workers = 7
    configuration.loader.featureCache = "features"
    configuration.evaluation.pictures = 3
    #expect(try identity.id(of: configuration) == id)
    configuration.data = DataConfiguration(path: try place.write("image,caption\n", to: "b/c.csv"))
    #expect(try identity.id(of: configuration) == id)
    #expect(try identity.id(of: configuration.with(seed: 2)) != id)
    configuration.optimizer.learningRate = 0.5
    #expect(try identity.id(of: configuration) != id)
    let other = try place.write("image,caption\nx,y\n", to: "d.csv")
    #expect(try identity.id(of: TrainingConfiguration(data: DataConfiguration(path: other))) != id)
    // A folder is all of its files.
    var model = TrainingConfiguration(data: DataConfiguration(path: table))
    model.model.checkpoint = place.folder.appending(path: "model").path
    _ = try place.write("1", to: "model/x/weights")
    let first = try identity.id(of: model)
    _ = try place.write("2", to: "model/x/weights")
    var later = RunIdentity()
    #expect(try later.id(of: model) != first)
  }
}

@Suite struct StudiesTests {
  /// Each study asks for runs that can be, with names of their own, also in its later stages.
  @Test(arguments: Reproduce.studies.map(\.name), [false, true])
  func allRunsCanBe(name: String, isQuick: Bool) throws {
    let study = try #require(Reproduce.studies.first { $0.name == name })
    let scale = StudyScale(
      seeds: [1, 2], isQuick: isQuick, data: PerformStudy.embeddedData, features: "features")
    var results = RunResults()
    var runs: [StudyRun] = []
    for _ in 0..<10 {
      runs = study.runs(scale, after: results)
      let missing = runs.filter { results[$0.configuration] == nil }
      if missing.isEmpty { break }
      // What is not finished yet is no reason to stop either.
      #expect(!study.findings(scale, of: results).verdicts.contains { $0.outcome != .undecided })
      for run in missing {
        _ = try run.configuration.checked()
        results[run.configuration] = RunResult(id: "\(results.finished.count)", model: "model")
      }
    }
    // A run that two stages ask for is made once, under its first name.
    let names = Dictionary(runs.map { ($0.configuration, $0.name) }, uniquingKeysWith: { first, _ in first })
    #expect(Set(names.values).count == names.count)
    let batches = runs.map(\.configuration.batchSize)
    #expect(batches.allSatisfy { $0 <= 32_768 })
    let work = runs.reduce(0) { $0 + $1.work }
    // About 45 minutes of two processors, and one of a quick study.
    #expect(work < (isQuick ? 120 : 5400), "\(Int(work)) s")
  }
}
