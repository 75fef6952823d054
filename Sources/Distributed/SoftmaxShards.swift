import Foundation
import Optim

/// CLIP's softmax loss of a batch that several ranks share: what open_clip's `ClipLoss` computes with `local_loss` and
/// `gather_with_grad`, in the same bits for 1, 2, 4, ... ranks.
///
/// Each pair of shards is a block, computed by the rank that has the images, twice: first for the sums of rows and columns,
/// which all parts of a line are added to in the order of ``TreeSum``, then for the gradients.
///
/// - Parameters:
///   - pairs: This rank's embeddings.
///   - logScale: t', one number.
///   - distribution: How texts come to images, both times.
///   - logitPrecision: Of the products of embeddings, and of those in their gradients.
/// - Throws: ``CommunicationError``.
public func shardedSoftmaxLoss(
  _ pairs: ShardedPairs, logScale: Tensor, shards: Shards, _ communicator: any Communicator,
  distribution: PairDistribution = .gather, logitPrecision: MatmulPrecision = .float32
) throws -> ShardedPairLoss {
  let blocks = Blocks(pairs, logScale, PairLayout(pairs, shards), logitPrecision)
  var sums = LineSums(blocks, communicator)
  try sums.visitTexts(distribution)
  let lines = try sums.finish()
  var gradients = SoftmaxGradients(blocks, communicator, lines)
  try gradients.visitTexts(distribution)
  return try gradients.finish()
}

/// The sums of the rows of the own images, and of all columns.
private struct Lines {
  let rows: [LogSums]
  /// By shard.
  let columns: [LogSums]
  let loss: Float
}

/// The parts of the loss that this rank computes.
private struct Blocks {
  let pairs: ShardedPairs
  let layout: PairLayout
  private let logScale: Tensor
  private let logitPrecision: MatmulPrecision

  init(
    _ pairs: ShardedPairs, _ logScale: Tensor, _ layout: PairLayout, _ logitPrecision: MatmulPrecision
  ) {
    (self.pairs, self.logScale, self.layout) = (pairs, logScale, layout)
    self.logitPrecision = logitPrecision
  }

  /// That of an own shard of images and any shard of texts; nil without images or texts.
  func block(_ place: Int, _ shard: Int, _ texts: Tensor) -> SoftmaxBlock? {
    let images = pairs.images[place]
    if images.shape[0] == 0 || texts.shape[0] == 0 { return nil }
    return SoftmaxBlock(
      images: images, texts: texts, logScale: logScale,
      classes: layout.classes(images: layout.shards.own.lowerBound + place, texts: shard),
      logitPrecision: logitPrecision)
  }
}

private struct LineSums: TextVisitor {
  private let blocks: Blocks
  let communicator: any Communicator
  var pairs: ShardedPairs { blocks.pairs }
  var layout: PairLayout { blocks.layout }
  var numbersPerText: Int { LogSums.numbersPerLine }
  /// For each own shard of images, a leaf for each shard of texts.
  private var rows: [TreeSum<LogSums>]
  /// For each own shard of texts, a leaf for each rank.
  private var columns: [TreeSum<LogSums>]

  init(_ blocks: Blocks, _ communicator: any Communicator) {
    (self.blocks, self.communicator) = (blocks, communicator)
    let (pairs, layout) = (blocks.pairs, blocks.layout)
    rows = pairs.images.map { _ in TreeSum(of: layout.shards.count) { $0.add($1) } }
    columns = pairs.texts.map { _ in TreeSum(of: communicator.size) { $0.add($1) } }
  }

  mutating func visit(_ texts: Tensor, of rank: Int) -> NumberBuffer? {
    var parts: [LogSums?] = []
    for shard in layout.shards.ofRanks[rank] {
      let texts = texts.slice(layout.placesOnRank(of: shard), axis: 0)
      var sum = TreeSum<LogSums>(of: pairs.images.count) { $0.add($1) }
      for place in pairs.images.indices {
        let sums = blocks.block(place, shard, texts)?.sums()
        rows[place].set(shard, to: sums?.rows)
        sum.set(place, to: sums?.columns)
      }
      parts.append(sum.finish())
    }
    if parts.allSatisfy({ $0 == nil }) { return nil }
    let buffer = NumberBuffer(count: texts.shape[0] * numbersPerText)
    for (part, shard) in zip(parts, layout.shards.ofRanks[rank]) {
      part?.write(to: buffer, line: layout.placesOnRank(of: shard).lowerBound)
    }
    return buffer
  }

