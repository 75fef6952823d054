import Foundation
import Optim

/// Makes batches ahead of the steps that use them, on threads of its own, and hands them out in order.
///
///     let loader = DataLoader(try BatchOrder(sampleCount: images.count, batchSize: 64, seed: 1), workers: 2) { samples in
///       try decoded(samples.indices.map { images[$0] })
///     }
///
/// Batches are the same for any number of workers. Memory: at most ``ahead`` batches beside those in use. What computes in
/// `load` shares the processor's cores with the trainer.
public final class DataLoader<Batch: Sendable>: BatchSource {
  /// The order of the samples.
  public let order: BatchOrder
  /// Threads that load; with none a batch is made when it is asked for.
  public let workers: Int
  /// Batches that are made or being made before they are asked for.
  public let ahead: Int
  private let queue: LoaderQueue<Batch>

  /// A loader of batches that `load` makes of samples; it is called from several threads at once when there are several
  /// workers.
  ///
  /// - Parameter ahead: Twice the workers if not given.
  public init(
    _ order: BatchOrder, workers: Int = 1, ahead: Int? = nil,
    load: @escaping @Sendable (BatchSamples) throws -> Batch
  ) {
    if workers < 0 || (ahead ?? 1) < 1 {
      programmerError("DataLoader: \(workers) workers, \(ahead ?? 1) batches ahead")
    }
    (self.order, self.workers, self.ahead) = (order, workers, ahead ?? max(2 * workers, 1))
    queue = LoaderQueue(order, ahead: self.ahead, load: load)
    for number in 0..<workers {
      // Not the loader: it has to be able to go while they wait.
      // What it computes leaves the threads of the team to the trainer.
      let thread = Thread { [queue] in Compute.withThreadLimit(1) { queue.work() } }
      thread.name = "data loader \(number + 1)"
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  deinit { queue.close() }

  /// The batch at a position; those that follow it are made meanwhile. Asking for another one than the next drops them.
  ///
  /// - Throws: What `load` throws for it.
  public func batch(at position: DataPosition) throws -> LoadedBatch<Batch> {
    workers == 0 ? try queue.loadNow(position) : try queue.take(position)
  }
}

/// What a loader and its threads share.
private final class LoaderQueue<Batch: Sendable>: @unchecked Sendable {
  private let order: BatchOrder
  private let ahead: Int
  private let load: @Sendable (BatchSamples) throws -> Batch

  /// Guards all that follows, and tells of its changes.
  private let condition = NSCondition()
  /// The samples of the pass that was drawn from last.
  private var epoch: (number: Int, samples: [Int])?
  /// Where the batch after those that are made or being made begins; nil before the first was asked for.
  private var next: DataPosition?
  /// The batches from the next to be asked for on: nil while one is being made.
  private var batches:
    [(begin: DataPosition, end: DataPosition, result: Result<LoadedBatch<Batch>, any Error>?)] = []
  private var isClosed = false

  init(_ order: BatchOrder, ahead: Int, load: @escaping @Sendable (BatchSamples) throws -> Batch) {
    (self.order, self.ahead, self.load) = (order, ahead, load)
  }

  /// What a worker does until the loader goes.
  func work() {
    while let (samples, begin, end) = nextJob() {
      let result = Result { LoadedBatch(try load(samples), sampleCount: samples.count, end: end) }
      condition.withLock {
        // It may have been asked for something else meanwhile; a batch is the same whenever it was made.
        if let place = batches.firstIndex(where: { $0.begin == begin }) {
          batches[place].result = result
          condition.broadcast()
        }
      }
    }
  }

  private func nextJob() -> (samples: BatchSamples, begin: DataPosition, end: DataPosition)? {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if isClosed { return nil }
      if let next, batches.count < ahead {
        let (samples, end) = draw(next)
        batches.append((next, end, nil))
        self.next = end
        return (samples, next, end)
      }
      condition.wait()
    }
  }

  func take(_ position: DataPosition) throws -> LoadedBatch<Batch> {
    condition.lock()
    defer { condition.unlock() }
    if batches.first?.begin ?? next != position {
      batches = []
      next = position
      condition.broadcast()
    }
    while true {
      if let result = batches.first?.result {
        batches.removeFirst()
        condition.broadcast()
        return try result.get()
      }
      condition.wait()
    }
  }

  func loadNow(_ position: DataPosition) throws -> LoadedBatch<Batch> {
    let (samples, end) = condition.withLock { draw(position) }
    return LoadedBatch(try load(samples), sampleCount: samples.count, end: end)
  }

  func close() {
    condition.withLock {
      isClosed = true
      batches = []
      condition.broadcast()
    }
  }

  /// The samples at a position, and where they end.
  private func draw(_ position: DataPosition) -> (BatchSamples, DataPosition) {
    let (number, range) = order.range(at: position)
    if epoch?.number != number { epoch = (number, order.samples(ofEpoch: number)) }
    let samples = BatchSamples(Array(epoch!.samples[range]), epoch: number, seed: order.seed)
    return (samples, DataPosition(epoch: number, sample: range.upperBound))
  }
}
