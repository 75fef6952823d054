import Optim

/// Something that is computed of all pairs, whose texts come by, the texts of one rank at a time.
protocol TextVisitor {
  var pairs: ShardedPairs { get }
  var communicator: any Communicator { get }
  var layout: PairLayout { get }
  /// Numbers of what a visit gives, for each text.
  var numbersPerText: Int { get }

  /// Compares the own images with the texts of a rank.
  ///
  /// - Returns: What their rank has to know of it; nil if there are no images, or no texts.
  mutating func visit(_ texts: Tensor, of rank: Int) -> NumberBuffer?

  /// Takes what the visits on a rank gave for the own texts; nil where that rank has no images.
  mutating func take(_ part: NumberBuffer?, of rank: Int)
}

extension TextVisitor {
  private var ranks: Int { communicator.size }

  /// Has all texts come by, and what the visits give sent back to where the texts are.
  mutating func visitTexts(_ distribution: PairDistribution) throws {
    let own = Tensor.concatenate(pairs.texts)
    if ranks == 1 { return try turn(own, of: 0, from: []) }
    switch distribution {
    case .gather: try gather(own)
    case .shift: try shift(own)
    case .bidirectional: try shiftBothWays(own)
    case .reduce: try reduce(own)
    }
  }

  /// The rank that many places behind this one, in a circle.
  private func peer(_ distance: Int) -> Int { ((communicator.rank + distance) % ranks + ranks) % ranks }

  private mutating func gather(_ own: Tensor) throws {
    let rows = (0..<ranks).map { layout.texts(ofRank: $0) }
    let all = try communicator.gatherRows(own, rows: rows)
    for distance in 0..<ranks {
      let rank = peer(distance)
      try turn(all.slice(rows[rank], axis: 0), of: rank, from: [peer(-distance)])
    }
  }

  private mutating func shift(_ own: Tensor) throws {
    var texts = own
    for distance in 0..<ranks {
      let next = distance + 1 < ranks ? try TextsOnTheirWay(texts, of: distance, step: 1, self) : nil
      try turn(texts, of: peer(distance), from: [peer(-distance)])
      if let next { texts = try next.wait() }
    }
  }

  private mutating func shiftBothWays(_ own: Tensor) throws {
    var (behind, before) = (own, own)
    try turn(own, of: communicator.rank, from: [])
    var distance = 0
    while 2 * distance + 1 < ranks {
      // In a circle of an even number the last one is met from one side.
      let isLast = 2 * (distance + 1) == ranks
      let first = try TextsOnTheirWay(behind, of: distance, step: 1, self)
      let second = isLast ? nil : try TextsOnTheirWay(before, of: -distance, step: -1, self)
      behind = try first.wait()
      if let second { before = try second.wait() }
      distance += 1
      try turn(behind, of: peer(distance), from: [peer(-distance)])
      if !isLast { try turn(before, of: peer(-distance), from: [peer(distance)]) }
    }
  }

  private mutating func reduce(_ own: Tensor) throws {
    for root in 0..<ranks {
      let count = layout.texts(ofRank: root).count
      let rows = (0..<ranks).map { $0 < root ? 0..<0 : $0 == root ? 0..<count : count..<count }
      let texts = try communicator.gatherRows(
        communicator.rank == root ? own : own.slice(0..<0, axis: 0), rows: rows)
      try turn(
        texts, of: root, from: communicator.rank == root ? (0..<ranks).filter { $0 != root } : [])
    }
  }

  /// Compares the own images with the texts of a rank, sends that one what comes of it, and takes what other ranks have for
  /// the own texts.
  private mutating func turn(_ texts: Tensor, of rank: Int, from others: [Int]) throws {
    var sent: (any PendingMessages)?
    let part = visit(texts, of: rank)
    if rank == communicator.rank {
      take(part, of: rank)
    } else if let part {
      let message = Message.send(UnsafeRawBufferPointer(part.bytes(0..<part.count)), to: rank)
      sent = try communicator.start([message], on: .parts)
    }
    for other in others where other != communicator.rank {
      try take(layout.hasImages(other) ? receive(from: other) : nil, of: other)
    }
    if let sent { try communicator.wait(for: sent, "rank \(rank) to take what it has to know") }
    withExtendedLifetime(part) {}
  }

  private func receive(from other: Int) throws -> NumberBuffer? {
    let count = layout.texts(ofRank: communicator.rank).count * numbersPerText
    if count == 0 { return nil }
    let buffer = NumberBuffer(count: count)
    let pending = try communicator.start([.receive(buffer.bytes(0..<count), from: other)], on: .parts)
    try communicator.wait(for: pending, "what rank \(other) has for its texts")
    return buffer
  }
}

/// Texts on their way from rank to rank around the circle.
private struct TextsOnTheirWay {
  private let pending: any PendingMessages
  private let sent, received: NumberBuffer
  private let shape: Shape
  private let communicator: any Communicator

  /// Passes texts of the rank at a distance on to one neighbour, and takes those of the next one from the other.
  init(_ texts: Tensor, of distance: Int, step: Int, _ visitor: some TextVisitor) throws {
    communicator = visitor.communicator
    let (rank, ranks) = (communicator.rank, communicator.size)
    func peer(_ distance: Int) -> Int { ((rank + distance) % ranks + ranks) % ranks }
    shape = [visitor.layout.texts(ofRank: peer(distance + step)).count, texts.shape[1]]
    sent = NumberBuffer(count: texts.count)
    sent.copy(texts, to: 0)
    received = NumberBuffer(count: shape.elementCount)
    pending = try communicator.start(
      [
        .receive(received.bytes(0..<received.count), from: peer(step)),
        .send(UnsafeRawBufferPointer(sent.bytes(0..<sent.count)), to: peer(-step)),
      ], on: .main)
  }

  func wait() throws -> Tensor {
    try communicator.wait(for: pending, "the next rank's texts")
    withExtendedLifetime(sent) {}
    return received.tensor(at: 0, shape: shape)
  }
}
