import Foundation
@_exported import Optim

/// The state of a run after a step, to be written by a ``CheckpointStore``.
///
///     var checkpoint = Checkpoint(step: optimizer.stepCount)
///     checkpoint.add(model.stateDictionary(), prefix: "model.")
///     checkpoint.add(optimizer.stateDictionary(), prefix: "optimizer.")
///     checkpoint.notes["data"] = try position.encoded()
///     try store.save(checkpoint)
public struct Checkpoint {
  /// Steps made.
  public let step: Int
  /// Numbers by which the best checkpoint is told, such as a validation loss.
  public var metrics: [String: Double] = [:]
  /// Whatever else a run goes on with, as text: its configuration, its place in the data.
  public var notes: [String: String] = [:]
  var writer = SafetensorsWriter(metadata: ["format": "pairwise-checkpoint"])

  /// An empty state after `step` steps.
  public init(step: Int) {
    if step < 0 { programmerError("Checkpoint: step \(step)") }
    self.step = step
  }

  /// Adds tensors, unrounded. Traps when a name is taken.
  public mutating func add(_ tensors: [String: Tensor], prefix: String = "") {
    for (name, tensor) in tensors { writer.add(tensor, named: prefix + name) }
  }

  /// Adds an optimizer's state. Traps when a name is taken.
  public mutating func add(_ state: OptimizerStateDictionary, prefix: String = "") {
    state.add(to: &writer, prefix: prefix)
  }
}

/// A checkpoint that was found whole.
public struct SavedCheckpoint: Sendable {
  /// The folder that it is in.
  public let folder: URL
  /// Steps made.
  public let step: Int
  /// See ``Checkpoint/metrics``.
  public let metrics: [String: Double]
  /// See ``Checkpoint/notes``.
  public let notes: [String: String]
  /// The version of the library that wrote it.
  public let libraryVersion: String
  /// The tensors and counts.
  public let state: SafetensorsFile

  /// The tensors whose names begin with `prefix`, without it.
  ///
  /// - Throws: ``FileError``.
  public func tensors(prefix: String) throws -> [String: Tensor] {
    try Dictionary(
      uniqueKeysWithValues: state.names.filter { $0.hasPrefix(prefix) }.map {
        (String($0.dropFirst(prefix.count)), try state.tensor(named: $0))
      })
  }

  /// An optimizer's state.
  ///
  /// - Throws: ``FileError``.
  public func optimizerState(prefix: String) throws -> OptimizerStateDictionary {
    try OptimizerStateDictionary(state, prefix: prefix)
  }
}
