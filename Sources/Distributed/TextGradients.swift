import Optim

/// The gradients of the own texts, of which every rank with images has a part.
struct TextGradients {
  private let layout: PairLayout
  private let width: Int
  /// For each own shard, a leaf for each rank.
  private var sums: [TreeSum<Tensor>]

  init(_ pairs: ShardedPairs, _ layout: PairLayout, ranks: Int) {
    self.layout = layout
    width = pairs.texts[0].shape[1]
    sums = pairs.texts.map { _ in TreeSum(of: ranks) }
  }

  /// What a rank has, shard behind shard.
  static func part(_ shards: [Tensor]) -> NumberBuffer? {
    if shards.isEmpty { return nil }
    let buffer = NumberBuffer(count: shards.reduce(0) { $0 + $1.count })
    var place = 0
    for shard in shards {
      buffer.copy(shard, to: place)
      place += shard.count
    }
    return buffer
  }

  mutating func take(_ part: NumberBuffer?, of rank: Int, own: Range<Int>) {
    for (place, shard) in own.enumerated() {
      let rows = layout.placesOnRank(of: shard)
      sums[place].set(
        rank,
        to: rows.isEmpty ? nil : part?.tensor(at: rows.lowerBound * width, shape: [rows.count, width]))
    }
  }

  /// The gradients by shard.
  mutating func finish(_ pairs: ShardedPairs) -> [Tensor] {
    sums.indices.map { sums[$0].finish() ?? .zeros(like: pairs.texts[$0]) }
  }
}
