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
  /// Where layers normalise by the batch.
  private let parts: PartsInStep?
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
    let normalizesByBatch = model.namedModules().contains { $0.module is BatchNorm2d }
    parts = normalizesByBatch ? PartsInStep(shards, communicator) : nil
  }

  /// Loss and gradients of the batch of which this rank has a part.
  ///
  /// - Throws: `CommunicationError`; ``EmptyBatch``.
  func callAsFunction(_ batch: PairBatch) throws -> StepGradients {
    let whole = try gather(batch)
    pairCount = whole.identities.count
    if pairCount == 0 { throw EmptyBatch(count: configuration.batchSize) }
    let starts = whole.counts.reduce(into: [0]) { $0.append($0.last! + $1) }
    let images = try embedImages(batch, whole, starts)
    let texts = try embedTexts(batch, starts)
    try shareState(imageCounts: images.counts, textCounts: whole.counts)
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

  private func embedImages(_ batch: PairBatch, _ whole: Whole, _ starts: [Int]) throws -> Images {
    switch batch.images {
    case .images(let images):
      return (
        try embed(starts) { [model] range in
          switch images {
          case .pixels(let pixels): model.embed(images: Variable(pixels[range]))
          case .patches(let patches): model.embed(patches: patches[range])
          }
        }, whole.counts, whole.classes.map(Int32.init)
      )
    case .none:
      return (
        try embed(starts) { _ in programmerError("a batch without images has none to embed") },
        whole.counts, whole.classes.map(Int32.init)
      )
    case .features(let rows):
      let features = features!
      func embedRows(_ rows: [Int]) -> Variable {
        model.embed(images: Variable(features.features.take(IndexTensor(rows), axis: 0)))
      }
      if configuration.loss.candidates == .batch {
        return (
          try embed(starts) { embedRows(Array(rows[$0])) }, whole.counts, whole.classes.map(Int32.init)
        )
      }
      // Those outside the batch belong to no caption of it.
      let count = features.trainingCount
      let classOfRow = Dictionary(zip(whole.identities.map(\.image), whole.classes)) { first, _ in first }
      let places = (0..<shards.count).map { shards.places(of: $0, in: count) }
      let first = places[shards.own.lowerBound].lowerBound
      return (
        try embed([0] + places.map(\.upperBound)) { embedRows($0.map { $0 + first }) },
        places.map(\.count), (0..<count).map { Int32(classOfRow[$0] ?? pairCount + $0) }
      )
    }
  }

  private func embedTexts(_ batch: PairBatch, _ starts: [Int]) throws -> [Variable] {
    try embed(starts) { [model] in model.embed(texts: batch.tokens[$0]) }
  }

  /// Embeds the own shards, each by itself, with the random numbers of the whole batch.
  ///
  /// - Parameters:
  ///   - starts: Where the shards begin in the batch.
  ///   - body: Embeddings of rows of this rank's part.
  private func embed(
    _ starts: [Int], _ body: @escaping (Range<Int>) -> Variable
  ) throws -> [Variable] {
    let batch = PartedBatch()
    let first = starts[shards.own.lowerBound]
    var embeddings = shards.own.map { _ in Variable(.zeros([0, width])) }
    let filled = embeddings.indices.filter { place in
      let shard = shards.own.lowerBound + place
      return starts[shard] < starts[shard + 1]
    }
    func embed(_ place: Int) {
      let shard = shards.own.lowerBound + place
      let rows = starts[shard]..<starts[shard + 1]
      let sums = parts.map { parts in
        BatchSums(rowCount: starts.last!, isFirst: place == filled.first) { parts.sum($0, ofPart: place) }
      }
      embeddings[place] = batch.part(rows, sums: sums) {
        let own = rows.lowerBound - first..<rows.upperBound - first
        guard let size = configuration.microbatchSize else { return body(own) }
        return microbatched(own.count, size: size) { range in
          body(range.lowerBound + own.lowerBound..<range.upperBound + own.lowerBound)
        }
      }
    }
    if let parts { try parts.run(filled, embed) } else { filled.forEach(embed) }
    return embeddings
  }

  /// What layers remember of a batch.
  private struct LayerState: Codable {
    let random: [Random]
    let buffers: [Data]
  }

  /// Brings a rank whose layers saw nothing, as all its pairs are damaged, to where the others have come to.
  private func shareState(imageCounts: [Int], textCounts: [Int]) throws {
    let hasSeen = shards.ofRanks.map { own in
      own.contains { imageCounts[$0] > 0 } && own.contains { textCounts[$0] > 0 }
    }
    guard hasSeen.contains(false), let root = hasSeen.firstIndex(of: true) else { return }
    let (sources, buffers) = (model.randomSources, model.namedBuffers().map(\.buffer))
    let own = LayerState(
      random: sources.map(\.random),
      buffers: buffers.map { $0.value.withUnsafeScalars { Data(buffer: $0) } })
    let told = try communicator.broadcast(
      communicator.rank == root ? JSONEncoder().encode(own) : nil, from: root)
    let state = try JSONDecoder().decode(LayerState.self, from: told)
    for (source, random) in zip(sources, state.random) { source.random = random }
    for (buffer, bytes) in zip(buffers, state.buffers) {
      let numbers = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      buffer.value = Tensor(numbers, shape: buffer.value.shape)
    }
  }

  // MARK: Gradients

  private func loss(_ pairs: ShardedPairs) throws -> ShardedPairLoss {
    let texts = configuration.distributed.texts
    let logitPrecision = configuration.loss.logitPrecision ?? .float32
    guard let bias = model.logitBias, configuration.loss.kind != .softmax else {
      return try shardedSoftmaxLoss(
        pairs, logScale: model.logitScale.value, shards: shards, communicator, distribution: texts,
        logitPrecision: logitPrecision)
    }
    return try shardedSigmoidLoss(
      pairs, logScale: model.logitScale.value, bias: bias.value,
      divisor: configuration.loss.candidates == .all ? .texts : .images, shards: shards, communicator,
      distribution: texts, logitPrecision: logitPrecision)
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
    var complete: [(parameter: Parameter, gradient: Tensor)] = []
    func take(_ gradient: Tensor, of parameter: Parameter, from place: Int) {
      let key = ObjectIdentifier(parameter)
      sums[key, default: TreeSum(of: shards.own.count)].set(place, to: gradient)
      if place != places.last { return }
      var sum = sums.removeValue(forKey: key)!
      for other in shards.own.indices.map({ $0 - shards.own.lowerBound }) where !places.contains(other) {
        sum.set(other, to: nil)
      }
      if let total = sum.finish() { complete.append((parameter, total)) }
    }
    /// While the sweep goes on to the layers before.
    func send() throws {
      try reduction.progress()
      for (parameter, gradient) in complete { try reduction.add(gradient, of: parameter) }
      complete = []
    }
    func outputs(_ place: Int) -> [(Variable, Tensor)] {
      [(images[place], loss.images[place]), (texts[place], loss.texts[place])]
    }
    if let parts {
      try parts.run(
        places, { place in backward(outputs(place), to: self.parameters) { take($1, of: $0, from: place) } },
        between: send)
    } else {
      for place in places {
        try backward(outputs(place), to: parameters) { parameter, gradient in
          take(gradient, of: parameter, from: place)
          try send()
        }
      }
    }
    return try reduction.finish()
  }
}
