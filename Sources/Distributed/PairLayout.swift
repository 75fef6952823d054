/// Where the images and texts of each shard are, in the batch and on their ranks.
struct PairLayout {
  private let imageStarts, textStarts: [Int]
  private let classes: (images: [Int32], texts: [Int32])
  let shards: Shards

  init(_ pairs: ShardedPairs, _ shards: Shards) {
    (self.shards, classes) = (shards, pairs.classes)
    func starts(_ counts: [Int]) -> [Int] { counts.reduce(into: [0]) { $0.append($0.last! + $1) } }
    imageStarts = starts(pairs.counts.map(\.images))
    textStarts = starts(pairs.counts.map(\.texts))
  }

  /// Places of a shard's images in the batch.
  func images(of shard: Int) -> Range<Int> { imageStarts[shard]..<imageStarts[shard + 1] }
  /// Places of a shard's texts in the batch.
  func texts(of shard: Int) -> Range<Int> { textStarts[shard]..<textStarts[shard + 1] }
  /// Places of a rank's texts in the batch.
  func texts(ofRank rank: Int) -> Range<Int> {
    textStarts[shards.ofRanks[rank].lowerBound]..<textStarts[shards.ofRanks[rank].upperBound]
  }

  /// Places of a shard's texts among those of its rank.
  func placesOnRank(of shard: Int) -> Range<Int> {
    let first = texts(ofRank: shards.rank(of: shard)).lowerBound
    return texts(of: shard).lowerBound - first..<texts(of: shard).upperBound - first
  }

  /// The classes of a shard's images and of another one's texts.
  func classes(images: Int, texts: Int) -> (images: [Int32], texts: [Int32]) {
    (Array(classes.images[self.images(of: images)]), Array(classes.texts[self.texts(of: texts)]))
  }

  /// Whether a rank has any images.
  func hasImages(_ rank: Int) -> Bool {
    imageStarts[shards.ofRanks[rank].lowerBound] < imageStarts[shards.ofRanks[rank].upperBound]
  }
}
