import ArgumentParser
import Foundation
import SigLIPModel

/// One run of a study, in a process of its own: its configuration comes as a line on standard input, which stays open as long
/// as the study lives.
struct PerformRun: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perform-run", abstract: "One run of a study, as the study starts it.", shouldDisplay: false)

  @Argument(help: "The folder of the run, which is there when the run is finished.") var folder: String
  @Option(help: "Threads.") var threads = 1
  @Flag(help: "Keep the model.") var keepsModel = false

  func run() throws {
    Compute.threadCount = threads
    guard let line = readLine() else {
      throw CommandError("expected a configuration on standard input")
    }
    PerformRun.endWithStandardInput()
    let original = try TrainingConfiguration(Array(line.utf8), name: "standard input")
    var configuration = original
    configuration.output = folder + ".partial"
    configuration.checkpoints.every = configuration.steps
    configuration.evaluation.pictures = 0
    var ending = RunEnding(divergence: nil, processorSeconds: 0)
    do {
      try SigLIPTraining(configuration).run(start: .replacing) { _ in }
    } catch let error as NonFiniteError {
      ending.divergence = error.sentence
    } catch let error as EvaluationError {
      ending.divergence = error.sentence
    }
    func path(_ name: String) -> String { "\(configuration.output)/\(name)" }
    for name in ["checkpoints"] + (keepsModel ? [] : ["model"]) {
      try? FileManager.default.removeItem(atPath: path(name))
    }
    try Data(original.json.utf8).writeWhole(to: path("run.json"))
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    ending.processorSeconds = Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    try JSONEncoder().encode(ending).writeWhole(to: path(RunEnding.fileName))
    try? FileManager.default.removeItem(atPath: folder)
    guard rename(configuration.output, folder) == 0 else {
      throw CommandError("\(folder): \(String(cString: strerror(errno)))")
    }
  }

  /// Ends this process when the one that started it is gone, however that ended.
  private static func endWithStandardInput() {
    Thread.detachNewThread {
      while readLine() != nil {}
      _exit(1)
    }
  }
}
