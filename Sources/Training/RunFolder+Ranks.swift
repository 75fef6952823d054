import Foundation
import Optim

extension RunFolder {
  /// Opens one folder for all ranks of a training: the leader as ``init(_:configuration:start:allowing:retention:warn:)``
  /// says, the others to read the checkpoint that the run goes on from, which they have to see in the same place.
  ///
  /// - Throws: What the leader throws, on all ranks; ``CommunicationError`` naming a rank whose configuration or library is
  ///   another one. Then nothing was changed.
  public static func open(
    _ folder: URL, configuration: RunConfiguration, start: Start, allowing allowed: Set<String> = [],
    retention: CheckpointStore.Retention = .init(), warn: @escaping (String) -> Void = RunFolder.printWarning,
    _ communicator: any Communicator
  ) throws -> RunFolder {
    if communicator.size == 1 {
      return try RunFolder(
        folder, configuration: configuration, start: start, allowing: allowed, retention: retention,
        warn: warn)
    }
    try checkEqual(configuration, communicator)
    if communicator.isLeader {
      let run: RunFolder
      do {
        run = try RunFolder(
          folder, configuration: configuration, start: start, allowing: allowed, retention: retention,
          warn: warn)
      } catch {
        _ = try communicator.broadcast(JSONEncoder().encode(Opening(problem: "\(error)")))
        throw error
      }
      _ = try communicator.broadcast(JSONEncoder().encode(Opening(step: run.checkpoint?.step)))
      return run
    }
    let opening = try JSONDecoder().decode(Opening.self, from: communicator.broadcast(nil))
    if let problem = opening.problem { throw CommunicationError("rank 0: \(problem)") }
    return try RunFolder(following: folder, configuration, allowed, step: opening.step)
  }

  /// What the leader found: a problem, or the checkpoint that the run goes on from.
  private struct Opening: Codable {
    var problem: String?
    var step: Int?
  }

  private static func checkEqual(_ configuration: RunConfiguration, _ communicator: any Communicator) throws {
    let all = try communicator.allGather(Data("\(libraryVersion)\n\(configuration.json)".utf8)).map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n", maxSplits: 1)
    }
    for (rank, other) in all.enumerated() {
      if other[0] != all[0][0] {
        throw CommunicationError(
          "rank \(rank) has version \(other[0]) of the library, rank 0 has \(all[0][0])")
      }
      // Also what may change from run to run.
      do {
        try RunConfiguration(json: String(other[1])).check(isThatOf: String(all[0][1]), in: "rank 0")
      } catch let error as ConfigurationMismatch {
        throw CommunicationError(
          "rank \(rank) has another configuration than rank 0: " + error.differences.map { "\($0)" }.listed())
      }
    }
  }
}
