import ArgumentParser
import Dispatch
import Foundation
import Tensor

/// Times pieces of work whose names say what they are; `compare.py` times the same in PyTorch.
@main struct Benchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark", abstract: "Times Pairwise.",
    discussion: "Example: benchmark gemm --threads 1 --filter 1024 --json gemm.json")

  enum Suite: String, ExpressibleByArgument, CaseIterable {
    case gemm
  }

  @Argument(help: "Which suite.") var suite: Suite
  @Option(help: "Threads; all cores if not given.") var threads: Int?
  @Option(help: "Where to write the measurements.") var json: String?
  @Option(help: "Only work whose name contains this.") var filter: String?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads \(threads): expected at least 1") }
  }

  func run() throws {
    if let threads { Compute.threadCount = threads }
    let chosen = suite.work.filter { filter.map($0.name.contains) ?? true }
    if chosen.isEmpty { throw ValidationError("no work of suite \(suite.rawValue) contains \(filter ?? "")") }
    let measurements = chosen.map { work in
      let measurement = work.measure()
      print(
        work.name.padding(toLength: 32, withPad: " ", startingAt: 0)
          + String(
            format: "%9.3f ms %8.1f GFLOP/s", measurement.min_s * 1e3,
            Double(work.flops) / measurement.min_s / 1e9))
      return measurement
    }
    if let json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try encoder.encode(measurements).write(to: URL(filePath: json), options: .atomic)
    }
  }
}

/// One piece of work.
struct Work {
  let name: String
  let flops: Int
  let bytes: Int
  let run: () -> Void

  /// Runs it for a quarter of a second, at least five times, after two runs that do not count.
  func measure() -> Measurement {
    for _ in 0..<2 { run() }
    var times: [Double] = []
    while times.count < 5 || times.reduce(0, +) < 0.25 {
      let start = DispatchTime.now().uptimeNanoseconds
      run()
      times.append(Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9)
    }
    times.sort()
    return Measurement(
      name: name, median_s: times[times.count / 2], min_s: times[0], runs: times.count, flops: flops,
      bytes: bytes,
      peak_rss_bytes: Measurement.peakMemory)
  }
}

/// One line of the results; the names are those of the file.
struct Measurement: Codable {
  let name: String
  let median_s: Double
  let min_s: Double
  let runs: Int
  let flops: Int
  let bytes: Int
  let peak_rss_bytes: Int

  /// Most memory that this process has held, in bytes.
  static var peakMemory: Int {
    var usage = rusage()
    #if canImport(Darwin)
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #else
      getrusage(numericCast(RUSAGE_SELF.rawValue), &usage)
      return usage.ru_maxrss * 1024
    #endif
  }
}

extension Benchmark.Suite {
  var work: [Work] {
    switch self {
    case .gemm:
      [256, 512, 1024, 2048].map { Benchmark.Suite.product($0, $0, $0) } + [
        Benchmark.Suite.product(1568, 768, 3072)
      ]
    }
  }

  /// M x K x N, both operands as they lie in memory.
  private static func product(_ m: Int, _ k: Int, _ n: Int) -> Work {
    var random = Random(seed: 1)
    let (a, b) = (random.normal([m, k]), random.normal([k, n]))
    return Work(
      name: "gemm/\(m)x\(k)x\(n)/NN", flops: 2 * m * n * k, bytes: 4 * (m * k + k * n + m * n)
    ) { _ = matmul(a, b) }
  }
}
