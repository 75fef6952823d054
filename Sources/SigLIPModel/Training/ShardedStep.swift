import Foundation
import NN
import Training

/// A step of a batch that several ranks share: each embeds its shards, and the loss is that of all pairs.
///
/// What a step comes to depends on the shards alone: embeddings, losses and gradients of each are computed by themselves and
/// added in the order of ``TreeSum``. A rank's memory holds the graphs of its own shards, their gradients (as many as the
/// tree has levels below the rank) and a copy of all gradients that is on its way.
final class ShardedStep {
  /// What all ranks together know of a batch.
  private struct Whole {
    /// Pairs of each shard.
    let counts: [Int]
    let identities: [PairIdentity]
    let classes: [Int]
  }

  private let model: SigLIP
  private let configuration: TrainingConfiguration
  private let features: LockedFeatures?
  /// Numbers of an embedding.
  private let width: Int
  private let shards: Shards
  private let communicator: any Communicator
  /// What towers are made of, and what is trained of it.
  private let parameters: [Parameter]
  private let reduction: GradientReduction
  /// Pairs in the last batch.
  private(set) var pairCount = 0

  init(
    _ model: SigLIP, width: Int, _ configuration: TrainingConfiguration, _ features: LockedFeatures?,
    _ shards: Shards, _ communicator: any Communicator
  ) {
    self.width = width
    (self.model, self.configuration, self.features) = (model, configuration, features)
    (self.shards, self.communicator) = (shards, communicator)
    parameters = model.parameters.filter { parameter in
      // Their gradients come from the loss, which has them of the whole batch.
      !parameter.isFrozen && parameter !== model.logitScale && parameter !== model.logitBias
    }
    reduction = GradientReduction(parameters, communicator)
  }

  /// Loss and gradients of the batch of which this rank has a part.
  ///
  /// - Throws: `CommunicationError`; ``EmptyBatch``.
  func callAsFunction(_ batch: PairBatch) throws -> StepGradients {
    let whole = try gather(batch)
    pairCount = whole.identities.count
    if pairCount == 0 { throw EmptyBatch(count: configuration.batchSize) }
    let starts = whole.counts.reduce(into: [0]) { $0.append($0.last! + $1) }
    let images = embedImages(batch, whole, starts)
    let texts = embedTexts(batch, starts)
    try shareRandomNumbers(imageCounts: images.counts, textCounts: whole.counts)
    let loss = try loss(
      ShardedPairs(
        images: images.embeddings.map(\.value), texts: texts.map(\.value),
        counts: whole.counts.indices.map { (images.counts[$0], whole.counts[$0]) },
        classes: (images.classes, whole.classes.map(Int32.init))))
    var gradients = try towerGradients(images.embeddings, texts, loss, images.counts, whole.counts)
    gradients[model.logitScale] = .full(model.logitScale.shape, loss.logScale)
    if let bias = model.logitBias, configuration.loss.kind != .softmax {
      gradients[bias] = .full(bias.shape, loss.bias)
    }
    return StepGradients(loss: loss.value, gradients: gradients)
  }

  // MARK: The batch

  /// Tells the other ranks of the own pairs.
  private func gather(_ batch: PairBatch) throws -> Whole {
    let own = batch.shardCounts.flatMap { withUnsafeBytes(of: Int64($0).littleEndian, Array.init) }
    let told = try communicator.allGather(Data(own + batch.identities.flatMap(\.bytes)))
    var (counts, identities) = ([Int](), [PairIdentity]())
    for (rank, bytes) in told.enumerated() {
      let length = 8 * shards.ofRanks[rank].count
      guard bytes.count >= length, let others = PairIdentity.all(of: bytes.dropFirst(length)) else {
        throw CommunicationError("rank \(rank) sent \(bytes.count) bytes that are no pairs")
      }
      counts += stride(from: 0, to: length, by: 8).map { place in
        bytes.dropFirst(place).withUnsafeBytes { Int(Int64(littleEndian: $0.loadUnaligned(as: Int64.self))) }
      }
      identities += others
    }
    return Whole(
      counts: counts, identities: identities,
      classes: configuration.loss.positives == .same
        ? PairIdentity.classes(of: identities) : Array(identities.indices))
  }

  // MARK: Towers

  private typealias Images = (embeddings: [Variable], counts: [Int], classes: [Int32])

