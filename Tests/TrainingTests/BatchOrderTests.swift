import Optim
import Testing
import Training

@Suite struct BatchOrderTests {
  /// The batches of some passes, as a loader without workers makes them.
  private func batches(_ order: BatchOrder, _ count: Int) throws -> [(
    samples: BatchSamples, end: DataPosition
  )] {
    let loader = DataLoader(order, workers: 0) { $0 }
    var position = DataPosition()
    return try (0..<count).map { _ in
      let loaded = try loader.batch(at: position)
      position = loaded.end
      return (loaded.batch, loaded.end)
    }
  }

  @Test(arguments: [true, false]) func everySampleIsSeenOnceInAPass(isShuffled: Bool) throws {
    let order = try BatchOrder(
      sampleCount: 10, batchSize: 4, seed: 3, isShuffled: isShuffled, keepsLast: true)
    let all = try batches(order, 9)
    #expect(order.batchesPerEpoch == 3 && all.map(\.samples.count) == [4, 4, 2, 4, 4, 2, 4, 4, 2])
    #expect(all.map(\.samples.epoch) == [0, 0, 0, 1, 1, 1, 2, 2, 2])
    let passes = (0..<3).map { pass in all[3 * pass..<3 * pass + 3].flatMap(\.samples.indices) }
    for pass in passes { #expect(pass.sorted() == Array(0..<10)) }
    #expect((Set(passes).count == 3) == isShuffled)
    #expect(
      all[2].end == DataPosition(epoch: 0, sample: 10) && all[3].end == DataPosition(epoch: 1, sample: 4))
  }

  @Test func whatIsLeftOfAPassIsLeftOut() throws {
    let order = try BatchOrder(sampleCount: 10, batchSize: 4, seed: 3)
    let all = try batches(order, 4)
    #expect(order.batchesPerEpoch == 2 && all.map(\.samples.epoch) == [0, 0, 1, 1])
    #expect(all.map(\.samples.count) == [4, 4, 4, 4])
    #expect(Set(all[0].samples.indices + all[1].samples.indices).count == 8)
  }

  @Test func orderDependsOnTheSeed() throws {
    func first(seed: UInt64) throws -> [Int] {
      try BatchOrder(sampleCount: 100, batchSize: 10, seed: seed).samples(ofEpoch: 0)
    }
    #expect(try first(seed: 1) == first(seed: 1) && first(seed: 1) != first(seed: 2))
    // Seeds and passes do not run into one another.
    let orders = try (0..<8).flatMap { seed in
      try (0..<8).map { try BatchOrder(sampleCount: 50, batchSize: 10, seed: seed).samples(ofEpoch: $0) }
    }
    #expect(Set(orders).count == 64)
  }

  /// A sample's random numbers are its own: whatever batch it is in.
  @Test func randomNumbersBelongToSamples() throws {
    func numbers(batchSize: Int) throws -> [[Int]: UInt64] {
      var result: [[Int]: UInt64] = [:]
      for (samples, _) in try batches(
        BatchOrder(sampleCount: 12, batchSize: batchSize, seed: 7), 24 / batchSize)
      {
        for (place, index) in samples.indices.enumerated() {
          var random = samples.random(at: place)
          result[[samples.epoch, index]] = random.nextUInt64()
        }
      }
      return result
    }
    let fours = try numbers(batchSize: 4)
    #expect(try fours == numbers(batchSize: 6) && fours.count == 24 && Set(fours.values).count == 24)
  }

  @Test func ordersWithoutABatchAreRefused() {
    func refusal(_ count: Int, _ size: Int, keepsLast: Bool = false) -> String? {
      #expect(throws: BatchOrder.SizeError.self) {
        try BatchOrder(sampleCount: count, batchSize: size, keepsLast: keepsLast)
      }?.description
    }
    #expect(refusal(3, 4) == "3 samples, expected enough for a batch of 4")
    #expect(refusal(0, 4, keepsLast: true) == "0 samples, expected enough for a batch of 4")
    #expect(refusal(3, 0) == "batches of 0 samples, expected at least 1")
    #expect(throws: Never.self) { try BatchOrder(sampleCount: 3, batchSize: 4, keepsLast: true) }
  }
}
