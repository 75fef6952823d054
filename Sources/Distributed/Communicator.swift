import Foundation
@_exported import Optim

/// A process among those that train one model together, and its ways to the others.
///
/// Calls come from one thread, and every rank makes the same ones in the same order. Bytes are moved here and never added:
/// sums are ``TreeSum``'s, in an order that does not depend on who computes what.
public protocol Communicator: AnyObject {
  /// The number of this process, from 0.
  var rank: Int { get }
  /// How many there are.
  var size: Int { get }
  /// What was sent, and how long this rank waited for others.
  var meter: CommunicationMeter { get }
  /// How long a rank waits for another one before it takes it for lost.
  var patience: Duration { get set }

  /// Begins to send and receive. Messages from one rank to another on one channel arrive in the order in which they were
  /// begun, each with as many bytes as it was sent with. The bytes are the communicator's until all have arrived.
  func start(_ messages: [Message], on channel: Channel) throws -> any PendingMessages

  /// Begins to have every rank's part of `bytes` come to all. `parts` are the same on all ranks.
  func startAllGather(_ bytes: UnsafeMutableRawPointer, parts: [Range<Int>], on channel: Channel) throws
    -> any PendingMessages

  /// Ends every process, this one with status 1.
  func abort() -> Never
}

/// Messages of one channel keep their order, whatever goes through the others.
public enum Channel: Int, Sendable, CaseIterable {
  /// What a step waits for.
  case main
  /// Parts of sums on their way to their owners.
  case parts
  /// Finished sums on their way to all.
  case sums
}

/// Bytes to or from another rank.
public struct Message {
  /// The other rank.
  public let peer: Int
  /// Whether they leave.
  public let isSent: Bool
  /// Where they are, or come to.
  public let bytes: UnsafeMutableRawBufferPointer

  /// Bytes for another rank.
  public static func send(_ bytes: UnsafeRawBufferPointer, to peer: Int) -> Message {
    Message(peer: peer, isSent: true, bytes: UnsafeMutableRawBufferPointer(mutating: bytes))
  }

  /// Room for bytes of another rank.
  public static func receive(_ bytes: UnsafeMutableRawBufferPointer, from peer: Int) -> Message {
    Message(peer: peer, isSent: false, bytes: bytes)
  }
}

/// Messages on their way.
public protocol PendingMessages: AnyObject {
  /// Whether all have arrived. To ask moves them on.
  func areFinished() throws -> Bool
  /// Has those that have not arrived never arrive, as nobody waits for them any more.
  func abandon()
}

/// The leader has stopped, and said why.
public struct LeaderStopped: Error {}

/// What a rank sent, and how long it waited.
public final class CommunicationMeter {
  /// Bytes that left this rank.
  public internal(set) var sentBytes = 0
  /// Time in which nothing else was done.
  public internal(set) var waited = Duration.zero

  /// Nothing yet.
  public init() {}
}

/// Ranks that do not come together.
public struct CommunicationError: DataError {
  /// What was found and what was expected.
  public let sentence: String

  /// An error with these words.
  public init(_ sentence: String) { self.sentence = sentence }
}

extension Communicator {
  /// Whether this rank writes files and speaks for all.
  public var isLeader: Bool { rank == 0 }

  /// Waits until messages have arrived.
  ///
  /// - Parameter what: What is waited for, for the error.
  /// - Throws: ``CommunicationError`` after ``patience``, and when another rank is known to be lost.
  public func wait(for pending: any PendingMessages, _ what: @autoclosure () -> String) throws {
    if try pending.areFinished() { return }
    let begin = ContinuousClock.now
    defer { meter.waited += ContinuousClock.now - begin }
    var looks = 0
    while try !pending.areFinished() {
      looks += 1
      // Most are there in microseconds; a core that others may need is not kept for longer waits.
      if looks < 200 {
        sched_yield()
        continue
      }
      let waited = ContinuousClock.now - begin
      if waited > patience {
        pending.abandon()
        throw CommunicationError(
          "rank \(rank) of \(size) waited \(waited.components.seconds) s for \(what()): another rank is lost or stuck"
        )
      }
      usleep(waited < .milliseconds(5) ? 20 : 200)
    }
  }

  /// Waits for all ranks to come here.
  public func barrier() throws { _ = try allGather(Data()) }

  /// Waits for the leader to come here, however long that takes.
  public func waitForLeader() throws { try withoutHurry { try barrier() } }

