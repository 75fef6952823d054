#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The control groups of this process, of either version: what a container or a service manager lets it have.
package struct ControlGroups {
  private let root: String
  private let membership: String

  /// - Parameter root: What stands in for the root of the file system, for tests.
  package init(root: String = "") {
    self.root = root
    membership = ControlGroups.read(root + "/proc/self/cgroup") ?? ""
  }

  /// Processors that the groups leave to this process: the smallest quota of its group and all that it is part of,
  /// rounded up; nil if there is none.
  package var processorLimit: Int? {
    let quotas =
      contents(of: ["cpu.max"], unified: true, controller: "cpu")
      + contents(of: ["cpu.cfs_quota_us", "cpu.cfs_period_us"], unified: false, controller: "cpu")
    return quotas.compactMap { words -> Int? in
      // The kernel's own period where none is given. What is no number, such as "max", is no quota.
      guard let quota = words.first.flatMap({ Int($0) }), words.count <= 2 else { return nil }
      guard let period = words.count == 2 ? Int(words[1]) : 100_000, quota > 0, period > 0 else { return nil }
      return (quota - 1) / period + 1
    }.min()
  }

  /// Bytes that the groups leave to this process; nil if they set no limit.
  package var memoryLimit: Int? {
    let limits =
      contents(of: ["memory.max"], unified: true, controller: "memory")
      + contents(of: ["memory.limit_in_bytes"], unified: false, controller: "memory")
    return limits.compactMap { $0.first.flatMap { Int($0) } }.filter { $0 > 0 }.min()
  }

  /// The words in files of these names, for each group that has them all.
  private func contents(of names: [String], unified: Bool, controller: String) -> [[Substring]] {
    folders(unified: unified, controller: controller).compactMap { folder in
      let texts = names.compactMap { ControlGroups.read(folder + "/" + $0) }
      return texts.count == names.count
        ? texts.flatMap { $0.split(whereSeparator: \.isWhitespace) } : nil
    }
  }

  /// Folders of the group and of all groups that it is part of. Some may not be there: a container sees its own group
  /// as the uppermost one, whatever its path.
  private func folders(unified: Bool, controller: String) -> [String] {
    membership.split(separator: "\n").flatMap { line -> [String] in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3, fields[1].isEmpty == unified else { return [] }
      guard unified || fields[1].split(separator: ",").contains(Substring(controller)) else { return [] }
      let parts = fields[2].split(separator: "/").filter { $0 != ".." }
      // The controllers of one hierarchy stand in the name of its folder, and mostly each alone too.
      let places = unified ? [""] : ["/" + controller, "/" + fields[1]]
      return places.flatMap { place in
        (0...parts.count).map { depth in
          ([root + "/sys/fs/cgroup" + place] + parts.prefix(depth).map(String.init)).joined(separator: "/")
        }
      }
    }
  }

  /// The first 64 KiB of a file; nil if it cannot be read.
  private static func read(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
      count = fread(buffer.baseAddress, 1, buffer.count, file)
    }
    return ferror(file) == 0 ? String(decoding: bytes, as: UTF8.self) : nil
  }
}
