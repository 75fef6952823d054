import Foundation
import Optim

/// The folder of a run, which no other program can use meanwhile:
///
///     config.json         what decides the course
///     metrics.jsonl       numbers of each logged step, equal in equal runs
///     measurements.jsonl  what the machine did: rate, share of time waiting for data, memory
///     checkpoints/        see CheckpointStore
public final class RunFolder {
  /// How a run begins in a folder.
  public enum Start: Sendable, Hashable {
    /// Anew; a run that is there is not touched, but refused.
    case new
    /// Anew, in place of a run that is there.
    case replacing
    /// From the latest checkpoint; without one it is refused.
    case resuming
    /// From the latest checkpoint if there is one.
    case resumingIfAny
  }

  /// The folder.
  public let folder: URL
  /// Its checkpoints.
  public let checkpoints: CheckpointStore
  /// What decides the course.
  public let configuration: RunConfiguration
  /// Where the run goes on from, if it does.
  public let checkpoint: SavedCheckpoint?
  let allowed: Set<String>
  /// Held by the process that writes.
  private let lock: FileLock?

  /// The note of a checkpoint that holds the configuration.
  static let configurationNote = "configuration"

  /// Opens a folder, which is made if there is none.
  ///
  /// - Parameters:
  ///   - folder: Where the run is.
  ///   - configuration: What decides the course: it has to be that of the checkpoint.
  ///   - start: Whether to go on.
  ///   - allowed: Keys of the configuration whose values may differ from the checkpoint's.
  ///   - retention: Which checkpoints stay.
  ///   - warn: Told, a line each, of a run that is replaced, of a damaged checkpoint in whose place the one before is taken,
  ///     and of differences that were allowed.
  /// - Throws: ``ConfigurationMismatch``, ``UnknownConfigurationKey``, ``FileError``; then nothing was changed.
  public init(
    _ folder: URL, configuration: RunConfiguration = RunConfiguration(), start: Start = .new,
    allowing allowed: Set<String> = [], retention: CheckpointStore.Retention = .init(),
    warn: @escaping (String) -> Void = RunFolder.printWarning
  ) throws {
    (self.folder, self.configuration, self.allowed) = (folder, configuration, allowed)
    checkpoints = CheckpointStore(folder: folder.appending(path: "checkpoints"), retention: retention)
    try configuration.check(allowed: allowed)
    if start == .resuming, try checkpoints.steps().isEmpty {
      throw FileError(.missing, folder.path, "checkpoint to go on from")
    }
    try makeFolder(folder)
    lock = try FileLock(folder.appending(path: ".lock").path, of: folder.path)
    switch start {
    case .new, .replacing:
      checkpoint = nil
      if let step = try checkpoints.steps().last {
        if start == .new {
          throw FileError(
            .unwritable, folder.path, "it holds a run of \(step) steps",
            advice: "go on with that one, or choose another folder")
        }
        warn("\(folder.path): a run that was there is replaced")
      }
      try clear()
    case .resuming, .resumingIfAny:
      checkpoint = try checkpoints.latest { warn("\($0) The checkpoint before it is tried.") }
      if let checkpoint {
        let differences = try configuration.check(
          isThatOf: checkpoint.notes[RunFolder.configurationNote], in: checkpoint.folder.path,
          allowing: allowed)
        for difference in differences { warn("going on with another value, as allowed: \(difference)") }
      }
    }
    try Data(configuration.json.utf8).writeWhole(to: path("config.json"))
  }

  /// A folder that the leader of a training has opened, to go on from the checkpoint of a step.
  init(following folder: URL, _ configuration: RunConfiguration, _ allowed: Set<String>, step: Int?) throws {
    (self.folder, self.configuration, self.allowed) = (folder, configuration, allowed)
    let checkpoints = CheckpointStore(folder: folder.appending(path: "checkpoints"))
    self.checkpoints = checkpoints
    checkpoint = try step.map { try checkpoints.checkpoint(atStep: $0) }
    lock = nil
  }

  /// Writes a line to standard error.
  public static func printWarning(_ line: String) {
    try? FileHandle.standardError.write(contentsOf: Data((line.oneLine() + "\n").utf8))
  }

  /// A file of the folder.
  public func path(_ name: String) -> String { folder.appending(path: name).path }

  /// Where the numbers of each step are.
  public var metrics: String { path("metrics.jsonl") }
  /// Where the machine's numbers are.
  public var measurements: String { path("measurements.jsonl") }

  /// Removes what another run has left: its results are not this one's.
  private func clear() throws {
    try checkpoints.removeAll()
    try remove("config.json", "metrics.jsonl", "measurements.jsonl", "report.html")
  }

  /// Removes files of the folder, such as results that are about to be made anew; those that are not there aside.
  ///
  /// - Throws: ``FileError``.
  public func remove(_ names: String...) throws {
    for name in names {
      if unlink(path(name)) != 0 && errno != ENOENT {
        throw FileError(.unwritable, path(name), systemReason())
      }
    }
  }
}
