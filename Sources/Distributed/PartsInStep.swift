import Foundation
import Optim

/// Computes the parts of a batch that a rank has side by side, so that each can wait for sums over the parts of all ranks, as
/// layers that normalise by the batch do.
///
/// One part computes at a time, on a thread of its own, until it needs a sum or ends; messages are sent by the thread that
/// calls ``run(_:between:)``. Sums are those of ``TreeSum`` over the shards of the batch, whoever computes them.
public final class PartsInStep {
  private let communicator: any Communicator
  private let turns: [Turn]

  /// What a part waits for.
  private final class Turn: @unchecked Sendable {
    let begins = DispatchSemaphore(value: 0)
    let ends = DispatchSemaphore(value: 0)
    var term, sum: Tensor?
    var isOver = false
  }

  /// Parts for the shards of a rank.
  public init(_ shards: Shards, _ communicator: any Communicator) {
    self.communicator = communicator
    turns = shards.own.map { _ in Turn() }
  }

  /// The sum of what all parts give here, at the same place of their computation.
  public func sum(_ term: Tensor, ofPart place: Int) -> Tensor {
    let turn = turns[place]
    turn.term = term
    turn.ends.signal()
    turn.begins.wait()
    // Where others are lost nobody looks at the result.
    return turn.sum ?? term
  }

  /// Computes parts. Every rank has to call it, also for no parts.
  ///
  /// - Parameters:
  ///   - places: Of the parts among those of this rank, in order.
  ///   - body: Computes one.
  ///   - between: Done after each stretch of a part.
  /// - Throws: What `between` throws; ``CommunicationError``. Then all parts have ended, with results that mean nothing.
  public func run(_ places: [Int], _ body: @escaping (Int) -> Void, between: () throws -> Void = {}) throws {
    nonisolated(unsafe) let body = body
    let precision = (Compute.matmulPrecision, gradients: Compute.gradientMatmulPrecision)
    for place in places {
      let turn = turns[place]
      (turn.term, turn.sum, turn.isOver) = (nil, nil, false)
      let thread = Thread {
        turn.begins.wait()
        Compute.withMatmulPrecision(precision.0, gradients: precision.gradients) { body(place) }
        turn.isOver = true
        turn.ends.signal()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    do {
      try advance(places, between)
    } catch {
      for turn in places.map({ turns[$0] }) {
        turn.sum = nil
        while !turn.isOver { proceed(turn) }
      }
      throw error
    }
  }

  private func proceed(_ turn: Turn) {
    turn.begins.signal()
    turn.ends.wait()
  }

  private func advance(_ places: [Int], _ between: () throws -> Void) throws {
    while true {
      var terms = TreeSum<Tensor>(of: turns.count)
      for place in turns.indices {
        let turn = turns[place]
        if places.contains(place) && !turn.isOver {
          turn.term = nil
          proceed(turn)
          try between()
          terms.set(place, to: turn.term.take())
        } else {
          terms.set(place, to: nil)
        }
      }
      let sum = terms.finish()
      if sum != nil && places.contains(where: { turns[$0].isOver }) {
        programmerError("PartsInStep: one part needs a sum, and another one has ended")
      }
      // Ranks without parts hear of sums by the others.
      guard let sum = try joined(sum) else { return }
      for place in places { turns[place].sum = sum }
    }
  }

  /// The sum of what ranks have; nil if all parts have ended.
  private func joined(_ own: Tensor?) throws -> Tensor? {
    let bytes = own.map { $0.withUnsafeScalars { Data(buffer: $0) } } ?? Data()
    let told = try communicator.allGather(bytes)
    var sum = TreeSum<Tensor>(of: communicator.size)
    for (rank, bytes) in told.enumerated() {
      if !bytes.isEmpty, let own, bytes.count != own.count * 4 {
        throw CommunicationError(
          "rank \(rank) adds \(bytes.count / 4) numbers to \(own.count) of rank \(communicator.rank)")
      }
      let shape = own?.shape ?? [bytes.count / 4]
      sum.set(
        rank,
        to: bytes.isEmpty
          ? nil : Tensor(bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }, shape: shape))
    }
    return sum.finish()
  }
}
