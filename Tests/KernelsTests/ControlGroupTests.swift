import Foundation
import Kernels
import TestSupport
import Testing

/// Limits of control groups, from made-up files.
@Suite struct ControlGroupTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func groups(_ membership: String, _ files: [String: String]) throws -> ControlGroups {
    for (name, text) in files { try write(text, to: "sys/fs/cgroup/" + name) }
    try write(membership, to: "proc/self/cgroup")
    return ControlGroups(root: folder.path(""))
  }

  private func write(_ text: String, to name: String) throws {
    let file = URL(fileURLWithPath: folder.path(name))
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  @Test func quotaOfAContainer() throws {
    #expect(try groups("0::/\n", ["cpu.max": "200000 100000\n"]).processorLimit == 2)
  }

  @Test func theSmallestQuotaOfAllGroupsCounts() throws {
    let files = [
      "a/cpu.max": "350000 100000\n", "a/b/cpu.max": "max 100000\n", "a/b/c/cpu.max": "800000 100000\n",
    ]
    #expect(try groups("0::/a/b/c\n", files).processorLimit == 4)
    #expect(try groups("0::/a\n", files).processorLimit == 4)
    // Of another group, or one inside.
    #expect(try groups("0::/a/b/c\n", ["a/cpu.max": "max 100000\n"]).processorLimit == 8)
    #expect(try groups("0::/a/b\n", ["d/cpu.max": "100000 100000\n"]).processorLimit == nil)
  }

  @Test(arguments: ["/", "/docker/0123"], ["cpu,cpuacct", "cpu"])
  func quotaOfTheFirstVersion(path: String, place: String) throws {
    let membership = "12:memory:\(path)\n4:cpu,cpuacct:\(path)\n1:name=systemd:\(path)\n0::\(path)\n"
    let files = ["\(place)/cpu.cfs_quota_us": "150000\n", "\(place)/cpu.cfs_period_us": "50000\n"]
    #expect(try groups(membership, files).processorLimit == 3)
    #expect(try groups(membership, ["\(place)/cpu.cfs_quota_us": "-1\n"]).processorLimit == nil)
  }

  @Test func partsOfAProcessorAreRoundedUp() throws {
    for (quota, count) in [("1 100000", 1), ("100001 100000", 2), ("250000 100000", 3), ("400000", 4)] {
      #expect(try groups("0::/\n", ["cpu.max": quota]).processorLimit == count, "\(quota)")
    }
  }

  @Test func whatIsNoQuotaLimitsNothing() throws {
    let texts = [
      "", "\n", "max", "max 100000\n", "0 100000", "-1 100000", "100000 0", "100000 -5", "a b", "1e5 100000",
      "99999999999999999999 100000", "200000 100000 100000", "\u{0}\u{FFFD}",
    ]
    for text in texts { #expect(try groups("0::/\n", ["cpu.max": text]).processorLimit == nil, "\(text)") }
    for membership in ["", "0::\n", "nonsense\n::\n0:\n", "0::/../../..\n", "4:cpuset:/\n"] {
      #expect(try groups(membership, ["cpu.max": "max 1\n"]).processorLimit == nil, "\(membership)")
    }
    #expect(ControlGroups(root: folder.path("nowhere")).processorLimit == nil)
    #expect(try groups("0::/\n", ["cpu.max": "\(Int.max) 1\n"]).processorLimit == Int.max)
  }

  @Test func limitsOfMemory() throws {
    let files = ["memory.max": "max\n", "a/memory.max": "9000\n", "a/b/memory.max": "10000\n"]
    #expect(try groups("0::/a/b\n", files).memoryLimit == 9000)
    #expect(try groups("3:hugetlb,memory:/x\n", ["memory/memory.limit_in_bytes": "77\n"]).memoryLimit == 77)
    #expect(try groups("3:cpu:/\n", [:]).memoryLimit == nil)
  }
}
