import Foundation
import Optim

/// Sums the gradients of all ranks while a backward sweep still runs: some parameters at a time, as soon as their gradients
/// are there.
///
/// Every rank ends with the same sums, in the order of ``TreeSum``. It sends 2 (ranks - 1) / ranks of the gradients' bytes.
public final class GradientReduction {
  private let communicator: any Communicator
  private let buckets: [Bucket]
  private let places: [ObjectIdentifier: (bucket: Int, entry: Int)]
  private var contributors: [Bool] = []
  /// The gradients of a process that is alone: they stay where they are.
  private var kept = Gradients()
  /// Buckets whose parts were sent, and of those the ones whose sums were.
  private var (started, gathering) = (0, 0)

  private final class Bucket {
    var entries: [(parameter: Parameter, offset: Int, isSet: Bool)] = []
    var count = 0
    var missing = 0
    var buffer: NumberBuffer?
    var sum: SharedSum?
  }

  /// A reduction of the gradients of some parameters, the same ones in the same order on all ranks.
  ///
  /// - Parameter bucketBytes: Bytes that are sent together, or one parameter if that has more.
  public init(_ parameters: [Parameter], _ communicator: any Communicator, bucketBytes: Int = 25 << 20) {
    self.communicator = communicator
    var (buckets, places) = ([Bucket](), [ObjectIdentifier: (bucket: Int, entry: Int)]())
    // The last layers' gradients are there first.
    for parameter in parameters.reversed() {
      let count = parameter.value.count
      if buckets.isEmpty || (buckets.last!.count + count) * 4 > bucketBytes { buckets.append(Bucket()) }
      let bucket = buckets.last!
      places[ObjectIdentifier(parameter)] = (buckets.count - 1, bucket.entries.count)
      bucket.entries.append((parameter, bucket.count, false))
      bucket.count += count
    }
    (self.buckets, self.places) = (buckets, places)
  }

  /// Begins with a step's gradients.
  ///
  /// - Parameter contributors: Ranks that have gradients.
  public func begin(contributors: [Bool]) {
    self.contributors = contributors
    (started, gathering) = (0, 0)
    for bucket in buckets {
      bucket.missing = bucket.entries.count
      for entry in bucket.entries.indices { bucket.entries[entry].isSet = false }
    }
  }

  /// Takes a parameter's gradient, which is complete. Others are sent meanwhile.
  public func add(_ gradient: Tensor, of parameter: Parameter) throws {
    guard let place = places[ObjectIdentifier(parameter)] else { return }
    let bucket = buckets[place.bucket]
    if bucket.entries[place.entry].isSet { programmerError("GradientReduction: a gradient was given twice") }
    bucket.entries[place.entry].isSet = true
    if communicator.size == 1 { return kept[parameter] = gradient }
    fill(bucket)
    bucket.buffer!.copy(gradient, to: bucket.entries[place.entry].offset)
    bucket.missing -= 1
    try startComplete()
    try progress()
  }

  private func fill(_ bucket: Bucket) {
    if bucket.buffer == nil { bucket.buffer = NumberBuffer(count: bucket.count) }
  }

  /// Sends buckets that are complete, in their order, which all ranks share.
  private func startComplete() throws {
    while started < buckets.count, buckets[started].missing == 0 {
      let bucket = buckets[started]
      bucket.sum = try SharedSum(
        bucket.buffer!, parts: communicator.equalParts(of: bucket.count), contributors: contributors,
        communicator)
      started += 1
    }
  }

  /// Moves what is on its way on.
  public func progress() throws {
    while gathering < started, try buckets[gathering].sum!.isAdded() {
      try buckets[gathering].sum!.startGather()
      gathering += 1
    }
    // The library moves messages when it is asked for any of them.
    if gathering > 0 { _ = try buckets[gathering - 1].sum!.isGathered() }
  }

  /// Waits for all sums.
  ///
  /// - Returns: The gradients of the parameters that a gradient reached on any rank.
  public func finish() throws -> Gradients {
    if communicator.size == 1 {
      defer { kept = Gradients() }
      return kept
    }
    var reached = Data()
    for bucket in buckets {
      for entry in bucket.entries.indices {
        reached.append(bucket.entries[entry].isSet ? 1 : 0)
        if !bucket.entries[entry].isSet {
          fill(bucket)
          let offset = bucket.entries[entry].offset
          bucket.buffer!.clear(offset..<offset + bucket.entries[entry].parameter.value.count)
        }
      }
      bucket.missing = 0
    }
    try startComplete()
    while gathering < buckets.count {
      try buckets[gathering].sum!.waitForSum("the gradients of all ranks")
      try progress()
    }
    let everywhere = try communicator.allGather(reached)
    if let other = everywhere.firstIndex(where: { $0.count != reached.count }) {
      throw CommunicationError(
        "rank \(other) trains \(everywhere[other].count) parameters, rank \(communicator.rank) \(reached.count)"
      )
    }
    var gradients = Gradients()
    var flag = 0
    for bucket in buckets {
      try bucket.sum!.waitForGather("the sums of gradients")
      for entry in bucket.entries {
        if everywhere.contains(where: { $0[flag] == 1 }) {
          gradients[entry.parameter] = bucket.buffer!.tensor(
            at: entry.offset, shape: entry.parameter.value.shape)
        }
        flag += 1
      }
      (bucket.sum, bucket.buffer) = (nil, nil)
    }
    return gradients
  }
}
