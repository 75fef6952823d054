/// How a batch is cut for the ranks that share it: into a fixed number of parts, whoever computes them.
///
/// Sums over a batch are those of its shards, added in the order of a binary tree. So 1, 2, 4, ... ranks compute the same
/// bits, as each sums a subtree; other numbers of ranks compute the same up to rounding.
public struct Shards: Sendable, Hashable {
  /// How many there are, a power of two.
  public let count: Int
  /// Those of this rank, in order.
  public let own: Range<Int>
  /// Those of each rank.
  public let ofRanks: [Range<Int>]

  /// The shards of a rank.
  ///
  /// - Throws: ``CommunicationError`` unless `count` is a power of two and there is one for each rank.
  public init(_ count: Int, _ communicator: any Communicator) throws {
    if count < 1 || count & (count - 1) != 0 {
      throw CommunicationError("\(count) shards, expected a power of two")
    }
    let ranks = communicator.size
    if count < ranks {
      throw CommunicationError("\(count) shards for \(ranks) ranks, expected at least one for each")
    }
    self.count = count
    ofRanks = (0..<ranks).map { $0 * count / ranks..<($0 + 1) * count / ranks }
    own = ofRanks[communicator.rank]
  }

  /// 8, or as many more as it takes for each of the ranks to have one.
  public static func usualCount(ranks: Int) -> Int {
    var count = 8
    while count < ranks { count *= 2 }
    return count
  }

  /// Places of a batch of `total` that a shard has.
  public func places(of shard: Int, in total: Int) -> Range<Int> {
    shard * total / count..<(shard + 1) * total / count
  }

  /// The rank that has a shard.
  public func rank(of shard: Int) -> Int { ofRanks.firstIndex { $0.contains(shard) }! }
}
