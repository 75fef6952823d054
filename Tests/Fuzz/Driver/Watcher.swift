import Foundation

/// An input at which something went wrong.
struct Finding: Hashable {
  enum Kind: String, CaseIterable {
    case crash, hang, memory, message
  }

  let reader: String
  let index: Int
  let kind: Kind
  /// The signal, the peak, the message.
  let text: String
}

/// Runs workers over ranges of inputs, and goes on behind an input that ends or holds up one of them.
final class Watcher {
  private let options: Options
  private let folder: String
  private var results: [String: ReaderResult] = [:]
  private var running: [Run] = []
  private var attempts = 0
  /// How much more memory an input gets that crashed, to see whether that was why.
  private static let secondTryFactor = 4

  /// Inputs of one reader that a worker is given.
  private struct Task {
    let reader: Reader
    var indices: Range<Int>
    /// For one input that crashed, and is tried again with more memory: how it did.
    var crash: String?
  }

  private struct Run {
    let task: Task
    let process: ChildProcess
    let report: SharedReport
    let path: String
  }

  init(_ options: Options) throws {
    self.options = options
    folder = FileManager.default.temporaryDirectory.path + "/fuzz-\(getpid())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// Reads all inputs and says what came of them, by reader.
  func run(_ readers: [(reader: Reader, count: Int)], progress: (Int) -> Void) throws -> [ReaderResult] {
    for (reader, _) in readers { results[reader.name] = ReaderResult(reader: reader.name) }
    var waiting = readers.flatMap { reader, count in
      stride(from: options.first, to: options.first + count, by: options.chunk).map {
        Task(reader: reader, indices: $0..<min($0 + options.chunk, options.first + count))
      }
    }
    waiting.reverse()
    var done = 0
    while !waiting.isEmpty || !running.isEmpty {
      while running.count < options.jobs, let task = waiting.popLast() { running.append(try start(task)) }
      usleep(5000)
      for (place, run) in running.enumerated().reversed() {
        let isHanging = isHanging(run)
        if run.process.isRunning() && !isHanging { continue }
        let isStopped = run.process.isRunning()
        run.process.stop()
        running.remove(at: place)
        waiting += try collect(run, isHanging: isStopped)
      }
      let now = results.values.reduce(0) { $0 + $1.inputs } + running.reduce(0) { $0 + $1.report.inputs }
      if now > done { progress(now - done) }
      done = max(done, now)
    }
    return readers.compactMap { results[$0.reader.name] }
  }

  /// Whether an input takes too much processor time; or so much time that the worker must be waiting for something, however
  /// busy the machine is.
  private func isHanging(_ run: Run) -> Bool {
    if run.report.index == nil { return false }
    if run.report.seconds > options.seconds * 6 { return true }
    return run.report.processorSeconds(of: run.process.identifier) ?? 0 > options.seconds
  }

  private func start(_ task: Task) throws -> Run {
    attempts += 1
    let memory = task.crash == nil ? options.memory : options.memory * Watcher.secondTryFactor
    let path = "\(folder)/\(attempts)"
    let report = try SharedReport(path: path, isNew: true)
    let limits = "abort_on_error=1:detect_leaks=0:quarantine_size_mb=64:max_allocation_size_mb=\(memory)"
    let process = try ChildProcess(
      arguments: [
        "--worker", path, "--reader", task.reader.name, "--seed", "\(options.seed)", "--first",
        "\(task.indices.lowerBound)", "--count", "\(task.indices.count)", "--memory", "\(memory)",
      ],
      // Most inputs are too small for several threads.
      environment: [
        "PAIRWISE_NUM_THREADS": "1", "ASAN_OPTIONS": limits,
        "SWIFT_BACKTRACE": "enable=yes,color=no,registers=none,images=none",
      ], standardError: path + ".stderr")
    return Run(task: task, process: process, report: report, path: path)
  }

  /// Counts what a worker did; returns what is still to be read.
  private func collect(_ run: Run, isHanging: Bool) throws -> [Task] {
    let (task, report, process) = (run.task, run.report, run.process)
    defer {
      for end in ["", ".stderr", ".findings"] { try? FileManager.default.removeItem(atPath: run.path + end) }
    }
    guard let index = report.index else {
      throw FuzzError("the worker for \(task.reader.name) did not begin: \(words(of: run))")
    }
    func add(_ kind: Finding.Kind, _ index: Int, _ text: String) throws {
      let finding = Finding(reader: task.reader.name, index: index, kind: kind, text: text)
      results[task.reader.name]?.findings.append(finding)
      try save(finding, task.reader)
    }
    if let crash = task.crash {
      // With more memory it goes well: memory was what it died of.
      let isMemory = process.end == .exit(0)
      try add(isMemory ? .memory : .crash, index, isMemory ? "more than \(options.memory) MiB" : crash)
      return []
    }
    let isCrash = !isHanging && process.end != .exit(0)
    results[task.reader.name]?.add(report, endedEarly: isHanging || isCrash)
    for (kind, index, text) in report.findings {
      if let kind = Finding.Kind(rawValue: kind) { try add(kind, index, text) }
    }
    if report.isFinished { return [] }
    let rest = index + 1..<task.indices.upperBound
    let next = rest.isEmpty ? [] : [Task(reader: task.reader, indices: rest)]
    if isHanging {
      try add(.hang, index, "more than \(options.seconds) s of processor time, or six times that")
    } else if isCrash {
      let cause =
        switch process.end {
        case .signal(let number): "signal \(number)"
        case .exit(let status): "exit status \(status)"
        case nil: "no end"
        }
      let text = "\(cause): \(words(of: run))"
      return next + [Task(reader: task.reader, indices: index..<index + 1, crash: text)]
    }
    return next
  }

  /// What a worker wrote before it ended: the error, and where it was.
  private func words(of run: Run) -> String {
    let data = (try? Data(contentsOf: URL(fileURLWithPath: run.path + ".stderr"))) ?? Data()
    let lines = String(decoding: data.prefix(16_000), as: UTF8.self).split(separator: "\n")
    let error = lines.first { $0.contains("rror:") || $0.contains("ERROR:") }
    let frames = lines.filter {
      $0.contains(" in \(CommandLine.arguments[0].split(separator: "/").last ?? "fuzz")")
    }
    let words = [error].compactMap(\.self) + frames.prefix(4).map { $0.drop { $0 == " " } }
    return String((words.isEmpty ? lines.prefix(1) : words[...]).joined(separator: "; ").prefix(600))
  }

  /// Keeps the input for whoever mends the reader.
  private func save(_ finding: Finding, _ reader: Reader) throws {
    guard let folder = options.findings else { return }
    let path = "\(folder)/\(finding.reader)-\(finding.index)-\(finding.kind.rawValue)".replacing(
      " ", with: "-")
    let (input, _) = reader.input(finding.index, seed: options.seed, from: try reader.seeds())
    try Worker.write(input, to: path)
    try Data((finding.text + "\n").utf8).write(to: URL(fileURLWithPath: path + ".txt"))
  }
}
