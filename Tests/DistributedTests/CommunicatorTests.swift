import Distributed
import Foundation
import Optim
import TestSupport
import Synchronization
import Testing

/// Ranks that are threads: everything but MPI itself.
@Suite struct CommunicatorTests {
  @Test(arguments: [1, 2, 3, 4, 8]) func bytesOfAllComeToAll(ranks: Int) throws {
    let told = try ThreadCommunicator.run(ranks: ranks) { communicator in
      // Of any length, none too.
      let texts = try communicator.allGather(Data(String(repeating: "x", count: communicator.rank * 3).utf8))
      let numbers = try communicator.allGather(Double(communicator.rank) / 2)
      let word = try communicator.broadcast(
        communicator.rank == ranks - 1 ? Data("last".utf8) : nil, from: ranks - 1)
      try communicator.barrier()
      return (texts.map(\.count), numbers, String(decoding: word, as: UTF8.self))
    }
    for (lengths, numbers, word) in told {
      #expect(lengths == (0..<ranks).map { $0 * 3 })
      #expect(numbers == (0..<ranks).map { Double($0) / 2 })
      #expect(word == "last")
    }
  }

  /// As one rank adds all leaves of the tree, so do several that add a subtree each.
  @Test(arguments: [1, 2, 4, 8]) func sumsHaveTheBitsOfOneRank(ranks: Int) throws {
    // Numbers of very different sizes, whose sum depends on the order.
    var random = Random(seed: 3)
    let leaves = (0..<8).map { _ in random.normal([7, 5]) * random.normal([7, 1]).exp() * 1e3 }
    var tree = TreeSum<Tensor>(of: 8)
    for index in [3, 0, 7, 4, 5, 1, 6, 2] { tree.set(index, to: leaves[index]) }
    let expected = tree.finish()!
    let sums = try ThreadCommunicator.run(ranks: ranks) { communicator in
      let own = try Shards(8, communicator).own
      var tree = TreeSum<Tensor>(of: own.count)
      for (place, leaf) in leaves[own].enumerated() { tree.set(place, to: leaf) }
      let subtree = tree.finish()!
      let rows = communicator.equalParts(of: 7)
      let part = try communicator.sumRows(
        subtree, rows: rows, contributors: Array(repeating: true, count: ranks))
      return (try communicator.sum(subtree), part, try communicator.gatherRows(part, rows: rows))
    }
    for (rank, (sum, part, gathered)) in sums.enumerated() {
      #expect(sum.scalars == expected.scalars)
      #expect(gathered.scalars == expected.scalars)
      #expect(part.shape[0] == 7 * (rank + 1) / ranks - 7 * rank / ranks)
    }
    // The order matters here, or nothing was tested.
    let inRow = leaves.dropFirst().reduce(leaves[0]) { $0 + $1 }
    #expect(inRow.scalars != expected.scalars)
  }

  @Test func ranksWithoutTermsLeaveThemToOthers() throws {
    let sums = try ThreadCommunicator.run(ranks: 4) { communicator in
      let some = try communicator.sum(
        Tensor([-0.0, Float(communicator.rank)]), contributors: [false, true, false, true])
      let none = try communicator.sum(Tensor([3]), contributors: [false, false, false, false])
      return (some, none)
    }
    for (some, none) in sums {
      #expect(some.scalars == [0, 4])
      #expect(some.scalars[0].sign == .minus)
      #expect(none.scalars == [0])
    }
  }

  @Test(arguments: [1, 2, 3, 4]) func gradientsAreSummedInBuckets(ranks: Int) throws {
    let results = try ThreadCommunicator.run(ranks: ranks) { communicator in
      let parameters = [[3, 4], [5], [2, 2, 2], [1]].map { Parameter(.zeros(Shape($0))) }
      let unused = Parameter(.zeros([6]))
      let reduction = GradientReduction(parameters + [unused], communicator, bucketBytes: 40)
      return try (0..<3).map { step in
        reduction.begin(contributors: Array(repeating: true, count: ranks))
        // In another order than that of the buckets.
        for index in [3, 0, 2, 1] {
          let value = Float((communicator.rank + 1) * (index + 1) * (step + 1))
          try reduction.add(.full(parameters[index].shape, value), of: parameters[index])
        }
        let gradients = try reduction.finish()
        #expect(gradients[unused] == nil)
        return parameters.map { gradients[$0]! }
      }
    }
    let ranksSum = Float(ranks * (ranks + 1) / 2)
    for steps in results {
      for (step, gradients) in steps.enumerated() {
        for (index, gradient) in gradients.enumerated() {
          #expect(gradient == .full(gradient.shape, ranksSum * Float((index + 1) * (step + 1))))
        }
      }
    }
  }

