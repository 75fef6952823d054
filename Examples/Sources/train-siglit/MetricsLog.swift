import CommandSupport
import Foundation
import SigLIPModel

/// One line of metrics.jsonl for each step.
final class MetricsLog {
  struct Entry: Codable, Hashable {
    let step: Int
    let loss: Float
    /// t = exp(t′).
    let temperature: Float
    let bias: Float
  }

  private(set) var entries: [Entry] = []
  private let path: String
  private let handle: FileHandle
  private let encoder: JSONEncoder
  /// Up to here the file is whole lines.
  private var end: UInt64

  /// A log at `path` that keeps the entries of the first `steps` steps, for a run that is continued.
  ///
  /// - Throws: ``CommandError`` when what should be kept is damaged, ``FileError`` when the file cannot be written.
  init(path: String, keeping steps: Int) throws {
    self.path = path
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    self.encoder = encoder
    if steps > 0, FileManager.default.fileExists(atPath: path) {
      entries = try MetricsLog.entries(path, until: steps)
    }
    let kept = try entries.reduce(into: Data()) { $0 += try encoder.encode($1) + Data("\n".utf8) }
    try kept.writeWhole(to: path)
    guard let handle = FileHandle(forWritingAtPath: path) else {
      throw CommandError("\(path): cannot be written")
    }
    self.handle = handle
    end = try handle.seekToEnd()
  }

  /// Adds a line: whole or, when it cannot be written, not at all.
  func append(_ entry: Entry) throws {
    do {
      try handle.write(contentsOf: encoder.encode(entry) + Data("\n".utf8))
      end = try handle.offset()
    } catch {
      let reason = reason(of: error)
      try? handle.truncate(atOffset: end)
      throw CommandError("cannot write \(path): \(reason)")
    }
    entries.append(entry)
  }

  /// The entries of the steps up to one. What follows them belongs to steps that are made again, and is not looked at.
  private static func entries(_ path: String, until last: Int) throws -> [Entry] {
    var entries: [Entry] = []
    for (number, line) in try readText(path).split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated()
    where !line.isEmpty {
      guard let entry = try? JSONDecoder().decode(Entry.self, from: Data(line.utf8)),
        entry.step == (entries.last?.step ?? entry.step - 1) + 1
      else {
        throw CommandError(
          "\(path), line \(number + 1): expected the metrics of the next step; remove the file to go on without"
        )
      }
      entries.append(entry)
      if entry.step == last { return entries }
    }
    if entries.isEmpty { return [] }
    throw CommandError("\(path) ends before step \(last) of the checkpoint; remove the file to go on without")
  }
}