  /// What `body` gives, done by the leader first and then by the others, which find what it has written.
  ///
  /// - Throws: What `body` throws; ``LeaderStopped`` where that is the leader's.
  public func leaderFirst<Result>(_ body: () throws -> Result) throws -> Result {
    if !isLeader {
      if try withoutHurry({ try broadcast(nil) }).isEmpty { throw LeaderStopped() }
      return try body()
    }
    do {
      let result = try body()
      _ = try broadcast(Data([1]))
      return result
    } catch {
      _ = try broadcast(Data())
      throw error
    }
  }

  /// Waits for others however long it takes, as they may do long work.
  private func withoutHurry<Result>(_ body: () throws -> Result) rethrows -> Result {
    let usual = patience
    patience = .seconds(1 << 40)
    defer { patience = usual }
    return try body()
  }

  /// Every rank's bytes, by rank; of any lengths.
  public func allGather(_ own: Data) throws -> [Data] {
    if size == 1 { return [own] }
    var lengths = [UInt64](repeating: 0, count: size)
    lengths[rank] = UInt64(own.count)
    try gatherEqualParts(&lengths)
    var parts: [Range<Int>] = []
    for length in lengths {
      let first = parts.last?.upperBound ?? 0
      parts.append(first..<first + Int(length))
    }
    let total = parts.last!.upperBound
    if total == 0 { return lengths.map { _ in Data() } }
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: total, alignment: 16)
    defer { buffer.deallocate() }
    own.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress {
        (buffer + parts[rank].lowerBound).copyMemory(from: base, byteCount: own.count)
      }
    }
    try wait(for: startAllGather(buffer, parts: parts, on: .main), "what all ranks tell")
    return parts.map { Data(bytes: buffer + $0.lowerBound, count: $0.count) }
  }

  /// Every rank's number, by rank.
  public func allGather(_ own: Double) throws -> [Double] {
    var all = [Double](repeating: own, count: size)
    try gatherEqualParts(&all)
    return all
  }

  /// Every rank's numbers, by rank; of any count.
  public func allGather(_ own: [Double]) throws -> [[Double]] {
    try allGather(own.withUnsafeBytes { Data($0) }).map { bytes in
      bytes.withUnsafeBytes { bytes in
        stride(from: 0, to: bytes.count, by: 8).map {
          bytes.loadUnaligned(fromByteOffset: $0, as: Double.self)
        }
      }
    }
  }

  /// The bytes that one rank has, on all.
  public func broadcast(_ bytes: Data?, from root: Int = 0) throws -> Data {
    try allGather(rank == root ? bytes! : Data())[root]
  }

  private func gatherEqualParts<Element>(_ all: inout [Element]) throws {
    if size == 1 { return }
    let stride = MemoryLayout<Element>.stride
    let parts = (0..<size).map { $0 * stride..<($0 + 1) * stride }
    try all.withUnsafeMutableBytes {
      try wait(for: startAllGather($0.baseAddress!, parts: parts, on: .main), "what all ranks tell")
    }
  }

  /// Sends this rank's part to all others, one message each.
  public func startAllGather(
    _ bytes: UnsafeMutableRawPointer, parts: [Range<Int>], on channel: Channel
  ) throws -> any PendingMessages {
    try startAllGatherByMessages(bytes, parts: parts, on: channel)
  }

  func startAllGatherByMessages(
    _ bytes: UnsafeMutableRawPointer, parts: [Range<Int>], on channel: Channel
  ) throws -> any PendingMessages {
    func part(_ rank: Int) -> UnsafeMutableRawBufferPointer {
      UnsafeMutableRawBufferPointer(start: bytes + parts[rank].lowerBound, count: parts[rank].count)
    }
    let others = (1..<max(size, 1)).map { (rank + $0) % size }
    let sent = others.map { Message.send(UnsafeRawBufferPointer(part(rank)), to: $0) }
    let received = others.map { Message.receive(part($0), from: $0) }
    return try start((sent + received).filter { !$0.bytes.isEmpty }, on: channel)
  }
}

/// The only rank.
public final class SingleProcess: Communicator {
  /// 0.
  public let rank = 0
  /// 1.
  public let size = 1
  /// Nothing is sent.
  public let meter = CommunicationMeter()
  /// Nobody is waited for.
  public var patience = Duration.seconds(0)

  /// A process of its own.
  public init() {}

  /// Traps for a message: there is nobody else.
  public func start(_ messages: [Message], on channel: Channel) -> any PendingMessages {
    if !messages.isEmpty { programmerError("SingleProcess: a message to another rank") }
    return NoMessages()
  }

  /// Ends the process.
  public func abort() -> Never { exit(1) }
}

/// Nothing on its way.
final class NoMessages: PendingMessages {
  func areFinished() -> Bool { true }
  func abandon() {}
}
