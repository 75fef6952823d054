import Optim

/// The sigmoid loss of a batch that several ranks share.
///
/// Each pair of shards is a block, computed by the rank that has the images. A block's part of the loss and of the
/// gradients is a leaf of ``TreeSum``: so the bits depend on the shards alone, and not on who computes them, nor on the way
/// that texts take.
///
/// - Parameters:
///   - pairs: This rank's embeddings.
///   - logScale: t', one number.
///   - bias: b, one number.
///   - divisor: What the sum over all pairs is divided by.
///   - distribution: How texts come to images.
///   - logitPrecision: Of the products of embeddings, and of those in their gradients.
/// - Throws: ``CommunicationError``.
public func shardedSigmoidLoss(
  _ pairs: ShardedPairs, logScale: Tensor, bias: Tensor, divisor: PairwiseDivisor = .images,
  shards: Shards, _ communicator: any Communicator, distribution: PairDistribution = .gather,
  logitPrecision: MatmulPrecision = .float32
) throws -> ShardedPairLoss {
  var loss = SigmoidShards(
    pairs, logScale, bias, divisor, logitPrecision, PairLayout(pairs, shards), communicator)
  try loss.visitTexts(distribution)
  return try loss.finish()
}

private struct SigmoidShards: TextVisitor {
  let pairs: ShardedPairs
  let logScale, bias: Tensor
  let communicator: any Communicator
  let layout: PairLayout
  var numbersPerText: Int { pairs.texts[0].shape[1] }
  private let divisor: Int
  private let logitPrecision: MatmulPrecision
  /// For each own shard of images, a leaf for each shard of texts: gradients, and the loss with those of numbers.
  private var ofImages, numbers: [TreeSum<Tensor>]
  private var ofTexts: TextGradients
  private var own: Range<Int> { layout.shards.own }

  init(
    _ pairs: ShardedPairs, _ logScale: Tensor, _ bias: Tensor, _ divisor: PairwiseDivisor,
    _ logitPrecision: MatmulPrecision, _ layout: PairLayout, _ communicator: any Communicator
  ) {
    (self.pairs, self.logScale, self.bias) = (pairs, logScale, bias)
    (self.layout, self.communicator) = (layout, communicator)
    self.logitPrecision = logitPrecision
    self.divisor = divisor(images: pairs.classes.images.count, texts: pairs.classes.texts.count)
    ofImages = pairs.images.map { _ in TreeSum(of: layout.shards.count) }
    numbers = pairs.images.map { _ in TreeSum(of: layout.shards.count) }
    ofTexts = TextGradients(pairs, layout, ranks: communicator.size)
  }

  mutating func visit(_ texts: Tensor, of rank: Int) -> NumberBuffer? {
    TextGradients.part(
      layout.shards.ofRanks[rank].compactMap { shard in
        let texts = texts.slice(layout.placesOnRank(of: shard), axis: 0)
        var sum = TreeSum<Tensor>(of: own.count)
        for (place, images) in own.enumerated() {
          let block = block(images, pairs.images[place], shard, texts)
          ofImages[place].set(shard, to: block?.images)
          numbers[place].set(shard, to: block.map { Tensor([$0.value.item(), $0.logScale, $0.bias]) })
          sum.set(place, to: block?.texts)
        }
        return sum.finish()
      })
  }

  private func block(_ own: Int, _ images: Tensor, _ shard: Int, _ texts: Tensor) -> PairwiseLoss? {
    if images.shape[0] == 0 || texts.shape[0] == 0 { return nil }
    let classes = layout.classes(images: own, texts: shard)
    return sigmoidPairwiseLoss(
      images: images, texts: texts, logScale: logScale, bias: bias,
      labels: .classes(images: IndexTensor(classes.images), texts: IndexTensor(classes.texts)),
      divisor: divisor, wanted: (true, true, true), logitPrecision: logitPrecision)
  }

  mutating func take(_ part: NumberBuffer?, of rank: Int) { ofTexts.take(part, of: rank, own: own) }

  mutating func finish() throws -> ShardedPairLoss {
    var all = TreeSum<Tensor>(of: own.count)
    for place in numbers.indices { all.set(place, to: numbers[place].finish()) }
    let numbers = try communicator.sum(
      all.finish() ?? .zeros([3]), contributors: (0..<communicator.size).map(layout.hasImages)
    ).scalars
    return ShardedPairLoss(
      value: numbers[0],
      images: ofImages.indices.map { ofImages[$0].finish() ?? .zeros(like: pairs.images[$0]) },
      texts: ofTexts.finish(pairs), logScale: numbers[1], bias: numbers[2])
  }
}
