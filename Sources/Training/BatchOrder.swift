import Optim

/// How far a run has come in its data. It depends on what was seen alone, not on who loads it.
public struct DataPosition: Sendable, Hashable, Codable {
  /// Whole passes over the data.
  public var epoch: Int
  /// Samples of this pass that have been seen.
  public var sample: Int

  /// A position; the beginning if nothing is said.
  public init(epoch: Int = 0, sample: Int = 0) { (self.epoch, self.sample) = (epoch, sample) }
}

/// The order in which a run sees its samples: pass after pass, each in an order of its own, which depends on seed and pass
/// alone.
///
/// Any sample may follow any other, unless the order is one of shards: files of which only a few can be open at a time. Then
/// shards come in a random order, each with its samples in a random order, and a shuffle buffer mixes those that follow one
/// another: a sample comes less than ``shuffleBuffer`` places before or behind the one that it has in the row of shards. (The
/// first and last batches of a pass mix fewer shards.)
public struct BatchOrder: Sendable, Hashable, Codable {
  /// Samples in a pass.
  public let sampleCount: Int
  /// Samples in a batch.
  public let batchSize: Int
  /// What decides the order.
  public let seed: UInt64
  /// Whether the order is a random one; if not, it is that of the samples.
  public let isShuffled: Bool
  /// Whether what is left at the end of a pass makes a smaller batch; if not, it is left out of that pass.
  public let keepsLast: Bool
  /// Samples of each shard, in the order of their numbers; nil if there are no shards.
  public let shards: [Int]?
  /// Places that a sample may move in the row of shards; nil if there are no shards.
  public let shuffleBuffer: Int?

  /// Why there is no such order.
  public struct SizeError: DataError {
    /// What was found and what was expected.
    public let sentence: String
  }

  /// An order of samples `0..<sampleCount`.
  ///
  /// - Throws: ``SizeError`` unless they make at least one batch.
  public init(
    sampleCount: Int, batchSize: Int, seed: UInt64 = 0, isShuffled: Bool = true, keepsLast: Bool = false
  ) throws {
    if batchSize < 1 { throw SizeError(sentence: "batches of \(batchSize) samples, expected at least 1") }
    if sampleCount < (keepsLast ? 1 : batchSize) {
      throw SizeError(sentence: "\(sampleCount) samples, expected enough for a batch of \(batchSize)")
    }
    (self.sampleCount, self.batchSize, self.seed) = (sampleCount, batchSize, seed)
    (self.isShuffled, self.keepsLast) = (isShuffled, keepsLast)
    (shards, shuffleBuffer) = (nil, nil)
  }

  /// A random order of shards and their samples.
  ///
  /// - Parameters:
  ///   - shards: How many samples each has; they are numbered one shard after another.
  ///   - shuffleBuffer: Places that a sample may move: 1 leaves shard behind shard.
  /// - Throws: ``SizeError`` unless they make at least one batch.
  public init(
    shards: [Int], shuffleBuffer: Int, batchSize: Int, seed: UInt64 = 0, keepsLast: Bool = false
  ) throws {
    if let count = shards.first(where: { $0 < 0 }) {
      throw SizeError(sentence: "a shard of \(count) samples")
    }
    // More places than there are samples mix no better, and their numbers would overflow.
    if !(1...1 << 31).contains(shuffleBuffer) {
      throw SizeError(sentence: "a shuffle buffer of \(shuffleBuffer) samples, expected 1 to \(1 << 31)")
    }
    let plain = try BatchOrder(
      sampleCount: shards.reduce(0, +), batchSize: batchSize, seed: seed, keepsLast: keepsLast)
    (sampleCount, self.batchSize, self.seed) = (plain.sampleCount, batchSize, seed)
    (isShuffled, self.keepsLast) = (true, keepsLast)
    (self.shards, self.shuffleBuffer) = (shards, shuffleBuffer)
  }

  /// Batches in a pass.
  public var batchesPerEpoch: Int {
    keepsLast ? (sampleCount + batchSize - 1) / batchSize : sampleCount / batchSize
  }

  /// The samples of a pass in their order.
  public func samples(ofEpoch epoch: Int) -> [Int] {
    if !isShuffled { return Array(0..<sampleCount) }
    var random = Random(seed: seed, stream: UInt64(epoch), of: .max)
    guard let shards, let shuffleBuffer else { return random.permutation(sampleCount) }
    var starts: [Int] = []
    var end = 0
    for count in shards {
      starts.append(end)
      end += count
    }
    let row = random.permutation(shards.count).flatMap { shard in
      random.permutation(shards[shard]).map { starts[shard] + $0 }
    }
    // Each sample comes up to the buffer's length later than its place, in units of 2^-32 places.
    let times = row.indices.map { place in
      UInt64(place) << 32 + UInt64(shuffleBuffer) * (random.nextUInt64() >> 32)
    }
    return row.indices.sorted { (times[$0], $0) < (times[$1], $1) }.map { row[$0] }
  }

  /// The batch at a position.
  public func batch(at position: DataPosition) -> BatchSamples {
    let (epoch, range) = range(at: position)
    return BatchSamples(Array(samples(ofEpoch: epoch)[range]), epoch: epoch, seed: seed)
  }

  /// Where the next batch begins and ends, at a position that may be the end of a pass.
  func range(at position: DataPosition) -> (epoch: Int, samples: Range<Int>) {
    let left = sampleCount - position.sample
    if left >= (keepsLast ? 1 : batchSize) {
      return (position.epoch, position.sample..<position.sample + min(left, batchSize))
    }
    return (position.epoch + 1, 0..<min(sampleCount, batchSize))
  }
}

/// The samples that a batch is to be made of.
public struct BatchSamples: Sendable {
  /// Numbers of the samples, in order.
  public let indices: [Int]
  /// The pass that they belong to.
  public let epoch: Int
  fileprivate let seed: UInt64

  init(_ indices: [Int], epoch: Int, seed: UInt64) {
    (self.indices, self.epoch, self.seed) = (indices, epoch, seed)
  }

  /// How many there are.
  public var count: Int { indices.count }

  /// The first few of them.
  public func prefix(_ count: Int) -> BatchSamples {
    BatchSamples(Array(indices.prefix(count)), epoch: epoch, seed: seed)
  }

  /// Random numbers for the sample at a place, for augmentation. They depend on the seed, the pass and the sample's number
  /// alone: not on the batch it is in, nor on who loads it.
  public func random(at place: Int) -> Random {
    Random(seed: seed, stream: UInt64(epoch), of: UInt64(indices[place]))
  }
}

/// Batches that can be had from any position on.
public protocol BatchSource<Batch>: AnyObject {
  /// What a step is made of.
  associatedtype Batch
  /// What the order of the batches depends on: a run that goes on with another one is told.
  var order: BatchOrder { get }
  /// The batch at a position: the same one whenever it is asked for.
  func batch(at position: DataPosition) throws -> LoadedBatch<Batch>
}

/// A batch, and where the next one begins.
public struct LoadedBatch<Batch> {
  /// What the step is made of.
  public let batch: Batch
  /// How many samples it has.
  public let sampleCount: Int
  /// Where the next one begins.
  public let end: DataPosition

  /// A batch of `sampleCount` samples that ends at a position.
  public init(_ batch: Batch, sampleCount: Int, end: DataPosition) {
    (self.batch, self.sampleCount, self.end) = (batch, sampleCount, end)
  }
}
