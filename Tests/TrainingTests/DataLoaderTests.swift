import Foundation
import Optim
import Synchronization
import Testing
import Training

@Suite struct DataLoaderTests {
  private struct Unreadable: Error, Equatable { let sample: Int }

  /// Batches that take different times to make.
  private func loader(workers: Int, ahead: Int? = nil, failing: Int? = nil) throws -> DataLoader<[UInt64]> {
    DataLoader(
      try BatchOrder(sampleCount: 50, batchSize: 4, seed: 1, keepsLast: true), workers: workers, ahead: ahead
    ) { samples in
      usleep(UInt32(samples.indices[0] * 40))
      if let failing, samples.indices.contains(failing) { throw Unreadable(sample: failing) }
      return samples.indices.indices.map { place in
        var random = samples.random(at: place)
        return random.nextUInt64() ^ UInt64(samples.indices[place])
      }
    }
  }

  @Test(arguments: [(1, nil), (1, 1), (2, nil), (3, 1), (4, 9)])
  func batchesAreTheSameForAnyNumberOfWorkers(workers: Int, ahead: Int?) throws {
    let (alone, together) = (try loader(workers: 0), try loader(workers: workers, ahead: ahead))
    var position = DataPosition()
    for _ in 0..<40 {
      let (a, b) = (try alone.batch(at: position), try together.batch(at: position))
      #expect(a.batch == b.batch && a.sampleCount == b.sampleCount && a.end == b.end)
      position = a.end
    }
    #expect(position == DataPosition(epoch: 3, sample: 4))
  }

  @Test func anyPositionCanBeAskedFor() throws {
    let (alone, together) = (try loader(workers: 0), try loader(workers: 2))
    for (epoch, sample) in [(0, 0), (0, 4), (7, 0), (7, 3), (2, 50), (2, 50), (0, 48), (1, 4)] {
      let position = DataPosition(epoch: epoch, sample: sample)
      let (a, b) = (try alone.batch(at: position), try together.batch(at: position))
      #expect(a.batch == b.batch && a.end == b.end)
    }
  }

  /// An error comes in the place of its batch, and what follows is there.
  @Test(arguments: [0, 3]) func aBatchThatCannotBeMade(workers: Int) throws {
    let (whole, broken) = (try loader(workers: 0), try loader(workers: workers, failing: 17))
    var position = DataPosition()
    var failures = 0
    for _ in 0..<26 {
      let expected = try whole.batch(at: position)
      do {
        #expect(try broken.batch(at: position).batch == expected.batch)
      } catch let error as Unreadable {
        #expect(error.sample == 17)
        failures += 1
      }
      position = expected.end
    }
    #expect(failures == 2)
  }

  @Test func noMoreIsMadeThanMayWait() throws {
    let made = Counter()
    let loader = DataLoader(try BatchOrder(sampleCount: 1000, batchSize: 1), workers: 3, ahead: 5) {
      made.count.add(1, ordering: .relaxed)
      return $0.indices[0]
    }
    #expect(made.count.load(ordering: .relaxed) == 0)
    var position = DataPosition()
    for _ in 0..<10 { position = try loader.batch(at: position).end }
    usleep(50_000)
    #expect(made.count.load(ordering: .relaxed) == 15)
  }

  /// The threads end with the loader, and let go of what they load from.
  @Test func nothingIsLeftOfALoader() throws {
    weak var held: Counter?
    do {
      let made = Counter()
      held = made
      let loader = DataLoader(try BatchOrder(sampleCount: 1000, batchSize: 1), workers: 3) {
        made.count.add(1, ordering: .relaxed)
        return $0.indices[0]
      }
      _ = try loader.batch(at: DataPosition())
    }
    for _ in 0..<500 where held != nil { usleep(10_000) }
    #expect(held == nil)
  }
}

private final class Counter: Sendable {
  let count = Atomic(0)
}
