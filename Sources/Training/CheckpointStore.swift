import Foundation
import Optim

/// The checkpoints of one run, in a folder that only one process writes to.
///
/// A checkpoint is a folder of its own, `step-00001000`: `state.safetensors`, `manifest.json`, and their checksums, which
/// `sha256sum --check SHA256SUMS` compares too. It is written under another name, synchronised with the disk and
/// renamed; then the file `latest` is made to name it. A process that is killed at any moment, or a full disk, leaves the
/// checkpoints that were there whole.
public struct CheckpointStore: Sendable {
  /// Which checkpoints stay when a new one was written. The newest one does.
  public struct Retention: Sendable {
    /// How many of the newest, at least 1.
    public var last: Int
    /// Every checkpoint whose step this divides.
    public var every: Int?
    /// The best by a metric.
    public var best: Best?

    /// By what the best is told.
    public struct Best: Sendable {
      /// A name of ``Checkpoint/metrics``.
      public var metric: String
      /// Whether more is better.
      public var isLargest: Bool

      /// The checkpoint with the smallest or largest `metric`; the newest of equal ones.
      public init(_ metric: String, isLargest: Bool) { (self.metric, self.isLargest) = (metric, isLargest) }
    }

    /// The `last` newest, every one whose step `every` divides, and the `best`.
    public init(last: Int = 2, every: Int? = nil, best: Best? = nil) {
      if last < 1 || (every ?? 1) < 1 {
        programmerError("CheckpointStore: to keep the last \(last), every \(every ?? 1)")
      }
      (self.last, self.every, self.best) = (last, every, best)
    }
  }

  /// Where the checkpoints are.
  public let folder: URL
  private let retention: Retention

  private static let pointerName = "latest"
  /// What is being written or removed, and may be left by a process that ended meanwhile.
  private static let unfinishedPrefix = ".unfinished-"

  /// A store in a folder, which is made when it is first written to.
  public init(folder: URL, retention: Retention = Retention()) {
    (self.folder, self.retention) = (folder, retention)
  }

  // MARK: Writing

  /// Writes a checkpoint, lets `latest` name it, and removes those that need not stay.
  ///
  /// - Returns: Its folder.
  /// - Throws: ``FileError``; then all earlier checkpoints are as they were.
  @discardableResult
  public func save(_ checkpoint: Checkpoint) throws -> URL {
    try makeFolder(folder)
    for name in try names() where name.hasPrefix(CheckpointStore.unfinishedPrefix) { try delete(name) }
    let unfinished = CheckpointStore.unfinishedPrefix + UUID().uuidString
    let name = try freeName(step: checkpoint.step)
    do {
      let place = folder.appending(path: unfinished)
      try makeFolder(place)
      try checkpoint.writer.write(to: place.appending(path: CheckpointManifest.stateName).path)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try encoder.encode(CheckpointManifest(checkpoint))
        .writeWhole(to: place.appending(path: CheckpointManifest.fileName).path)
      try Checksums.write([CheckpointManifest.fileName, CheckpointManifest.stateName], in: place)
      try synchronize(place)
      try move(unfinished, to: name)
    } catch {
      try? delete(unfinished)
      throw error
    }
    try Data((name + "\n").utf8).writeWhole(to: path(CheckpointStore.pointerName))
    try synchronize(folder)
    try prune(newest: name)
    return folder.appending(path: name)
  }

  /// Removes all checkpoints.
  ///
  /// - Throws: ``FileError``.
  public func removeAll() throws {
    for name in try names() {
      if Entry(name) != nil {
        try remove(name)
      } else if name.hasPrefix(CheckpointStore.unfinishedPrefix) || name == CheckpointStore.pointerName {
        try delete(name)
      }
    }
  }

  /// Removes a checkpoint, which is never seen in part.
  private func remove(_ name: String) throws {
    let unfinished = CheckpointStore.unfinishedPrefix + UUID().uuidString
    try move(name, to: unfinished)
    try delete(unfinished)
  }

  /// A name for a step. A run that went on from an earlier checkpoint may come to the step of a later one again, which
  /// stays until the new one is whole.
  private func freeName(step: Int) throws -> String {
    let digits = String(step)
    let base = "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    let taken = Set(try names())
    if !taken.contains(base) { return base }
    return base + "-" + String((2...).first { !taken.contains("\(base)-\($0)") }!)
  }

  /// Removes what need not stay, and what went beyond the newest one before the run went back.
  private func prune(newest: String) throws {
    let all = try entries()
    guard let newest = all.first(where: { $0.name == newest }) else { return }
    let past = all.filter { $0.step < newest.step }
    var kept = Set(past.suffix(retention.last - 1).map(\.name))
    if let every = retention.every { kept.formUnion(past.filter { $0.step % every == 0 }.map(\.name)) }
    if let best = try bestName(among: past + [newest]) { kept.insert(best) }
    for entry in all where entry.name != newest.name && !kept.contains(entry.name) { try remove(entry.name) }
  }

