/// The backward sweep of a rank's last shard, and the sums of gradients that begin while it goes on: `GradientReduction`, event
/// by event.
struct GradientSweep {
  /// A parameter's gradient is there.
  struct Arrival {
    /// Since the one before.
    let seconds: Double
    let bytes: Double
  }

  private struct Bucket {
    let bytes: Double
    /// When its terms are where they are added, and its sums with everyone.
    var exchanged = Double.infinity
    var gathered = Double.infinity
  }

  static let bucketBytes = Double(25 << 20)

  private let machine: Machine
  private let ranks: Int
  private var buckets: [Bucket] = []
  private var gathering = 0
  /// When the way to the other ranks is free.
  private var free = 0.0
  /// What could not leave while the rank was computing.
  private var isComputing = true
  private var termBytes = 0.0
  /// Most memory of terms that others sent.
  private(set) var mostTermBytes = 0.0

  init(_ machine: Machine, ranks: Int) { (self.machine, self.ranks) = (machine, ranks) }

  /// Lets the sweep pass, with what is asked and begun meanwhile, and waits for all sums.
  mutating func run(_ arrivals: [Arrival], _ clock: inout Clock) {
    var filled = 0.0
    for arrival in arrivals {
      clock.spend(arrival.seconds, .towers)
      // It is read and written once more.
      clock.spend(2 * arrival.bytes / machine.copyBytesPerSecond, .gradients)
      if filled > 0 && filled + arrival.bytes > Self.bucketBytes {
        start(filled, clock.now)
        filled = 0
      }
      filled += arrival.bytes
      if machine.overlaps { progress(&clock) }
    }
    if filled > 0 { start(filled, clock.now) }
    finish(&clock)
  }

  private mutating func start(_ bytes: Double, _ now: Double) {
    var bucket = Bucket(bytes: bytes)
    if machine.overlaps { bucket.exchanged = send(bytes, from: now) }
    buckets.append(bucket)
    termBytes += bytes
    mostTermBytes = max(mostTermBytes, termBytes)
  }

  /// When every rank has its part of so many bytes, or all of them; behind what is on its way already.
  private mutating func send(_ bytes: Double, from now: Double) -> Double {
    free = max(now, free) + machine.toAll(bytes / Double(ranks), ranks: ranks)
    return free
  }

  private mutating func progress(_ clock: inout Clock) {
    while gathering < buckets.count, buckets[gathering].exchanged <= clock.now { add(&clock) }
  }

  /// Adds the terms of the next bucket's own part, and sends the sums.
  private mutating func add(_ clock: inout Clock) {
    let bytes = buckets[gathering].bytes
    // Two are read and one is written for each rank but the first.
    let moved = 3 * bytes * Double(ranks - 1) / Double(ranks)
    clock.spend(moved / machine.memoryBytesPerSecond, .gradients)
    termBytes -= bytes
    buckets[gathering].gathered = send(bytes, from: clock.now)
    gathering += 1
  }

  private mutating func finish(_ clock: inout Clock) {
    if !machine.overlaps {
      for index in buckets.indices { buckets[index].exchanged = send(buckets[index].bytes, from: clock.now) }
    }
    while gathering < buckets.count {
      clock.wait(until: buckets[gathering].exchanged, .gradients)
      add(&clock)
    }
    clock.wait(until: buckets.last?.gathered ?? 0, .gradients)
  }
}
