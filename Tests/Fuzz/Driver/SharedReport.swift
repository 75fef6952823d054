import Foundation

/// What a worker has done, in a file that both it and the watcher map: the worker may end at any moment and leaves it
/// true to its last word.
final class SharedReport {
  private enum Field: Int, CaseIterable {
    /// The number of the input that is being read, when it was begun, and the processor time that the worker had then.
    case index, began, beganProcessorTime
    /// 1 when all inputs were read.
    case isFinished
    case accepted, refused, badMessages
    /// Nanoseconds of processor time that one input took at most, and which.
    case longest, longestIndex
  }

  private let path: String
  private let fields: UnsafeMutablePointer<Int>

  /// Maps a file, which is created or emptied when `isNew`.
  init(path: String, isNew: Bool) throws {
    self.path = path
    let size = Field.allCases.count * MemoryLayout<Int>.size
    if isNew { try Data(count: size).write(to: URL(fileURLWithPath: path)) }
    let file = open(path, O_RDWR)
    defer { close(file) }
    guard file >= 0, let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      address != MAP_FAILED
    else { throw FuzzError("cannot map \(path)") }
    fields = address.bindMemory(to: Int.self, capacity: Field.allCases.count)
    self[.index] = isNew ? -1 : self[.index]
  }

  deinit { munmap(fields, Field.allCases.count * MemoryLayout<Int>.size) }

  private subscript(field: Field) -> Int {
    get { fields[field.rawValue] }
    set { fields[field.rawValue] = newValue }
  }

  // MARK: The worker's side

  func begin(_ index: Int) {
    self[.began] = SharedReport.time(CLOCK_MONOTONIC)
    self[.beganProcessorTime] = SharedReport.time(CLOCK_PROCESS_CPUTIME_ID)
    self[.index] = index
  }

  func end(_ judgement: Judgement) {
    let time = SharedReport.time(CLOCK_PROCESS_CPUTIME_ID) - self[.beganProcessorTime]
    if time > self[.longest] { (self[.longest], self[.longestIndex]) = (time, self[.index]) }
    switch judgement {
    case .accepted: self[.accepted] += 1
    case .refused: self[.refused] += 1
    case .badMessage: self[.badMessages] += 1
    }
  }

  func finish() { self[.isFinished] = 1 }

  /// Adds a finding that the process survives.
  func write(_ kind: String, _ index: Int, _ text: String) {
    guard let file = fopen(path + ".findings", "a") else { return }
    fputs("\(kind)\t\(index)\t\(text)\n", file)
    fclose(file)
  }

  // MARK: The watcher's side

  /// The input that is being read or was read last; nil before the first.
  var index: Int? { self[.index] < 0 ? nil : self[.index] }
  var isFinished: Bool { self[.isFinished] == 1 }
  /// Seconds since the input was begun.
  var seconds: Double { Double(SharedReport.time(CLOCK_MONOTONIC) - self[.began]) / 1e9 }
  /// Seconds of processor time that a worker has spent on the input, where the system tells.
  func processorSeconds(of worker: pid_t) -> Double? {
    #if os(Linux)
      var clock = clockid_t()
      guard clock_getcpuclockid(worker, &clock) == 0 else { return nil }
      return Double(SharedReport.time(clock) - self[.beganProcessorTime]) / 1e9
    #else
      return nil
    #endif
  }
  var accepted: Int { self[.accepted] }
  var refused: Int { self[.refused] }
  /// Inputs that were read to their end.
  var inputs: Int { accepted + refused + self[.badMessages] }
  /// Seconds of processor time that one input took at most, and its number.
  var longest: (seconds: Double, index: Int) { (Double(self[.longest]) / 1e9, self[.longestIndex]) }

  /// What was written beside the counts.
  var findings: [(kind: String, index: Int, text: String)] {
    let text = (try? String(contentsOfFile: path + ".findings", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: "\t", maxSplits: 2)
      guard parts.count == 3, let index = Int(parts[1]) else { return nil }
      return (String(parts[0]), index, String(parts[2]))
    }
  }

  /// Nanoseconds of a clock.
  private static func time(_ clock: clockid_t) -> Int {
    var time = timespec()
    clock_gettime(clock, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}

/// A sentence about what keeps the program from doing its work.
struct FuzzError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
