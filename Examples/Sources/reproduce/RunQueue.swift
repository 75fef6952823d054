import Foundation
import SigLIPModel

/// The folder in which finished runs are kept, for all studies.
struct RunStore {
  /// The folder.
  let folder: URL
  private var identity = RunIdentity()

  init(_ folder: URL) { self.folder = folder }

  /// Where a run is when it is finished.
  mutating func folder(of run: StudyRun) throws -> URL {
    folder.appending(path: try identity.id(of: run.configuration))
  }

  /// The result of a run, if it is finished and has all that is asked for.
  mutating func result(of run: StudyRun) throws -> RunResult? {
    guard let result = try RunResult(folder: folder(of: run)) else { return nil }
    return run.keepsModel && result.model == nil ? nil : result
  }
}

/// Makes runs in processes of their own, several at once.
struct RunQueue {
  /// What the progress is called.
  let name: String
  /// How many runs are made at once.
  let jobs: Int
  /// After when no more runs are begun.
  let deadline: Date

  private static let stopped = "stopped: finished runs are kept, and the same command goes on"

  private struct Worker {
    let run: StudyRun
    let folder: URL
    let process: Process
    /// Open as long as this process lives, by which the other one knows.
    let input: Pipe
    var log: URL { folder.appendingPathExtension("log") }
  }

  /// Makes runs until all are finished, or it is time to stop.
  ///
  /// - Returns: Whether all are finished.
  /// - Throws: `Interrupted`; ``CommandError`` when one fails.
  func make(_ runs: [(run: StudyRun, folder: URL)], progress: StudyProgress) throws -> Bool {
    // Long ones first, so that no processor waits for the last one in the end.
    var waiting = runs.sorted { $0.run.work > $1.run.work }[...]
    var workers: [Worker] = []
    defer { for worker in workers { stop(worker) } }
    while !waiting.isEmpty || !workers.isEmpty {
      try Interruption.check(RunQueue.stopped)
      while workers.count < jobs, Date() < deadline, let (run, folder) = waiting.popFirst() {
        workers.append(try start(run, folder))
      }
      if workers.isEmpty { return false }
      for index in workers.indices.reversed() where !workers[index].process.isRunning {
        let worker = workers.remove(at: index)
        try check(worker)
        progress.finished(worker.run)
      }
      Thread.sleep(forTimeInterval: 0.02)
    }
    return true
  }

  private func start(_ run: StudyRun, _ folder: URL) throws -> Worker {
    let worker = Worker(run: run, folder: folder, process: Process(), input: Pipe())
    guard FileManager.default.createFile(atPath: worker.log.path, contents: nil),
      let log = FileHandle(forWritingAtPath: worker.log.path)
    else {
      throw CommandError("\(worker.log.path): cannot be written")
    }
    worker.process.executableURL = URL(
      filePath: Bundle.main.executablePath ?? CommandLine.arguments[0])
    worker.process.arguments =
      ["perform-run", folder.path, "--threads", "1"] + (run.keepsModel ? ["--keeps-model"] : [])
    worker.process.standardInput = worker.input
    worker.process.standardOutput = log
    worker.process.standardError = log
    try worker.process.run()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // A process that has ended already is noticed below.
    try? worker.input.fileHandleForWriting.write(
      contentsOf: encoder.encode(run.configuration) + Data("\n".utf8))
    return worker
  }

  private func check(_ worker: Worker) throws {
    let status = worker.process.terminationStatus
    if worker.process.terminationReason == .exit, status == 0 {
      try? FileManager.default.removeItem(at: worker.log)
      return
    }
    // Ctrl-C on a terminal ends both.
    try Interruption.check(RunQueue.stopped)
    let lines = (try? String(contentsOf: worker.log, encoding: .utf8))?.split(whereSeparator: \.isNewline)
    let how = worker.process.terminationReason == .exit ? "status \(status)" : "signal \(status)"
    throw CommandError("the run \(worker.run.name) failed: \(lines?.last.map(String.init) ?? how)")
  }

  private func stop(_ worker: Worker) {
    worker.process.terminate()
    worker.process.waitUntilExit()
    try? FileManager.default.removeItem(at: worker.log)
    try? FileManager.default.removeItem(at: worker.folder.appendingPathExtension("partial"))
  }
}
