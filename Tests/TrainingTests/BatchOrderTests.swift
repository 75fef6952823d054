import Foundation
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

  // MARK: Shards

  /// Shards of different sizes, one of them empty.
  private static let sizes = (0..<60).map { $0 == 7 ? 0 : 50 + $0 * 13 % 100 }

  private func shardOrder(buffer: Int, seed: UInt64 = 1) throws -> BatchOrder {
    try BatchOrder(shards: Self.sizes, shuffleBuffer: buffer, batchSize: 10, seed: seed, keepsLast: true)
  }

  /// The number of each sample's shard.
  private static let shardOfSample = sizes.enumerated().flatMap { Array(repeating: $0, count: $1) }

  @Test(arguments: [1, 2, 300, 1 << 31]) func everySampleOfEveryShardIsSeenOnce(buffer: Int) throws {
    let order = try shardOrder(buffer: buffer)
    let passes = (0..<3).map { order.samples(ofEpoch: $0) }
    for pass in passes { #expect(pass.sorted() == Array(0..<order.sampleCount)) }
    #expect(Set(passes).count == 3 && order.sampleCount == Self.sizes.reduce(0, +))
    #expect(try shardOrder(buffer: buffer).samples(ofEpoch: 1) == passes[1])
    #expect(try shardOrder(buffer: buffer, seed: 2).samples(ofEpoch: 1) != passes[1])
  }

  /// Without a buffer shards come one behind the other, each in an order of its own, and so it can be seen how far a buffer
  /// moves samples.
  @Test func samplesMoveLessThanTheBuffer() throws {
    for epoch in 0..<2 {
      let row = try shardOrder(buffer: 1).samples(ofEpoch: epoch)
      let shards = row.map { Self.shardOfSample[$0] }
      #expect(zip(shards, shards.dropFirst()).count { $0 != $1 } == Self.sizes.count - 2)
      #expect(shards != shards.sorted() && row.prefix(40) != row.prefix(40).sorted()[...])
      var places = Array(repeating: 0, count: row.count)
      for (place, sample) in row.enumerated() { places[sample] = place }
      for buffer in [2, 30, 300] {
        let order = try shardOrder(buffer: buffer).samples(ofEpoch: epoch)
        let moves = order.enumerated().map { abs(places[$1] - $0) }
        #expect(moves.max()! < buffer)
        // An even spread over the buffer moves samples by a quarter of it.
        let mean = Double(moves.reduce(0, +)) / Double(moves.count)
        if buffer > 2 { #expect(abs(mean / Double(buffer) - 0.25) < 0.03) }
      }
    }
  }

  /// A batch has samples of about as many shards as the buffer covers.
  @Test func batchesMixShards() throws {
    let order = try shardOrder(buffer: 1000)
    let shards = order.samples(ofEpoch: 0).map { Self.shardOfSample[$0] }
    // The buffer fills at the beginning of a pass, and empties at its end.
    let batches = stride(from: 1000, to: shards.count - 1064, by: 64).map { Set(shards[$0..<$0 + 64]).count }
    #expect(batches.min()! > 6 && batches.reduce(0, +) > 9 * batches.count)
  }

  /// A loader that begins in the middle of a pass goes on as one that has come there.
  @Test(arguments: [0, 1, 3]) func shardsGoOnFromEveryPosition(workers: Int) throws {
    let order = try BatchOrder(shards: [9, 0, 20, 12], shuffleBuffer: 7, batchSize: 6, seed: 4)
    let all = try batches(order, 14)
    for start in 0..<all.count - 1 {
      let loader = DataLoader(order, workers: workers) { $0.indices }
      var position = all[start].end
      for batch in all[(start + 1)...] {
        let loaded = try loader.batch(at: position)
        #expect(loaded.batch == batch.samples.indices && loaded.end == batch.end)
        position = loaded.end
      }
    }
  }

  /// What checkpoints say of an order without shards stays what it was.
  @Test func ordersAreKeptAsBefore() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let order = try BatchOrder(sampleCount: 10, batchSize: 4, seed: 3)
    let text = #"{"batchSize":4,"isShuffled":true,"keepsLast":false,"sampleCount":10,"seed":3}"#
    #expect(String(decoding: try encoder.encode(order), as: UTF8.self) == text)
    #expect(try JSONDecoder().decode(BatchOrder.self, from: Data(text.utf8)) == order)
    let shards = try shardOrder(buffer: 5)
    let decoded = try JSONDecoder().decode(BatchOrder.self, from: encoder.encode(shards))
    #expect(decoded == shards && decoded.samples(ofEpoch: 3) == shards.samples(ofEpoch: 3))
  }

  @Test func shardsWithoutABatchAreRefused() {
    func refusal(_ shards: [Int], buffer: Int = 8) -> String? {
      #expect(throws: BatchOrder.SizeError.self) {
        try BatchOrder(shards: shards, shuffleBuffer: buffer, batchSize: 4)
      }?.description
    }
    #expect(refusal([1, 2]) == "3 samples, expected enough for a batch of 4")
    #expect(refusal([]) == "0 samples, expected enough for a batch of 4")
    #expect(refusal([5, -1]) == "a shard of -1 samples")
    #expect(refusal([5], buffer: 0) == "a shuffle buffer of 0 samples, expected 1 to 2147483648")
    #expect(refusal([5], buffer: 1 << 32)?.contains("expected 1 to 2147483648") == true)
  }
}