  private func embedImages(_ batch: PairBatch, _ whole: Whole, _ starts: [Int]) -> Images {
    switch batch.images {
    case .images(let images):
      return (
        embed(starts) { [model] range in
          switch images {
          case .pixels(let pixels): model.embed(images: Variable(pixels[range]))
          case .patches(let patches): model.embed(patches: patches[range])
          }
        }, whole.counts, whole.classes.map(Int32.init)
      )
    case .none:
      return (
        embed(starts) { _ in programmerError("a batch without images has none to embed") },
        whole.counts, whole.classes.map(Int32.init)
      )
    case .features(let rows):
      let features = features!
      func embedRows(_ rows: [Int]) -> Variable {
        model.embed(images: Variable(features.features.take(IndexTensor(rows), axis: 0)))
      }
      if configuration.loss.candidates == .batch {
        return (
          embed(starts) { embedRows(Array(rows[$0])) }, whole.counts, whole.classes.map(Int32.init)
        )
      }
      // Those outside the batch belong to no caption of it.
      let count = features.trainingCount
      let classOfRow = Dictionary(zip(whole.identities.map(\.image), whole.classes)) { first, _ in first }
      let places = (0..<shards.count).map { shards.places(of: $0, in: count) }
      let first = places[shards.own.lowerBound].lowerBound
      return (
        embed([0] + places.map(\.upperBound)) { embedRows($0.map { $0 + first }) },
        places.map(\.count), (0..<count).map { Int32(classOfRow[$0] ?? pairCount + $0) }
      )
    }
  }

  private func embedTexts(_ batch: PairBatch, _ starts: [Int]) -> [Variable] {
    embed(starts) { [model] in model.embed(texts: batch.tokens[$0]) }
  }

  /// Embeds the own shards, each by itself, with the random numbers of the whole batch.
  ///
  /// - Parameters:
  ///   - starts: Where the shards begin in the batch.
  ///   - body: Embeddings of rows of this rank's part.
  private func embed(
    _ starts: [Int], _ body: @escaping (Range<Int>) -> Variable
  ) -> [Variable] {
    let batch = PartedBatch()
    let first = starts[shards.own.lowerBound]
    return shards.own.map { shard in
      let places = starts[shard]..<starts[shard + 1]
      if places.isEmpty { return Variable(.zeros([0, width])) }
      return batch.part(places) {
        let own = places.lowerBound - first..<places.upperBound - first
        guard let size = configuration.microbatchSize else { return body(own) }
        return microbatched(own.count, size: size) { range in
          body(range.lowerBound + own.lowerBound..<range.upperBound + own.lowerBound)
        }
      }
    }
  }

  /// Brings a rank whose layers drew nothing, as all its pairs are damaged, to where the others have come to.
  private func shareRandomNumbers(imageCounts: [Int], textCounts: [Int]) throws {
    let hasDrawn = shards.ofRanks.map { own in
      own.contains { imageCounts[$0] > 0 } && own.contains { textCounts[$0] > 0 }
    }
    guard hasDrawn.contains(false), let root = hasDrawn.firstIndex(of: true) else { return }
    let sources = model.randomSources
    let isRoot = communicator.rank == root
    let told = try communicator.broadcast(
      isRoot ? JSONEncoder().encode(sources.map(\.random)) : nil, from: root)
    for (source, random) in zip(sources, try JSONDecoder().decode([Random].self, from: told)) {
      source.random = random
    }
  }

  // MARK: Gradients

  private func loss(_ pairs: ShardedPairs) throws -> ShardedPairLoss {
    let texts = configuration.distributed.texts
    guard let bias = model.logitBias, configuration.loss.kind != .softmax else {
      return try shardedSoftmaxLoss(
        pairs, logScale: model.logitScale.value, shards: shards, communicator, distribution: texts)
    }
    return try shardedSigmoidLoss(
      pairs, logScale: model.logitScale.value, bias: bias.value,
      divisor: configuration.loss.candidates == .all ? .texts : .images, shards: shards, communicator,
      distribution: texts)
  }

  /// The gradients of the towers' parameters, summed over all shards.
  private func towerGradients(
    _ images: [Variable], _ texts: [Variable], _ loss: ShardedPairLoss, _ imageCounts: [Int],
    _ textCounts: [Int]
  ) throws -> Gradients {
    func hasPairs(_ shard: Int) -> Bool { imageCounts[shard] > 0 || textCounts[shard] > 0 }
    let places = shards.own.indices.filter(hasPairs).map { $0 - shards.own.lowerBound }
    reduction.begin(contributors: shards.ofRanks.map { $0.contains(where: hasPairs) })
    var sums: [ObjectIdentifier: TreeSum<Tensor>] = [:]
    for place in places {
      try backward(
        [(images[place], loss.images[place]), (texts[place], loss.texts[place])], to: parameters
      ) { parameter, gradient in
        let key = ObjectIdentifier(parameter)
        sums[key, default: TreeSum(of: shards.own.count)].set(place, to: gradient)
        try reduction.progress()
        if place != places.last { return }
        // While the sweep goes on to the layers before.
        var sum = sums.removeValue(forKey: key)!
        for other in shards.own.indices.map({ $0 - shards.own.lowerBound }) where !places.contains(other) {
          sum.set(other, to: nil)
        }
        if let total = sum.finish() { try reduction.add(total, of: parameter) }
      }
    }
    return try reduction.finish()
  }
}
