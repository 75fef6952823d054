import Foundation
import Optim

/// What a run shows after a step.
public struct StepMetrics: Sendable, Equatable {
  /// Steps made.
  public let step: Int
  /// Numbers of the course by name, such as `loss` or `norm/text.encoder`; a slash parts groups. Equal runs have equal ones.
  public var numbers: [String: Double]
  /// Numbers of the machine by name, such as `examples per second`: no two runs have the same.
  public var measurements: [String: Double]

  /// Numbers after `step` steps.
  public init(step: Int, numbers: [String: Double] = [:], measurements: [String: Double] = [:]) {
    (self.step, self.numbers, self.measurements) = (step, numbers, measurements)
  }
}

/// Where metrics go: a file of lines, TensorBoard, a terminal, or what a program makes of them.
public protocol MetricsWriter {
  /// Takes the metrics of a step; steps come in ascending order.
  mutating func write(_ metrics: StepMetrics) throws
  /// Makes sure that what was written is in the file, as before a checkpoint.
  mutating func flush() throws
}

extension MetricsWriter {
  /// Nothing is held back.
  public mutating func flush() throws {}
}

/// A file of one JSON object a line, `{"step":1,"loss":0.7}`, names in order. Numbers that are not finite are null.
///
/// What the machine measures belongs in a file of its own, so that equal runs have equal files.
public struct JSONLinesWriter: MetricsWriter {
  private let kind: KeyPath<StepMetrics, [String: Double]> & Sendable
  private var file: AppendOnlyFile

  /// A file that keeps what it has of the first `steps` steps: what follows is made again.
  ///
  /// - Parameter kind: Which numbers it takes, those of the course or of the machine.
  /// - Throws: ``FileError`` when the file cannot be written, or what is to stay is damaged or missing.
  public init(
    path: String, of kind: KeyPath<StepMetrics, [String: Double]> & Sendable = \.numbers,
    keepingSteps steps: Int = 0
  ) throws {
    self.kind = kind
    file = try AppendOnlyFile(
      path: path, keeping: steps == 0 ? Data() : try JSONLinesWriter.lines(of: path, until: steps))
  }

  /// Adds a line, whole or not at all.
  public mutating func write(_ metrics: StepMetrics) throws {
    var line = "{\"step\":\(metrics.step)"
    for (name, number) in metrics[keyPath: kind].sorted(by: { $0.key < $1.key }) {
      let name = String(decoding: try JSONEncoder().encode(name), as: UTF8.self)
      line += ",\(name):" + (number.isFinite ? "\(number)" : "null")
    }
    try file.append(Data((line + "}\n").utf8))
  }

  /// Waits until the disk has all lines.
  public mutating func flush() throws { try file.synchronize() }

  /// The metrics of a file.
  ///
  /// - Throws: ``FileError`` naming the line that is damaged.
  public static func read(path: String) throws -> [StepMetrics] {
    try lines(path).map(\.metrics)
  }

  private static func lines(of path: String, until last: Int) throws -> Data {
    var kept = Data()
    var reached = 0
    for (line, metrics) in try lines(path, until: last) {
      kept += Data((line + "\n").utf8)
      reached = metrics.step
    }
    if reached < last {
      throw FileError(
        .malformed, path, "it ends at step \(reached)", expected: "the metrics of \(last) steps",
        advice: "remove it to go on without them")
    }
    return kept
  }

  /// Lines up to a step; what follows is not looked at, for a process may have ended while it wrote.
  private static func lines(_ path: String, until last: Int = .max) throws -> [(
    text: Substring, metrics: StepMetrics
  )] {
    let text = String(decoding: try readFile(path, maximumBytes: 1 << 30), as: UTF8.self)
    var result: [(text: Substring, metrics: StepMetrics)] = []
    for (number, line) in text.split(separator: "\n").enumerated() {
      let object = try JSONNode(Array(line.utf8), name: "\(path), line \(number + 1)")
      let step = try object["step"].size()
      if step <= result.last?.metrics.step ?? 0 {
        throw FileError(
          .malformed, "\(path), line \(number + 1)", "it is of step \(step)",
          expected: "a later step than the line before")
      }
      if step > last { break }
      let numbers = try object.members().filter { $0.name != "step" }.map {
        ($0.name, $0.node.isAbsent ? .nan : try $0.node.number())
      }
      result.append((line, StepMetrics(step: step, numbers: Dictionary(uniqueKeysWithValues: numbers))))
      if step == last { break }
    }
    return result
  }
}

/// A file that grows by whole records: one that cannot be written leaves nothing of itself.
struct AppendOnlyFile {
  let path: String
  private let handle: FileHandle
  private var end: UInt64

  /// A file that begins with `contents`, whatever there was.
  init(path: String, keeping contents: Data) throws {
    self.path = path
    try contents.writeWhole(to: path)
    guard let handle = FileHandle(forUpdatingAtPath: path) else {
      throw FileError(.unwritable, path, systemReason())
    }
    self.handle = handle
    end = UInt64(contents.count)
    try? handle.seek(toOffset: end)
  }

  mutating func append(_ record: Data) throws {
    do {
      try handle.write(contentsOf: record)
    } catch {
      let reason = systemReason()
      try? handle.truncate(atOffset: end)
      try? handle.seek(toOffset: end)
      throw FileError(.unwritable, path, reason)
    }
    end += UInt64(record.count)
  }

  /// Waits until the disk has everything.
  func synchronize() throws {
    if fsync(handle.fileDescriptor) != 0 { throw FileError(.unwritable, path, systemReason()) }
  }
}
