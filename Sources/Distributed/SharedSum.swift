import Optim

/// The sum of what every rank has in a buffer of equal size, in the order of ``TreeSum`` over the ranks: each number's
/// terms come to the rank that owns its part of the buffer, which adds them; then all are told, if they want to know.
///
/// Each rank sends (ranks - 1) / ranks of the buffer, and as much again if all are told. Beside the buffer it takes the
/// memory of a part for each of the other ranks.
final class SharedSum {
  /// Each rank's numbers; when all is over the sums of its own part, or of all.
  let buffer: NumberBuffer
  private let parts: [Range<Int>]
  private let contributors: [Bool]
  private let communicator: any Communicator
  private var stage: Stage
  /// The other ranks' terms of the own part, one rank behind the other.
  private var terms: NumberBuffer?

  /// Where a rank's numbers of the own part are.
  private struct Term {
    let buffer: NumberBuffer
    let place: Int
  }

  private enum Stage {
    case exchange(any PendingMessages)
    case added
    case gather(any PendingMessages)
    case finished
  }

  /// Sends this rank's numbers to their owners.
  ///
  /// - Parameters:
  ///   - parts: What of the buffer each rank owns.
  ///   - contributors: Which ranks have terms at all.
  init(
    _ buffer: NumberBuffer, parts: [Range<Int>], contributors: [Bool], _ communicator: any Communicator
  ) throws {
    (self.buffer, self.parts, self.contributors) = (buffer, parts, contributors)
    self.communicator = communicator
    let (rank, ranks) = (communicator.rank, communicator.size)
    let own = parts[rank]
    let terms = NumberBuffer(count: own.count * (ranks - 1))
    self.terms = terms
    stage = .added
    var messages: [Message] = []
    for peer in (1..<ranks).map({ (rank + $0) % ranks }) {
      if contributors[peer] && !own.isEmpty {
        let place = term(of: peer).place
        messages.append(.receive(terms.bytes(place..<place + own.count), from: peer))
      }
      if contributors[rank] && !parts[peer].isEmpty {
        messages.append(.send(UnsafeRawBufferPointer(buffer.bytes(parts[peer])), to: peer))
      }
    }
    stage = .exchange(try communicator.start(messages, on: .parts))
  }

  /// Whether the own part is summed. To ask moves the messages on.
  func isAdded() throws -> Bool {
    guard case .exchange(let pending) = stage else { return true }
    guard try pending.areFinished() else { return false }
    add()
    return true
  }

  /// Tells all ranks the sums of the own part.
  func startGather() throws {
    stage = .gather(
      try communicator.startAllGather(
        buffer.bytes(0..<buffer.count).baseAddress!,
        parts: parts.map { $0.lowerBound * 4..<$0.upperBound * 4 }, on: .sums))
  }

  /// Whether all sums are here. To ask moves the messages on.
  func isGathered() throws -> Bool {
    guard case .gather(let pending) = stage else {
      if case .finished = stage { return true }
      return false
    }
    guard try pending.areFinished() else { return false }
    stage = .finished
    return true
  }

  /// Waits until the own part is summed.
  func waitForSum(_ what: String) throws {
    if case .exchange(let pending) = stage {
      try communicator.wait(for: pending, what)
      add()
    }
  }

  /// Waits until all sums are here.
  func waitForGather(_ what: String) throws {
    if case .gather(let pending) = stage {
      try communicator.wait(for: pending, what)
      stage = .finished
    }
  }

  private func term(of rank: Int) -> Term {
    let own = parts[communicator.rank]
    if rank == communicator.rank { return Term(buffer: buffer, place: own.lowerBound) }
    return Term(buffer: terms!, place: own.count * (rank < communicator.rank ? rank : rank - 1))
  }

  private func add() {
    let own = parts[communicator.rank]
    var sum = TreeSum<Term>(of: contributors.count) { left, right in
      left.buffer.add(right.place..<right.place + own.count, of: right.buffer, to: left.place)
    }
    for rank in contributors.indices { sum.set(rank, to: contributors[rank] ? term(of: rank) : nil) }
    if let first = sum.finish() {
      if first.buffer !== buffer {
        buffer.copy(first.place..<first.place + own.count, of: first.buffer, to: own.lowerBound)
      }
    } else {
      buffer.clear(own)
    }
    self.terms = nil
    stage = .added
  }
}

extension Communicator {
  /// `count` things in equal parts, one for each rank.
  public func equalParts(of count: Int) -> [Range<Int>] {
    (0..<size).map { $0 * count / size..<($0 + 1) * count / size }
  }

  /// The sum of every rank's tensor, in the order of ``TreeSum`` over the ranks, on all of them.
  ///
  /// - Parameter contributors: Ranks whose tensors count; all if not given.
  public func sum(_ tensor: Tensor, contributors: [Bool]? = nil) throws -> Tensor {
    if size == 1 { return tensor }
    let buffer = NumberBuffer(count: tensor.count)
    buffer.copy(tensor, to: 0)
    let sum = try SharedSum(
      buffer, parts: equalParts(of: tensor.count),
      contributors: contributors ?? Array(repeating: true, count: size), self)
    try sum.waitForSum("the terms of a sum")
    try sum.startGather()
    try sum.waitForGather("a sum")
    return buffer.tensor(at: 0, shape: tensor.shape)
  }

  /// The rows of the sum of every rank's tensor that this rank has: a reduce-scatter.
  ///
  /// - Parameters:
  ///   - rows: Along axis 0, by rank; one behind the other they are all.
  ///   - contributors: Ranks whose tensors count.
  public func sumRows(_ tensor: Tensor, rows: [Range<Int>], contributors: [Bool]) throws -> Tensor {
    if size == 1 { return tensor }
    let width = tensor.count / max(tensor.shape[0], 1)
    let buffer = NumberBuffer(count: tensor.count)
    buffer.copy(tensor, to: 0)
    let sum = try SharedSum(
      buffer, parts: rows.map { $0.lowerBound * width..<$0.upperBound * width }, contributors: contributors,
      self)
    try sum.waitForSum("the terms of a sum of rows")
    return buffer.tensor(
      at: rows[rank].lowerBound * width, shape: Shape([rows[rank].count] + tensor.shape.dropFirst()))
  }

  /// The rows of all ranks, one behind the other: an all-gather.
  ///
  /// - Parameters:
  ///   - own: This rank's.
  ///   - rows: Where each rank's come to, along axis 0.
  public func gatherRows(_ own: Tensor, rows: [Range<Int>]) throws -> Tensor {
    if size == 1 { return own }
    let width = own.shape.dropFirst().reduce(1, *)
    let total = rows.last!.upperBound
    let buffer = NumberBuffer(count: total * width)
    buffer.copy(own, to: rows[rank].lowerBound * width)
    let pending = try startAllGather(
      buffer.bytes(0..<buffer.count).baseAddress!,
      parts: rows.map { $0.lowerBound * width * 4..<$0.upperBound * width * 4 }, on: .main)
    try wait(for: pending, "the rows of all ranks")
    return buffer.tensor(at: 0, shape: Shape([total] + own.shape.dropFirst()))
  }
}
