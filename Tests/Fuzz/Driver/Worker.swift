import Foundation
import Tensor

/// The part of the program that reads inputs, in a process that may end at any of them.
struct Worker {
  let reader: Reader
  let seed: UInt64
  /// Bytes of address space beyond what the process has when it begins, and of resident memory.
  let memoryLimit: Int

  /// Reads inputs of these numbers and keeps `report` up to date.
  func run(_ indices: Range<Int>, _ report: SharedReport) throws {
    let seeds = try reader.seeds()
    // What the pool keeps is no input's memory; and address sanitizer knows only of memory that the pool does not keep.
    MemoryPool.shared.cacheLimit = Worker.isAddressSanitized ? 0 : 1 << 26
    limitAddressSpace()
    let folder = FileManager.default.temporaryDirectory.path + "/fuzz-\(getpid())"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for index in indices {
      report.begin(index)
      var sample = try Worker.sample(index, of: reader, seed: seed, seeds, below: folder)
      let judgement = Judgement(reader, &sample)
      report.end(judgement)
      if case .badMessage(let problem) = judgement { report.write("message", index, problem) }
      let peak = Worker.peakResidentBytes()
      if peak > memoryLimit {
        // The peak never falls, so that the next input needs another process.
        report.write("memory", index, "\(peak >> 20) MiB")
        return
      }
    }
    report.finish()
  }

  /// Makes an input, and its files below a folder.
  static func sample(
    _ index: Int, of reader: Reader, seed: UInt64, _ seeds: [Input], below folder: String
  ) throws -> Sample {
    let (input, dice) = reader.input(index, seed: seed, from: seeds)
    // Names of folders may hold anything too.
    let folder = folder + (index % 16 == 0 ? "/\u{1B}[31m\n\u{202E}" : "/files")
    if reader.isOnDisk { try write(input, to: folder) }
    return Sample(input: input, folder: folder, index: index, dice: dice)
  }

  /// Puts files into a folder of their own. They are new ones each time: the last input's may still be mapped.
  static func write(_ input: Input, to folder: String) throws {
    func failed(_ path: String) -> FuzzError { FuzzError("\(path): \(String(cString: strerror(errno)))") }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) { unlink(folder + "/" + name) }
    for (name, bytes) in input.files {
      let path = folder + "/" + name
      let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
      if file < 0 { throw failed(path) }
      defer { close(file) }
      if Foundation.write(file, bytes, bytes.count) != bytes.count { throw failed(path) }
    }
  }

  /// An allocation beyond the limit fails then, which ends the process. Address sanitizer takes terabytes for itself and
  /// has a limit of its own.
  private func limitAddressSpace() {
    #if os(Linux)
      if Worker.isSanitized { return }
      guard let status = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
        let pages = status.split(separator: " ").first.flatMap({ Int($0) })
      else { return }
      let limit = rlim_t(pages * Int(sysconf(Int32(_SC_PAGESIZE))) + memoryLimit)
      var value = rlimit(rlim_cur: limit, rlim_max: limit)
      setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &value)
    #endif
  }

  /// Whether this process was built with address sanitizer.
  static let isAddressSanitized = dlsym(nil, "__asan_init") != nil
  private static let isSanitized = isAddressSanitized || dlsym(nil, "__tsan_init") != nil

  private static func peakResidentBytes() -> Int {
    var usage = rusage()
    #if os(Linux)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return Int(usage.ru_maxrss) * 1024
    #else
      getrusage(RUSAGE_SELF, &usage)
      return Int(usage.ru_maxrss)
    #endif
  }
}
