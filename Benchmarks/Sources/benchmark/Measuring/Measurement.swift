import Foundation

/// One line of the results; the names are those of the file.
struct Measurement: Codable, CustomStringConvertible {
  let name: String
  let median_s: Double
  let min_s: Double
  let runs: Int
  let flops: Int
  let bytes: Int
  /// Most that the process held.
  let peak_rss_bytes: Int
  /// What the process held before the work was prepared.
  let base_rss_bytes: Int

  /// For people: the time and, where known, the rates and a large peak.
  var description: String {
    var line =
      name.padding(toLength: 52, withPad: " ", startingAt: 0) + String(format: "%11.3f ms", median_s * 1e3)
    if flops > 0 { line += String(format: "%9.1f GFLOP/s", Double(flops) / median_s / 1e9) }
    if bytes > 0 { line += String(format: "%8.1f GB/s", Double(bytes) / median_s / 1e9) }
    if peak_rss_bytes > 1 << 30 { line += String(format: "%8.2f GB at most", Double(peak_rss_bytes) / 1e9) }
    return line
  }
}

/// Memory of this process, in bytes.
enum ResidentMemory {
  /// Most that it has held.
  static var peak: Int {
    #if canImport(Darwin)
      var usage = rusage()
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #else
      // `getrusage` would count the program that started this one.
      return status("VmHWM")
    #endif
  }

  /// What it held when this was first asked for: when the program began.
  static let atStart: Int = {
    #if canImport(Darwin)
      return peak
    #else
      return status("VmRSS")
    #endif
  }()

  #if !canImport(Darwin)
    private static func status(_ field: String) -> Int {
      let lines = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
      let line = lines.split(separator: "\n").first { $0.hasPrefix(field) }
      return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }
  #endif
}
