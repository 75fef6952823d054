import Foundation

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
  private let handle: FileHandle
  private let encoder: JSONEncoder

  /// A log at `path` that keeps the entries of the first `steps` steps, for a run that is continued.
  init(path: String, keeping steps: Int) throws {
    let old = FileManager.default.contents(atPath: path) ?? Data()
    entries = old.split(separator: UInt8(ascii: "\n"))
      .compactMap { try? JSONDecoder().decode(Entry.self, from: $0) }.filter { $0.step <= steps }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    self.encoder = encoder
    let kept = try entries.reduce(into: Data()) { $0 += try encoder.encode($1) + Data("\n".utf8) }
    try kept.write(to: URL(filePath: path), options: .atomic)
    guard let handle = FileHandle(forWritingAtPath: path) else {
      throw InputError("\(path): cannot be written")
    }
    self.handle = handle
    try handle.seekToEnd()
  }

  func append(_ entry: Entry) throws {
    entries.append(entry)
    try handle.write(contentsOf: encoder.encode(entry) + Data("\n".utf8))
  }
}
