#if MPI
  import CMPI
  import Foundation
  import Optim

  /// The ranks of MPI's world.
  ///
  /// It belongs to the thread that made it (MPI_THREAD_FUNNELED), and there is one in a process.
  public final class MPICommunicator: Communicator {
    /// The number of this process in MPI's world.
    public let rank: Int
    /// How many processes there are.
    public let size: Int
    /// How many of them are on this machine, this one too.
    public let localSize: Int
    /// What this process sent.
    public let meter = CommunicationMeter()
    /// Ten minutes if not set.
    public var patience = Duration.seconds(600)

    /// Starts MPI.
    ///
    /// - Throws: ``CommunicationError``.
    init() throws {
      var place = pairwise_mpi_place()
      try check(pairwise_mpi_begin(&place), "to begin")
      (rank, size, localSize) = (Int(place.rank), Int(place.size), Int(place.local_size))
    }

    /// The library and its version.
    public static var library: String {
      text { pairwise_mpi_library($0) }
    }

    /// Ends MPI, when all ranks have come here.
    func end() throws { try check(pairwise_mpi_end(), "to end") }

    /// Ends all processes.
    public func abort() -> Never {
      pairwise_mpi_abort(1)
      exit(1)
    }

    /// Begins messages; long ones go in pieces.
    public func start(_ messages: [Message], on channel: Channel) throws -> any PendingMessages {
      let pieces = messages.flatMap(\.pieces)
      let requests = Requests(count: pieces.count)
      for (index, piece) in pieces.enumerated() {
        let (base, count) = (piece.bytes.baseAddress, Int32(piece.bytes.count))
        let (peer, channel) = (Int32(piece.peer), Int32(channel.rawValue))
        if piece.isSent {
          meter.sentBytes += piece.bytes.count
          try check(
            pairwise_mpi_send(base, count, peer, channel, requests[index]), "to send to rank \(piece.peer)")
        } else {
          try check(
            pairwise_mpi_receive(base, count, peer, channel, requests[index]), "to hear of rank \(piece.peer)"
          )
        }
      }
      return requests
    }

    /// MPI's own way, as far as its numbers reach.
    public func startAllGather(
      _ bytes: UnsafeMutableRawPointer, parts: [Range<Int>], on channel: Channel
    ) throws -> any PendingMessages {
      if parts.contains(where: { $0.upperBound > Int(Int32.max) }) {
        return try startAllGatherByMessages(bytes, parts: parts, on: channel)
      }
      meter.sentBytes += parts[rank].count * (size - 1)
      let requests = Requests(
        count: 1, numbers: parts.map { Int32($0.count) } + parts.map { Int32($0.lowerBound) })
      try check(
        pairwise_mpi_all_gather(
          bytes, requests.numbers(from: 0), requests.numbers(from: size), Int32(channel.rawValue),
          requests[0]), "to tell all ranks")
      return requests
    }

    /// Requests of MPI, and what it reads of them until they have come to an end.
    private final class Requests: PendingMessages {
      private let count: Int
      private let memory: UnsafeMutableRawPointer
      private static let size = pairwise_mpi_request_size()
      /// Lengths and places of a gathering.
      private let numbers: UnsafeMutablePointer<Int32>

      init(count: Int, numbers: [Int32] = []) {
        self.count = count
        memory = .allocate(byteCount: max(count, 1) * Requests.size, alignment: 16)
        self.numbers = .allocate(capacity: max(numbers.count, 1))
        for (index, number) in numbers.enumerated() { self.numbers[index] = number }
      }

      deinit {
        memory.deallocate()
        numbers.deallocate()
      }

      func numbers(from place: Int) -> UnsafePointer<Int32> { UnsafePointer(numbers + place) }

      subscript(index: Int) -> UnsafeMutableRawPointer { memory + index * Requests.size }

      /// MPI goes on with them; whoever gives up ends the process.
      func abandon() {}

      func areFinished() throws -> Bool {
        var isDone: Int32 = 0
        try check(pairwise_mpi_test(Int32(count), memory, &isDone), "to hear of other ranks")
        return isDone != 0
      }
    }
  }

  extension Message {
    /// Parts whose lengths MPI can count.
    fileprivate var pieces: [Message] {
      let most = 1 << 30
      if bytes.count <= most { return [self] }
      return stride(from: 0, to: bytes.count, by: most).map { first in
        let part = UnsafeMutableRawBufferPointer(rebasing: bytes[first..<min(first + most, bytes.count)])
        return isSent ? .send(UnsafeRawBufferPointer(part), to: peer) : .receive(part, from: peer)
      }
    }
  }

  private func text(_ body: (UnsafeMutablePointer<CChar>) -> Void) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(pairwise_mpi_message_size)) {
      body($0.baseAddress!)
      return String(cString: $0.baseAddress!)
    }
  }

  private func check(_ code: Int32, _ what: String) throws {
    if code == 0 { return }
    throw CommunicationError("MPI failed \(what): \(text { pairwise_mpi_describe(code, $0) })")
  }
#endif