  private func bestName(among entries: [Entry]) throws -> String? {
    guard let best = retention.best else { return nil }
    let rated = entries.compactMap { entry -> (name: String, rating: Double)? in
      guard let value = try? manifest(entry.name).metrics[best.metric] else { return nil }
      return (entry.name, best.isLargest ? value : -value)
    }
    return rated.max { $0.rating < $1.rating }?.name
  }

  // MARK: Reading

  /// Steps of which there is a checkpoint, in ascending order; whether they are whole is not looked at.
  ///
  /// - Throws: ``FileError``.
  public func steps() throws -> [Int] { try entries().map(\.step) }

  /// The checkpoint that was written last.
  ///
  /// - Parameter onDamage: Told why a checkpoint cannot be used; then the one before is tried. Without it that is thrown.
  /// - Returns: nil if there is none.
  /// - Throws: ``FileError`` naming the damaged file; that of the newest one when none can be used.
  public func latest(fallingBackOn onDamage: ((any Error) -> Void)? = nil) throws -> SavedCheckpoint? {
    var candidates = Array(try entries().reversed())
    if candidates.isEmpty { return nil }
    // What lies beyond was not finished, or the run went back.
    if let named = try? pointer(), let place = candidates.firstIndex(where: { $0.name == named }) {
      candidates.removeFirst(place)
    }
    var first: (any Error)?
    for candidate in candidates {
      do {
        return try checkpoint(named: candidate.name)
      } catch {
        guard let onDamage else { throw error }
        onDamage(error)
        first = first ?? error
      }
    }
    throw first!
  }

  /// The checkpoint of a step.
  ///
  /// - Throws: ``FileError`` when there is none or it is damaged.
  public func checkpoint(atStep step: Int) throws -> SavedCheckpoint {
    guard let entry = try entries().last(where: { $0.step == step }) else {
      let known = try steps().map(String.init).listed()
      throw FileError(
        .missing, folder.path, "checkpoint of step \(step)", expected: known.isEmpty ? nil : "one of \(known)"
      )
    }
    return try checkpoint(named: entry.name)
  }

  private func checkpoint(named name: String) throws -> SavedCheckpoint {
    let place = folder.appending(path: name)
    try Checksums.verify([CheckpointManifest.fileName, CheckpointManifest.stateName], in: place)
    let manifest = try manifest(name)
    return SavedCheckpoint(
      folder: place, step: manifest.step, metrics: manifest.metrics,
      notes: manifest.notes, libraryVersion: manifest.library,
      state: try SafetensorsFile(place.appending(path: CheckpointManifest.stateName).path))
  }

  private func manifest(_ name: String) throws -> CheckpointManifest {
    let path = path(name + "/" + CheckpointManifest.fileName)
    let manifest = try CheckpointManifest(file: path)
    if let step = Entry(name)?.step, step != manifest.step {
      throw FileError(.malformed, path, "it is of step \(manifest.step)", expected: "\(step)")
    }
    return manifest
  }

  private func pointer() throws -> String {
    String(decoding: try readFile(path(CheckpointStore.pointerName), maximumBytes: 256), as: UTF8.self)
      .trimmingCharacters(in: .newlines)
  }

  // MARK: Files

  /// A checkpoint by the name of its folder.
  private struct Entry {
    let name: String
    let step: Int
    let attempt: Int

    init?(_ name: String) {
      let parts = name.split(separator: "-", omittingEmptySubsequences: false)
      guard (2...3).contains(parts.count), parts[0] == "step", let step = Int(parts[1]), step >= 0 else {
        return nil
      }
      guard let attempt = parts.count == 2 ? 1 : Int(parts[2]) else { return nil }
      (self.name, self.step, self.attempt) = (name, step, attempt)
    }
  }

  private func entries() throws -> [Entry] {
    try names().compactMap(Entry.init).sorted { ($0.step, $0.attempt) < ($1.step, $1.attempt) }
  }

  private func names() throws -> [String] {
    guard let directory = opendir(folder.path) else {
      if errno == ENOENT { return [] }
      throw FileError(.unreadable, folder.path, systemReason())
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      names.append(
        withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
  }

  private func path(_ name: String) -> String { folder.appending(path: name).path }

  private func move(_ name: String, to other: String) throws {
    if rename(path(name), path(other)) != 0 { throw FileError(.unwritable, path(other), systemReason()) }
    try synchronize(folder)
  }

  private func delete(_ name: String) throws {
    do {
      try FileManager.default.removeItem(atPath: path(name))
    } catch {
      throw FileError(.unwritable, path(name), "it cannot be removed")
    }
  }

  /// Lets the disk know the names in a folder.
  private func synchronize(_ folder: URL) throws {
    let descriptor = open(folder.path, O_RDONLY)
    guard descriptor >= 0 else { throw FileError(.unwritable, folder.path, systemReason()) }
    defer { close(descriptor) }
    if fsync(descriptor) != 0 { throw FileError(.unwritable, folder.path, systemReason()) }
  }
}
