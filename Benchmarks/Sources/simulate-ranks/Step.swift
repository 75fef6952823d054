import Distributed
import Foundation

/// One step of training, shared by ranks.
struct Step {
  let model: ModelSizes
  let machine: Machine
  let ranks: Int
  /// Pairs of the whole batch.
  let batch: Int
  /// Parts that the batch is cut into; if not given as many as `siglip train` takes.
  var shards: Int?
  /// Pairs that towers embed at a time; all of a shard if nil.
  let microbatch: Int?
  /// `gather` or `shift`.
  let distribution: PairDistribution

  /// What is foretold.
  struct Prediction {
    let seconds: Double
    let parts: [Part: Double]
    /// Bytes that each rank sends.
    let sentBytes: Double
    /// Memory that each rank needs.
    let memoryBytes: Double
  }

  private var shardCount: Int { shards ?? Shards.usualCount(ranks: ranks) }
  /// Shards of a rank, and pairs of a shard.
  private var ownShards: Int { shardCount / ranks }
  private var shardPairs: Double { Double(batch) / Double(shardCount) }
  private var rankPairs: Double { Double(batch) / Double(ranks) }
  private var parameterBytes: Double { 4 * Double(model.parameters) }
  private var isCut: Bool { microbatch.map { Double($0) < shardPairs } ?? false }
  /// The machine with the speeds that are left where ranks share cores.
  private var slowed: Machine {
    var slowed = machine
    slowed.memoryBytesPerSecond *= machine.coreShare(ranks: ranks)
    slowed.copyBytesPerSecond *= machine.coreShare(ranks: ranks)
    return slowed
  }
  /// Of a rank, in multiply-adds a second of all its threads.
  private var speed: Double {
    machine.multiplyAddsPerSecond * Double(machine.threadsPerRank) * machine.coreShare(ranks: ranks)
  }
  /// The embeddings of a rank's texts.
  private var textBytes: Double { rankPairs * Double(model.width) * 4 }

  /// Bytes that tell a pair's image and caption.
  private static let identityBytes = 41.0

  /// Follows one rank through the step.
  func predict() -> Prediction {
    var clock = Clock()
    clock.spend(machine.secondsPerStep / machine.coreShare(ranks: ranks), .update)
    tellPairs(&clock)
    clock.spend(Double(ownShards) * passSeconds(units: 1), .towers)
    compare(&clock)
    clock.spend(Double(ownShards - 1) * passSeconds(units: isCut ? 3 : 2), .towers)
    // Sums over the own shards, in the order of a tree.
    let memory = slowed.memoryBytesPerSecond
    clock.spend(Double(ownShards - 1) * 3 * parameterBytes / memory, .gradients)
    var sweep = GradientSweep(slowed, ranks: ranks)
    sweep.run(arrivals, &clock)
    clock.spend(2 * parameterBytes / slowed.copyBytesPerSecond, .gradients)
    // Measured and scaled for clipping, and looked at; AdamW reads and writes seven numbers.
    clock.spend((1 + 2 + 1 + 7) * parameterBytes / memory, .update)
    return Prediction(
      seconds: clock.now, parts: clock.spent, sentBytes: sentBytes,
      memoryBytes: memoryBytes(terms: sweep.mostTermBytes))
  }

  // MARK: Towers

  /// Seconds in which a shard passes through both towers; of three units one is the forward pass.
  private func passSeconds(units: Double) -> Double {
    let passes = isCut ? (shardPairs / Double(microbatch!)).rounded(.up) : 1
    return units
      * (passes * machine.secondsPerPass / machine.coreShare(ranks: ranks) / 3
        + shardPairs * Double(model.multiplyAdds) / speed)
  }

  /// The gradients of the last shard's sweep.
  private var arrivals: [GradientSweep.Arrival] {
    let seconds = passSeconds(units: isCut ? 3 : 2)
    let perMultiplyAdd = seconds / Double(model.multiplyAdds)
    return [model.text, model.image].flatMap { layers in
      var (all, waiting) = ([GradientSweep.Arrival](), 0.0)
      for layer in layers {
        for _ in 0..<layer.tensors {
          let own = perMultiplyAdd * Double(layer.multiplyAdds) / Double(layer.tensors)
          all.append(.init(seconds: own, bytes: 4 * Double(layer.parameters) / Double(layer.tensors)))
          waiting += own
        }
      }
      // Microbatches hand out what they have in common when the last of them is done.
      if !isCut { return all }
      return all.enumerated().map { .init(seconds: $0.offset == 0 ? waiting : 0, bytes: $0.element.bytes) }
    }
  }

  // MARK: The loss

  /// All ranks tell which pairs they have, and each finds out which belong together.
  private func tellPairs(_ clock: inout Clock) {
    if ranks > 1 {
      // Lengths go before, and in the end sums of three numbers and what was reached; before the step who wants to stop.
      clock.spend(6 * machine.toAll(8, ranks: ranks), .texts)
      clock.spend(machine.toAll(Self.identityBytes * rankPairs, ranks: ranks), .texts)
    }
    clock.spend(Double(batch) * machine.secondsPerIdentity / machine.coreShare(ranks: ranks), .loss)
  }

  /// Texts come by, and their gradients go back.
  private func compare(_ clock: inout Clock) {
    // Logits and the gradients of both embeddings are a product each.
    let comparison =
      (3 * Double(model.width) / machine.productMultiplyAddsPerSecond + machine.secondsPerComparison)
      / Double(machine.threadsPerRank) / machine.coreShare(ranks: ranks)
    let block = rankPairs * rankPairs * comparison
    if distribution == .gather { clock.spend(machine.toAll(textBytes, ranks: ranks), .texts) }
    for distance in 0..<ranks {
      let hop =
        distribution == .shift && distance + 1 < ranks
        ? machine.toNeighbour(textBytes, distance: 1, ranks: ranks) : 0
      let arrival = clock.now + hop
      clock.spend(block, .loss)
      if machine.overlaps { clock.wait(until: arrival, .texts) } else { clock.spend(hop, .texts) }
      if distance > 0 {
        clock.spend(machine.toNeighbour(textBytes, distance: distance, ranks: ranks), .texts)
      }
    }
  }

  // MARK: Bytes

  private var sentBytes: Double {
    let others = Double(ranks - 1)
    return 2 * others / Double(ranks) * parameterBytes + others
      * (2 * textBytes + Self.identityBytes * rankPairs)
  }

  private func memoryBytes(terms: Double) -> Double {
    // Weights, two moments, gradients; the last in their buckets, too.
    let parameters = 5 * parameterBytes + log2(Double(ownShards)) * parameterBytes + terms
    let kept = isCut ? Double(microbatch!) : rankPairs
    // A block keeps so many numbers of each place of a token: inputs and outputs, and those inside attention and MLP.
    let activations = kept * Double(model.tokenNumbers) * 12 * 4
    let texts = distribution == .gather ? Double(ranks) * textBytes : 2 * textBytes
    let embeddings = (4 + 2 * log2(Double(max(ranks, 2)))) * textBytes + texts
    return parameters + activations + embeddings
  }
}
