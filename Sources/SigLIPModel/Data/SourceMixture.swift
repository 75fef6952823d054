import Tensor

/// Several sources as one, each with a share of every pass.
///
///     let mixture = try SourceMixture([(photos, weight: 3), (drawings, weight: 1)], seed: 1)
///     let order = try BatchOrder(sampleCount: mixture.count, batchSize: 64, seed: 1)
///     let loader = DataLoader(order) { samples in
///       try samples.indices.map { try mixture.sample(at: mixture.index(ofPlace: $0, epoch: samples.epoch)) }
///     }
///
/// A pass has ``count`` samples, of each source as many as its weight says. What a source has not given in a pass comes in
/// the next: its samples are gone through in a random order, all of them before one comes again, then in another order. Which
/// sample stands at an index depends on the seed alone. Within a pass the sources stand one behind the other: the
/// order that shuffles a pass mixes them.
public struct SourceMixture: ImageTextSource {
  /// Samples in a pass.
  public let count: Int
  private let sources: [any ImageTextSource]
  /// Where each source's samples begin in a pass, and the end.
  private let starts: [Int]
  private let seed: UInt64

  /// There is nothing to mix.
  public struct MixtureError: DataError {
    /// What was found and what was expected.
    public let sentence: String
  }

  /// A mixture by weights, of which only the proportions matter.
  ///
  /// - Parameter count: Samples in a pass; as many as the sources have together if not given.
  /// - Throws: ``MixtureError`` for weights that are not above 0, sources without samples and a pass in which one has no share.
  public init(
    _ sources: [(source: any ImageTextSource, weight: Double)], count: Int? = nil, seed: UInt64 = 0
  ) throws {
    if sources.isEmpty { throw MixtureError(sentence: "a mixture of no sources") }
    let total = sources.reduce(0) { $0 + $1.weight }
    for (number, (source, weight)) in sources.enumerated() {
      if !(weight > 0 && weight.isFinite) {
        throw MixtureError(
          sentence: "source \(number + 1) has weight \(weight), expected a finite number above 0")
      }
      if source.count < 1 { throw MixtureError(sentence: "source \(number + 1) has no samples") }
    }
    if !total.isFinite { throw MixtureError(sentence: "the sum of all weights is \(total)") }
    let count = count ?? sources.reduce(0) { $0 + $1.source.count }
    if !(1...1 << 40).contains(count) {
      throw MixtureError(sentence: "a mixture of \(count) samples a pass")
    }
    // Each boundary is rounded, so that shares add up.
    var (sum, starts) = (0.0, [0])
    for (number, (_, weight)) in sources.enumerated() {
      sum += weight
      starts.append(
        number == sources.count - 1 ? count : Int((sum / total * Double(count)).rounded()))
      if starts[number + 1] <= starts[number] {
        throw MixtureError(sentence: "source \(number + 1) has no share in \(count) samples a pass")
      }
    }
    (self.sources, self.count, self.starts, self.seed) = (
      sources.map(\.source), count, starts, seed
    )
  }

  /// How many samples the sources have, whatever their weights.
  public var distinctCount: Int { sources.reduce(0) { $0 + $1.distinctCount } }

  /// The index of a pass's sample: those from ``count`` on belong to later passes.
  public func index(ofPlace place: Int, epoch: Int) -> Int { epoch * count + place }

  /// The source that gives the sample at an index, and the sample's index in it.
  public func place(at index: Int) -> (source: Int, sample: Int) {
    if index < 0 { programmerError("source mixture: sample \(index)") }
    let (epoch, place) = index.quotientAndRemainder(dividingBy: count)
    let source = starts.lastIndex { $0 <= place }!
    let given = epoch * (starts[source + 1] - starts[source]) + place - starts[source]
    let (pass, rank) = given.quotientAndRemainder(dividingBy: sources[source].count)
    var random = Random(seed: seed, stream: UInt64(source), of: UInt64(pass))
    let order = RandomOrder(count: sources[source].count, seed: random.nextUInt64())
    return (source, sources[source].index(ofPlace: order[rank], epoch: pass))
  }

  /// The key of the sample behind the number of its source: `1:a.jpg`.
  public func key(at index: Int) -> String {
    let (source, sample) = place(at: index)
    return "\(source):" + sources[source].key(at: sample)
  }

  /// The image of the sample.
  public func image(at index: Int) throws -> SampleImage {
    let (source, sample) = place(at: index)
    return try sources[source].image(at: sample)
  }

  /// The captions of the sample.
  public func captions(at index: Int) throws -> [Caption] {
    let (source, sample) = place(at: index)
    return try sources[source].captions(at: sample)
  }
}

/// A random order of `0..<count` whose elements are computed one by one: a Feistel network permutes the numbers below the next
/// power of four, and those from `count` on are led on until they come back (Black & Rogaway 2002).
struct RandomOrder {
  let count: Int
  private let key: (UInt32, UInt32)
  private let halfBits: UInt64

  init(count: Int, seed: UInt64) {
    self.count = count
    key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    let bits = Int.bitWidth - max(count - 1, 1).leadingZeroBitCount
    halfBits = UInt64((bits + 1) / 2)
  }

  subscript(rank: Int) -> Int {
    var number = permuted(UInt64(rank))
    while number >= UInt64(count) { number = permuted(number) }
    return Int(number)
  }

  private func permuted(_ number: UInt64) -> UInt64 {
    let mask: UInt64 = 1 << halfBits - 1
    var (left, right) = (number >> halfBits, number & mask)
    for round: UInt32 in 0..<6 {
      let words = Random.philox(
        (UInt32(truncatingIfNeeded: right), UInt32(truncatingIfNeeded: right >> 32), round, 2),
        key: key)
      (left, right) = (right, left ^ (UInt64(words.0) & mask))
    }
    return left << halfBits | right
  }
}
