import Foundation
import Optim
import Synchronization

/// Ranks that are threads of one process, for tests of programs that run under MPI.
///
///     try ThreadCommunicator.run(ranks: 4) { communicator in ... }
public final class ThreadCommunicator: Communicator {
  /// The number of this thread.
  public let rank: Int
  /// How many threads there are.
  public var size: Int { mailbox.size }
  /// What this thread sent.
  public let meter = CommunicationMeter()
  /// Two minutes if not set.
  public var patience = Duration.seconds(120)
  private let mailbox: Mailbox

  private init(rank: Int, _ mailbox: Mailbox) { (self.rank, self.mailbox) = (rank, mailbox) }

  /// Has `body` done by each rank on a thread of its own.
  ///
  /// - Returns: What they return, by rank.
  /// - Throws: The error of the rank that threw first; the others are told that it is lost.
  @discardableResult
  public static func run<Value: Sendable>(
    ranks: Int, _ body: @escaping @Sendable (ThreadCommunicator) throws -> Value
  ) throws -> [Value] {
    let mailbox = Mailbox(size: ranks)
    let results = Mutex<[Int: Value]>([:])
    let ended = DispatchGroup()
    for rank in 0..<ranks {
      ended.enter()
      let thread = Thread {
        do {
          let value = try body(ThreadCommunicator(rank: rank, mailbox))
          results.withLock { $0[rank] = value }
        } catch {
          mailbox.lose(rank, error)
        }
        ended.leave()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    ended.wait()
    if let error = mailbox.firstError { throw error }
    return results.withLock { results in (0..<ranks).map { results[$0]! } }
  }

  /// Leaves messages where their other ends find them.
  public func start(_ messages: [Message], on channel: Channel) throws -> any PendingMessages {
    meter.sentBytes += messages.reduce(0) { $0 + ($1.isSent ? $1.bytes.count : 0) }
    let pending = Pending(mailbox, left: messages.count)
    for message in messages { mailbox.post(message, of: rank, channel, pending) }
    return pending
  }

  /// Ends the process.
  public func abort() -> Never { exit(1) }

  private final class Pending: PendingMessages, Sendable {
    let mailbox: Mailbox
    let left: Atomic<Int>

    init(_ mailbox: Mailbox, left: Int) {
      self.mailbox = mailbox
      self.left = Atomic(left)
    }

    func areFinished() throws -> Bool {
      if left.load(ordering: .acquiring) == 0 { return true }
      guard let lost = mailbox.lost else { return false }
      abandon()
      throw CommunicationError("rank \(lost) ended")
    }

    func abandon() { mailbox.forget(self) }
  }

  /// Messages that wait for their other end.
  private final class Mailbox: Sendable {
    let size: Int
    private let state = Mutex(State())

    private struct Way: Hashable {
      let from, to: Int
      let channel: Channel
    }

    private struct End: @unchecked Sendable {
      let bytes: UnsafeMutableRawBufferPointer
      let pending: Pending
    }

    private struct State {
      /// Of one kind, sent or awaited, in order.
      var waiting: [Way: (areSent: Bool, ends: [End])] = [:]
      var lost: (rank: Int, error: any Error)?
    }

    init(size: Int) { self.size = size }

    var lost: Int? { state.withLock { $0.lost?.rank } }
    var firstError: (any Error)? { state.withLock { $0.lost?.error } }

    func lose(_ rank: Int, _ error: any Error) {
      state.withLock { if $0.lost == nil { $0.lost = (rank, error) } }
    }

    /// Takes messages back, whose memory is about to go.
    func forget(_ pending: Pending) {
      state.withLock { state in
        for way in state.waiting.keys { state.waiting[way]!.ends.removeAll { $0.pending === pending } }
      }
    }

    func post(_ message: Message, of rank: Int, _ channel: Channel, _ pending: Pending) {
      let way =
        message.isSent
        ? Way(from: rank, to: message.peer, channel: channel)
        : Way(from: message.peer, to: rank, channel: channel)
      let own = End(bytes: message.bytes, pending: pending)
      let isSent = message.isSent
      state.withLock { state in
        var queue = state.waiting[way] ?? (isSent, [])
        if queue.ends.isEmpty || queue.areSent == isSent {
          queue.areSent = isSent
          queue.ends.append(own)
        } else {
          let other = queue.ends.removeFirst()
          let (source, target) = isSent ? (own, other) : (other, own)
          if source.bytes.count != target.bytes.count {
            programmerError(
              "ThreadCommunicator: \(source.bytes.count) bytes sent, \(target.bytes.count) expected")
          }
          if source.bytes.count > 0 { target.bytes.copyMemory(from: UnsafeRawBufferPointer(source.bytes)) }
          for end in [source, target] { end.pending.left.subtract(1, ordering: .acquiringAndReleasing) }
        }
        state.waiting[way] = queue
      }
    }
  }
}