  mutating func take(_ part: NumberBuffer?, of rank: Int) {
    for (place, shard) in layout.shards.own.enumerated() {
      let lines = layout.placesOnRank(of: shard)
      columns[place].set(rank, to: lines.isEmpty ? nil : part.map { LogSums($0, lines: lines) })
    }
  }

  mutating func finish() throws -> Lines {
    let own = layout.shards.own
    let rows = self.rows.indices.map { self.rows[$0].finish() ?? LogSums(count: pairs.images[$0].shape[0]) }
    let columns = self.columns.indices.map {
      self.columns[$0].finish() ?? LogSums(count: pairs.texts[$0].shape[0])
    }
    // All columns come to all ranks.
    let count = pairs.classes.texts.count
    let buffer = NumberBuffer(count: count * numbersPerText)
    for (place, shard) in own.enumerated() {
      columns[place].write(to: buffer, line: layout.texts(of: shard).lowerBound)
    }
    if communicator.size > 1 {
      let bytes = 4 * numbersPerText
      let parts = (0..<communicator.size).map { rank in
        let texts = layout.texts(ofRank: rank)
        return texts.lowerBound * bytes..<texts.upperBound * bytes
      }
      let pending = try communicator.startAllGather(
        buffer.bytes(0..<buffer.count).baseAddress!, parts: parts, on: .main)
      try communicator.wait(for: pending, "the sums of all columns")
    }
    let all = (0..<layout.shards.count).map { LogSums(buffer, lines: layout.texts(of: $0)) }
    let rowLosses = try communicator.allGather(rows.map(\.loss)).joined()
    let rowLoss = rowLosses.reduce(0, +) / Double(pairs.classes.images.count)
    let columnLoss = all.reduce(0.0) { $0 + $1.loss } / Double(count)
    return Lines(rows: rows, columns: all, loss: Float(0.5 * rowLoss + 0.5 * columnLoss))
  }
}

private struct SoftmaxGradients: TextVisitor {
  private let blocks: Blocks
  let communicator: any Communicator
  var pairs: ShardedPairs { blocks.pairs }
  var layout: PairLayout { blocks.layout }
  var numbersPerText: Int { pairs.texts[0].shape[1] }
  private let lines: Lines
  private var ofImages: [TreeSum<Tensor>]
  private var ofTexts: TextGradients

  init(_ blocks: Blocks, _ communicator: any Communicator, _ lines: Lines) {
    (self.blocks, self.communicator, self.lines) = (blocks, communicator, lines)
    let (pairs, layout) = (blocks.pairs, blocks.layout)
    ofImages = pairs.images.map { _ in TreeSum(of: layout.shards.count) }
    ofTexts = TextGradients(pairs, layout, ranks: communicator.size)
  }

  mutating func visit(_ texts: Tensor, of rank: Int) -> NumberBuffer? {
    let counts = (images: pairs.classes.images.count, texts: pairs.classes.texts.count)
    return TextGradients.part(
      layout.shards.ofRanks[rank].compactMap { shard in
        let texts = texts.slice(layout.placesOnRank(of: shard), axis: 0)
        var sum = TreeSum<Tensor>(of: pairs.images.count)
        for place in pairs.images.indices {
          let gradients = blocks.block(place, shard, texts)?
            .gradients(rows: lines.rows[place], columns: lines.columns[shard], counts: counts)
          ofImages[place].set(shard, to: gradients?.images)
          sum.set(place, to: gradients?.texts)
        }
        return sum.finish()
      })
  }

  mutating func take(_ part: NumberBuffer?, of rank: Int) {
    ofTexts.take(part, of: rank, own: layout.shards.own)
  }

  mutating func finish() throws -> ShardedPairLoss {
    let images = ofImages.indices.map { ofImages[$0].finish() ?? .zeros(like: pairs.images[$0]) }
    // Σ g t x·y, g being the gradients of the logits.
    let logScale = try communicator.allGather(
      zip(images, pairs.images).map { Double(sumOfProducts($0, $1)) }
    ).joined()
    return ShardedPairLoss(
      value: lines.loss, images: images, texts: ofTexts.finish(pairs), logScale: Float(logScale.reduce(0, +)),
      bias: 0)
  }
}
