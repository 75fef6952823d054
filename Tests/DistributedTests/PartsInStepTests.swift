import Distributed
import Optim
import Synchronization
import TestSupport
import Testing

/// Parts of a batch that wait for sums over all of them.
@Suite struct PartsInStepTests {
  /// Three sums one after another, some parts being left out: on one of four ranks both.
  @Test(arguments: [1, 2, 4, 8]) func sumsHaveTheBitsOfOneRank(ranks: Int) throws {
    var random = Random(seed: 3)
    let terms = (0..<8).map { _ in random.normal([5]) * random.normal([5]).exp() * 1e3 }
    let filled = [0, 1, 2, 5, 7]
    var tree = TreeSum<Tensor>(of: 8)
    for index in 0..<8 { tree.set(index, to: filled.contains(index) ? terms[index] : nil) }
    let expected = tree.finish()!
    let found = try ThreadCommunicator.run(ranks: ranks) { communicator in
      let shards = try Shards(8, communicator)
      let parts = PartsInStep(shards, communicator)
      let first = shards.own.lowerBound
      var (sums, stretches) = ([Int: [Tensor]](), 0)
      // And once more by the same parts.
      for _ in 0..<2 {
        try parts.run(
          filled.filter(shards.own.contains).map { $0 - first },
          { place in
            let own = (1...3).map { parts.sum(terms[first + place] * Float(1 << $0), ofPart: place) }
            sums[first + place, default: []] += own
          }, between: { stretches += 1 })
      }
      #expect(stretches == 2 * 4 * filled.count { shards.own.contains($0) })
      return sums
    }
    let all = found.reduce(into: [:]) { $0.merge($1) { own, _ in own } }
    #expect(all.keys.sorted() == filled)
    for sums in all.values { #expect(sums == [2, 4, 8, 2, 4, 8].map { expected * $0 }) }
  }

  /// The gradient of a sum is the sum of gradients, of any order.
  @Test func sumsAreDifferentiated() throws {
    let inputs = [Tensor([0.5, -1]), Tensor([2, 0.25]), Tensor([-0.75, 1])]
    @Sendable func loss(_ x: Variable, _ sum: Variable) -> Variable { (x * sum.tanh()).square().sum() }
    let leaves = inputs.map { Variable($0, requiresGradient: true) }
    let sum = leaves.dropFirst().reduce(leaves[0].square()) { $0 + $1.square() }
    let whole = leaves.dropFirst().reduce(loss(leaves[0], sum)) { $0 + loss($1, sum) }.backward()
    let gradients = leaves.map { whole[$0]! }
    try ThreadCommunicator.run(ranks: 2) { communicator in
      let shards = try Shards(4, communicator)
      let (parts, first) = (PartsInStep(shards, communicator), shards.own.lowerBound)
      let places = shards.own.filter { $0 < 3 }.map { $0 - first }
      var found: [Int: (Variable, Variable)] = [:]
      try parts.run(places) { place in
        let leaf = Variable(inputs[first + place], requiresGradient: true)
        let sums = BatchSums(rowCount: 3, isFirst: place == 0) { parts.sum($0, ofPart: place) }
        found[place] = (leaf, loss(leaf, sums(leaf.square())))
      }
      try parts.run(places) { place in
        let (leaf, own) = found[place]!
        #expect(own.backward()[leaf]!.isApproximatelyEqual(to: gradients[first + place], absolute: 1e-5))
      }
    }
  }

  /// Where a rank ends, the parts of the others do, and none of them waits for ever.
  @Test func partsEndWithTheirRank() throws {
    struct Failure: Error {}
    let ended = Mutex(0)
    #expect(throws: Failure.self) {
      try ThreadCommunicator.run(ranks: 2) { communicator in
        let shards = try Shards(4, communicator)
        let parts = PartsInStep(shards, communicator)
        var stretches = 0
        try parts.run(
          [0, 1],
          { place in
            for _ in 0..<5 { _ = parts.sum(Tensor([1]), ofPart: place) }
            ended.withLock { $0 += 1 }
          },
          between: {
            stretches += 1
            if communicator.rank == 1 && stretches == 5 { throw Failure() }
          })
      }
    }
    #expect(ended.withLock { $0 } == 4)
  }

  /// Parts are computed on threads of their own.
  @Test func partsRoundAsWhoAsksForThem() throws {
    let communicator = SingleProcess()
    let parts = PartsInStep(try Shards(2, communicator), communicator)
    let seen = Mutex<[MatmulPrecision]>([])
    try Compute.withMatmulPrecision(.bfloat16, gradients: .bfloat16x3) {
      try parts.run([0, 1]) { place in
        seen.withLock { $0 += [Compute.matmulPrecision, Compute.gradientMatmulPrecision] }
        _ = parts.sum(.zeros([1]), ofPart: place)
      }
    }
    #expect(seen.withLock { $0 } == [.bfloat16, .bfloat16x3, .bfloat16, .bfloat16x3])
  }

  @Test func sumsOfOtherLengthsAreNamed() throws {
    let error = #expect(throws: CommunicationError.self) {
      try ThreadCommunicator.run(ranks: 2) { communicator in
        let parts = PartsInStep(try Shards(2, communicator), communicator)
        try parts.run([0]) { _ = parts.sum(.zeros([3 + communicator.rank]), ofPart: $0) }
      }
    }
    #expect(error?.sentence.contains("numbers to") == true)
  }
}