  /// A process that is alone keeps its gradients where they are.
  @Test func gradientsOfOneProcessAreNotCopied() throws {
    let parameter = Parameter(.zeros([100]))
    let reduction = GradientReduction([parameter], SingleProcess())
    for step in 1...2 {
      reduction.begin(contributors: [true])
      let gradient = Tensor.full([100], Float(step))
      let place = gradient.withUnsafeScalars(\.baseAddress)
      try reduction.add(gradient, of: parameter)
      let found = try reduction.finish()
      #expect(found.count == 1 && found[parameter]?.withUnsafeScalars(\.baseAddress) == place)
    }
    reduction.begin(contributors: [true])
    #expect(try reduction.finish().count == 0)
  }

  @Test func aLostRankEndsTheOthers() throws {
    struct Failure: Error {}
    #expect(throws: Failure.self) {
      try ThreadCommunicator.run(ranks: 3) { communicator in
        if communicator.rank == 1 { throw Failure() }
        try communicator.barrier()
      }
    }
  }

  @Test func theLeaderGoesFirst() throws {
    let order = Mutex<[Int]>([])
    let results = try ThreadCommunicator.run(ranks: 3) { communicator in
      try communicator.leaderFirst {
        if communicator.isLeader { Thread.sleep(forTimeInterval: 0.05) }
        return order.withLock { order in
          order.append(communicator.rank)
          return order.count
        }
      }
    }
    #expect(order.withLock { $0[0] } == 0 && results[0] == 1 && results.sorted() == [1, 2, 3])
    struct Failure: Error {}
    let stopped = Mutex(0)
    #expect(throws: Failure.self) {
      try ThreadCommunicator.run(ranks: 3) { communicator in
        do {
          try communicator.leaderFirst { if communicator.isLeader { throw Failure() } }
        } catch is LeaderStopped {
          stopped.withLock { $0 += 1 }
        }
      }
    }
    #expect(stopped.withLock { $0 } == 2)
  }

  @Test func patienceEnds() throws {
    let error = #expect(throws: CommunicationError.self) {
      try ThreadCommunicator.run(ranks: 2) { communicator in
        communicator.patience = .milliseconds(50)
        if communicator.rank == 0 { try communicator.barrier() }
      }
    }
    #expect("\(error?.sentence ?? "")".contains("rank 0 of 2 waited 0 s for what all ranks tell"))
  }

  @Test func sizesAreCounted() throws {
    let meters = try ThreadCommunicator.run(ranks: 4) { communicator in
      _ = try communicator.sum(.ones([1000]))
      return communicator.meter.sentBytes
    }
    // Each number leaves a rank that does not own it once, and its sum goes to three others.
    #expect(meters == [6000, 6000, 6000, 6000])
  }

  @Test(arguments: [(0, 1), (3, 1), (6, 2), (2, 4)]) func shardsArePowersOfTwo(_ count: Int, _ ranks: Int) {
    #expect(throws: CommunicationError.self) {
      try ThreadCommunicator.run(ranks: ranks) { _ = try Shards(count, $0) }
    }
  }

  @Test func shardsCoverABatch() throws {
    for ranks in [1, 2, 3, 5, 8] {
      let owned = try ThreadCommunicator.run(ranks: ranks) { communicator in
        let shards = try Shards(8, communicator)
        #expect(shards.own.allSatisfy { shards.rank(of: $0) == communicator.rank })
        return shards.own.flatMap { Array(shards.places(of: $0, in: 29)) }
      }
      #expect(owned.flatMap { $0 } == Array(0..<29))
    }
  }
}
