import ArgumentParser
import Foundation
import Tensor

/// Times pieces of work whose names say what they are; `compare.py` times the same in PyTorch.
@main struct Benchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark", abstract: "Times Pairwise.",
    discussion: """
      Example: benchmark gemm --threads 1 --filter 1024 --json gemm.json
      The memory of one piece of work is only its own if nothing else ran before: --filter NAME --exact.
      """)

  @Argument(help: "Which suite: \(Suite.names).") var suite: Suite
  @Option(help: "Threads; all cores if not given.") var threads: Int?
  @Option(help: "Where to write the measurements.") var json: String?
  @Option(help: "Only work whose name contains this.") var filter: String?
  @Flag(help: "Only the work whose name is the filter.") var exact = false
  @Option(
    help: "Times each piece of work is run, without a run before; enough for a good median if not given.")
  var iterations: Int?
  @Flag(help: "Print the names and stop.") var list = false
  @Flag(help: "Measure the names that come on standard input, a line of JSON for each.") var serve = false

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads \(threads): expected at least 1") }
    if let iterations, iterations < 1 {
      throw ValidationError("--iterations \(iterations): expected at least 1")
    }
  }

  func run() throws {
    _ = ResidentMemory.atStart
    if let threads { Compute.threadCount = threads }
    if serve { return try answer() }
    let chosen = suite.work.filter { work in
      filter.map { exact ? work.name == $0 : work.name.contains($0) } ?? true
    }
    if chosen.isEmpty { throw ValidationError("no work of suite \(suite.rawValue) fits \(filter ?? "")") }
    if list { return print(chosen.map(\.name).joined(separator: "\n")) }
    let measurements = try chosen.map { work in
      let measurement = try work.measure(iterations: iterations)
      print(measurement)
      return measurement
    }
    if let json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try encoder.encode(measurements).write(to: URL(filePath: json), options: .atomic)
    }
  }

  /// Keeps the work that was asked for last, so that the same again needs no preparation.
  private func answer() throws {
    let all = suite.work
    var prepared: (name: String, run: () -> Void)?
    while let name = readLine() {
      guard let work = all.first(where: { $0.name == name }) else {
        throw ValidationError("suite \(suite.rawValue) has no \(name)")
      }
      if prepared?.name != name {
        prepared = nil
        prepared = (name, try work.prepare())
      }
      let measurement = work.measure(prepared!.run, iterations: iterations)
      print(String(decoding: try JSONEncoder().encode(measurement), as: UTF8.self))
      fflush(nil)
    }
  }
}

extension Suite: ExpressibleByArgument {}
