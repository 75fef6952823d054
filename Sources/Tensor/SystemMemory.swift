import Foundation
import Kernels

/// How much memory a process can have.
package enum SystemMemory {
  /// Bytes that this process can use at most: the machine's memory, or less where a control group or a limit of the
  /// process says so.
  package static let limit: Int = {
    var bytes = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    var limits = rlimit()
    #if os(Linux)
      let status = getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limits)
    #else
      let status = getrlimit(RLIMIT_AS, &limits)
    #endif
    if status == 0 { bytes = min(bytes, Int(clamping: limits.rlim_cur)) }
    return min(bytes, ControlGroups().memoryLimit ?? bytes)
  }()

  /// Bytes that this process has had in memory at most; 0 where the system does not say.
  package static var peak: Int {
    #if os(Linux)
      // `getrusage` would count the program that started this one.
      status("VmHWM:")
    #else
      var usage = rusage()
      return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0
    #endif
  }

  #if os(Linux)
    /// Bytes that this process has in memory now; 0 where the system does not say.
    package static var current: Int { status("VmRSS:") }

    private static func status(_ name: String) -> Int {
      guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) })
      else { return 0 }
      return (line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }
  #else
    /// Bytes that this process has in memory now, or at most.
    package static var current: Int { peak }
  #endif

  /// A number of bytes in words.
  package static func words(_ bytes: Int) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]
    var (value, unit) = (Double(bytes), 0)
    while value >= 1024 && unit + 1 < units.count { (value, unit) = (value / 1024, unit + 1) }
    return unit == 0 ? "\(bytes) bytes" : String(format: "%.1f ", value) + units[unit]
  }
}
