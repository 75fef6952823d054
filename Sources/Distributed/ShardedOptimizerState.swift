import Foundation
import Optim

/// Optimizers whose states several ranks share: each rank keeps those of some parameters and updates these, then tells the
/// others their numbers (ZeRO's first stage, Rajbhandari et al. 2020; PyTorch's `ZeroRedundancyOptimizer`).
///
/// A parameter belongs to one rank as a whole, since AdaFactor looks at all of it. So a rank keeps 1 / ranks of the states as
/// far as parameters can be dealt out: a single large one stays where it is. A step sends (ranks - 1) / ranks of the weights
/// more than without. Its bits are the same.
public final class ShardedOptimizerState {
  private let communicator: any Communicator
  private let optimizers: [any Optimizer]
  /// Parameters by the rank that updates them, in the order of the optimizers.
  private let owned: [[Parameter]]

  /// Deals out the parameters of optimizers that have made no step, the same ones in the same order on all ranks.
  public init(_ optimizers: [any Optimizer], _ communicator: any Communicator) {
    (self.optimizers, self.communicator) = (optimizers, communicator)
    var seen: Set<ObjectIdentifier> = []
    let parameters = optimizers.flatMap(\.optimizedParameters).map(\.parameter).filter {
      seen.insert(ObjectIdentifier($0)).inserted
    }
    let owners = ShardedOptimizerState.owners(of: parameters, ranks: communicator.size)
    owned = (0..<communicator.size).map { rank in
      zip(parameters, owners).filter { $0.1 == rank }.map(\.0)
    }
    let own = Set(owned[communicator.rank].map(ObjectIdentifier.init))
    for optimizer in optimizers { optimizer.updateOnly { own.contains(ObjectIdentifier($0)) } }
  }

  /// The largest first, each to the rank that has the least so far; what is frozen has no state, and comes last.
  private static func owners(of parameters: [Parameter], ranks: Int) -> [Int] {
    func weight(_ index: Int) -> (Int, Int) {
      (parameters[index].isFrozen ? 0 : 1, parameters[index].value.count)
    }
    // Sorting is stable.
    let order = parameters.indices.sorted { weight($0) > weight($1) }
    var (owners, counts) = (Array(repeating: 0, count: parameters.count), Array(repeating: 0, count: ranks))
    for index in order {
      let rank = counts.indices.min { (counts[$0], $0) < (counts[$1], $1) }!
      owners[index] = rank
      counts[rank] += parameters[index].value.count
    }
    return owners
  }

  /// Tells all ranks what the step has made of the parameters, some numbers of each rank at a time.
  ///
  /// - Throws: ``CommunicationError``.
  public func gatherParameters(bytesAtATime: Int = 25 << 20) throws {
    let lists = owned.map { parameters in parameters.filter { !$0.isFrozen } }
    let counts = lists.map { list in list.reduce(0) { $0 + $1.value.count } }
    let size = max(bytesAtATime / 4 / communicator.size, 1)
    var first = 0
    while counts.contains(where: { $0 > first }) {
      let numbers = counts.map { min(first, $0)..<min(first + size, $0) }
      var starts = [0]
      for range in numbers { starts.append(starts.last! + range.count) }
      let buffer = NumberBuffer(count: starts.last!)
      forEachPart(of: lists[communicator.rank], in: numbers[communicator.rank]) { parameter, part, place in
        buffer.copy(part, of: parameter.value, to: starts[communicator.rank] + place)
      }
      let pending = try communicator.startAllGather(
        buffer.bytes(0..<buffer.count).baseAddress!,
        parts: numbers.indices.map { starts[$0] * 4..<starts[$0 + 1] * 4 }, on: .main)
      try communicator.wait(for: pending, "the parameters that other ranks update")
      for rank in lists.indices where rank != communicator.rank {
        forEachPart(of: lists[rank], in: numbers[rank]) { parameter, part, place in
          let source = starts[rank] + place
          parameter.update { buffer.copy(source..<source + part.count, to: &$0, at: part.lowerBound) }
        }
      }
      first += size
    }
  }

  /// Calls `body` with each parameter that has some of the numbers of a list of them, one behind the other; with the numbers
  /// of it, and their place among those that are wanted.
  private func forEachPart(
    of list: [Parameter], in wanted: Range<Int>, _ body: (Parameter, Range<Int>, _ place: Int) -> Void
  ) {
    var start = 0
    for parameter in list {
      let all = start..<start + parameter.value.count
      let part = all.clamped(to: wanted)
      if !part.isEmpty {
        body(
          parameter, part.lowerBound - start..<part.upperBound - start, part.lowerBound - wanted.lowerBound)
      }
      start = all.upperBound
    }
  }

  /// Numbers of an optimizer's parameters, each from the rank that updates it; the others have 0 there.
  ///
  /// - Throws: ``CommunicationError``.
  public func joined(_ own: [Double]) throws -> [Double] {
    try communicator.allGather(own).reduce(own.map { _ in 0 }) { sums, numbers in
      zip(sums, numbers).map { $0 + $1 }
    }
  }

  /// The state of each optimizer: on the leader as one process would have it, which takes the memory for all of it; on other
  /// ranks what they keep.
  ///
  /// - Throws: ``CommunicationError``.
  public func gatherStates() throws -> [OptimizerStateDictionary] {
    try optimizers.indices.map { index in
      var state = optimizers[index].stateDictionary()
      let own = Summary(state)
      let told = try communicator.allGather(JSONEncoder().encode(own))
      for rank in 1..<communicator.size {
        let summary = try JSONDecoder().decode(Summary.self, from: told[rank])
        if communicator.isLeader {
          state.counts.merge(summary.counts) { own, _ in own }
          for entry in summary.tensors { state.tensors[entry.name] = try receive(entry.shape, from: rank) }
        } else if rank == communicator.rank {
          for entry in own.tensors { try send(state.tensors[entry.name]!) }
        }
      }
      return state
    }
  }

  /// What a rank has of a state.
  private struct Summary: Codable {
    struct Entry: Codable {
      let name: String
      let shape: [Int]
    }
    let counts: [String: Int]
    let tensors: [Entry]

    init(_ state: OptimizerStateDictionary) {
      counts = state.counts
      tensors = state.tensors.sorted { $0.key < $1.key }.map {
        Entry(name: $0.key, shape: Array($0.value.shape))
      }
    }
  }

  private func send(_ tensor: Tensor) throws {
    try tensor.withUnsafeScalars { numbers in
      try communicator.wait(
        for: communicator.start([.send(UnsafeRawBufferPointer(numbers), to: 0)], on: .main),
        "the leader to take a state")
    }
  }

  private func receive(_ shape: [Int], from rank: Int) throws -> Tensor {
    var tensor = Tensor.zeros(Shape(shape))
    try tensor.withUnsafeMutableScalars { numbers in
      try communicator.wait(
        for: communicator.start([.receive(UnsafeMutableRawBufferPointer(numbers), from: rank)], on: .main),
        "the state that rank \(rank) keeps")
    }
    return tensor
  }
}
