import ArgumentParser
import Foundation
import SigLIPModel

/// Makes the runs of a study that are not there yet, and writes what they show.
struct PerformStudy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study", abstract: "Performs a study; its name alone does too.")

  @Argument(help: "The study, or list.") var name: String
  @Option(help: "Seeds of each configuration; 3, with --quick 2.") var seeds: Int?
  @Flag(help: "Try the way with models that are hardly trained.") var quick = false
  @Option(help: "Folder for results and finished runs.") var output = "runs/reproduce"
  @Option(help: "Minutes after which no more runs are begun.") var budget: Double?
  @Option(help: "Runs at once; as many as there are cores if not given.") var jobs: Int?
  @Option(help: "Folder with the emoji, their names, the tokenizer and the locked tower's weights.")
  var data: String?

  func validate() throws {
    if let seeds, !(1...100).contains(seeds) { throw ValidationError("--seeds \(seeds): expected 1 to 100") }
    if let budget, !(budget >= 0 && budget.isFinite) {
      throw ValidationError("--budget \(budget): expected minutes")
    }
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs \(jobs): expected 1 to 1024") }
    if output.isEmpty { throw ValidationError("--output: expected a folder, found nothing") }
  }

  func run() throws {
    guard let study = Reproduce.studies.first(where: { $0.name == name }) else {
      throw CommandError(
        "there is no study \(name.shown): \(Reproduce.studies.map(\.name).joined(separator: ", "))")
    }
    Interruption.watch()
    let began = Date()
    let folder = URL(filePath: output)
    let runs = folder.appending(path: "runs")
    try FileManager.default.createDirectory(at: runs, withIntermediateDirectories: true)
    let lock = try FileLock(folder.appending(path: ".lock").path, of: folder.path)
    let performance = StudyPerformance(
      study: study,
      scale: StudyScale(
        seeds: Array(1...UInt64(seeds ?? (quick ? 2 : 3))), isQuick: quick,
        data: data ?? PerformStudy.embeddedData, features: folder.appending(path: "features").path))
    let deadline = budget.map { began.addingTimeInterval(60 * $0) } ?? .distantFuture
    let result = try withExtendedLifetime(lock) {
      try performance(RunStore(runs)) { runs in
        let queue = RunQueue(
          name: name, jobs: jobs ?? Compute.threadCount, deadline: deadline)
        return try queue.make(runs, progress: StudyProgress(name, runs.map(\.run)))
      }
    }
    let place = folder.appending(path: study.name + (quick ? "-quick" : ""))
    try result.write(to: place)
    try printLines(result.markdown)
    try printLines(
      "\(place.path.shown) has tables and pictures; it took \(StudyProgress.time(Date().timeIntervalSince(began)))"
    )
  }

  /// The data that the package carries.
  static let embeddedData = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Data").path
}

/// A study from its first run to what all of them show.
struct StudyPerformance {
  let study: any Study
  let scale: StudyScale

  /// Makes what is missing, stage after stage.
  ///
  /// - Parameters:
  ///   - store: Where finished runs are.
  ///   - make: Makes some runs, and says whether it came to the end of them.
  func callAsFunction(
    _ store: RunStore, make: ([(run: StudyRun, folder: URL)]) throws -> Bool
  ) throws -> StudyOutput {
    var store = store
    var results = RunResults()
    while true {
      let runs = unique(study.runs(scale, after: results))
      var missing: [(run: StudyRun, folder: URL)] = []
      let isNew = runs.contains { results[$0.configuration] == nil }
      for run in runs where results[run.configuration] == nil {
        if let result = try store.result(of: run) {
          results[run.configuration] = result
        } else {
          missing.append((run, try store.folder(of: run)))
        }
      }
      let isFinished = try missing.isEmpty || make(missing)
      for (run, _) in missing { results[run.configuration] = try store.result(of: run) }
      if !isNew || !isFinished {
        return StudyOutput(
          study: study, scale: scale, findings: study.findings(scale, of: results), runs: runs,
          results: results)
      }
    }
  }

  /// Runs that are alike are made once.
  private func unique(_ runs: [StudyRun]) -> [StudyRun] {
    var places: [TrainingConfiguration: Int] = [:]
    var result: [StudyRun] = []
    for run in runs {
      if let place = places[run.configuration] {
        result[place].keepsModel = result[place].keepsModel || run.keepsModel
      } else {
        places[run.configuration] = result.count
        result.append(run)
      }
    }
    return result
  }
}
