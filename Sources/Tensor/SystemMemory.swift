import Foundation

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
    let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
    for file in controlGroupFiles(groups) {
      guard let text = try? String(contentsOfFile: file, encoding: .utf8),
        let group = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)), group > 0
      else { continue }
      bytes = min(bytes, group)
    }
    return bytes
  }()

  /// Files that hold limits of control groups, from what `/proc/self/cgroup` says: those of the group and of all groups
  /// that it is part of, in either version of control groups.
  static func controlGroupFiles(_ groups: String) -> [String] {
    groups.split(separator: "\n").flatMap { line -> [String] in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3, fields[1].isEmpty || fields[1].split(separator: ",").contains("memory") else {
        return []
      }
      let (root, name) =
        fields[1].isEmpty
        ? ("/sys/fs/cgroup", "memory.max") : ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
      let parts = fields[2].split(separator: "/")
      return (0...parts.count).map {
        ([root] + parts.prefix($0).map(String.init) + [name]).joined(separator: "/")
      }
    }
  }

  /// A number of bytes in words.
  package static func words(_ bytes: Int) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]
    var (value, unit) = (Double(bytes), 0)
    while value >= 1024 && unit + 1 < units.count { (value, unit) = (value / 1024, unit + 1) }
    return unit == 0 ? "\(bytes) bytes" : String(format: "%.1f ", value) + units[unit]
  }
}
