import Distributed
import NN

/// How a batch is shared by processes that train together, under MPI.
public struct DistributionConfiguration: Sendable, Hashable, Codable {
  /// Parts that a batch is cut into, whoever computes them: a power of two, at least as many as processes. If not given, 8
  /// where several processes train, and a batch is not cut where one does. A run with as many shards comes to the same
  /// bytes with 1, 2, 4, ... processes.
  public var shards: Int?
  /// How texts come to the images of other processes.
  public var texts = PairDistribution.gather
  /// Whether processes share the states of the optimizer: each keeps those of some parameters.
  public var shardsOptimizerState = false

  /// Shards as they are needed.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable { case shards, texts, shardsOptimizerState }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.readOptional(.shards, into: &shards, .range(1...4096))
    try fields.read(.texts, into: &texts)
    try fields.read(.shardsOptimizerState, into: &shardsOptimizerState)
    if let shards, shards & (shards - 1) != 0 {
      throw fields.problem(.shards, "is \(shards), expected a power of two")
    }
  }
}

extension PairDistribution: CaseNames {}

extension TrainingConfiguration {
  /// What does not go with batches that are cut.
  var problemOfShards: (key: String, text: String)? {
    guard let shards = distributed.shards, shards > 1 else { return nil }
    if batchSize < shards {
      return ("distributed.shards", "is \(shards), but a batch has \(batchSize) pairs")
    }
    if noise != nil { return ("noise", "is made for whole batches; use distributed.shards 1") }
    if loss.negatives != nil {
      return ("loss.negatives", "are chosen among all of a batch; use distributed.shards 1")
    }
    return nil
  }
}
