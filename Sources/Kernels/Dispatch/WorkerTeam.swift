import CPUFeatures
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Threads that wait for parallel regions: first in a short loop, because regions often follow each other closely,
/// then asleep.
///
/// A region is announced by one atomic word, `state`: its number, how many seats are free, and how many workers sit.
/// The caller works too; when no indices are left it takes the free seats away, so that it never waits for a worker
/// that has not even woken up, and then waits for the seated ones.
final class WorkerTeam: @unchecked Sendable {
  static let shared = WorkerTeam()

  private static let oneSeat: UInt64 = 1 << 16
  private static let oneGeneration: UInt64 = 1 << 32
  private static let spinNanoseconds: UInt64 = 30_000

  /// Number of the region (upper 32 bits), free seats (16 bits), seated workers (16 bits).
  private let state = Atomic<UInt64>(0)
  /// The next index that nobody has taken.
  private let next = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  /// Held by the thread that runs a region; guards the stored properties below.
  private let isReserved = Atomic<Bool>(false)

  private var body: ((Int) -> Void)?
  private var count = 0
  private var table: UnsafePointer<KernelTable>?
  private var workerCount = 0

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wakeUp = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  private init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wakeUp, nil)
  }

  /// Takes the team for one region; false if another thread has it.
  func reserve(mayWait: Bool) -> Bool {
    while !isReserved.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged {
      guard mayWait else { return false }
      sched_yield()
    }
    return true
  }

  /// Runs a region with up to `helpers` workers and gives the team back.
  func run(count: Int, helpers: Int, _ body: (Int) -> Void) {
    hire(upTo: helpers)
    withoutActuallyEscaping(body) { body in
      self.body = body
      self.count = count
      table = Kernels.overridingTable
      next.store(0, ordering: .relaxed)
      let generation = (state.load(ordering: .relaxed) / Self.oneGeneration) &+ 1
      state.store(
        (generation & 0xffff_ffff) << 32 | UInt64(min(helpers, workerCount)) * Self.oneSeat,
        ordering: .sequentiallyConsistent)
      if sleepers.load(ordering: .sequentiallyConsistent) > 0 { wakeAll() }
      takeIndices()
      closeRegion()
      self.body = nil
    }
    isReserved.store(false, ordering: .releasing)
  }

  /// Never inlined, so that a worker holds no reference to the body once it leaves its seat.
  @inline(never)
  private func takeIndices() {
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      body!(index)
    }
  }

  /// Takes the free seats away and waits until no worker sits.
  private func closeRegion() {
    let seats = Self.oneGeneration - Self.oneSeat
    var active = state.bitwiseAnd(~seats, ordering: .acquiring).newValue & (Self.oneSeat - 1)
    var spins = 0
    while active > 0 {
      // A worker that the system has taken off its processor needs ours.
      spins += 1
      if spins < 2_000 { pairwise_cpu_pause() } else { sched_yield() }
      active = state.load(ordering: .acquiring) & (Self.oneSeat - 1)
    }
  }

  private func wakeAll() {
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(wakeUp)
    pthread_mutex_unlock(mutex)
  }

  // MARK: Workers

  private func hire(upTo helpers: Int) {
    while workerCount < helpers {
      #if canImport(Darwin)
        var thread: pthread_t?
        let entry: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = { _ in
          WorkerTeam.shared.work()
        }
      #else
        var thread = pthread_t()
        let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { _ in
          WorkerTeam.shared.work()
        }
      #endif
      // Without a new thread the region still runs, on those there are.
      guard pthread_create(&thread, nil, entry, nil) == 0 else { return }
      workerCount += 1
    }
  }

  /// The life of a worker.
  private func work() -> Never {
    let own = ThreadState.current
    own.isInsideRegion = true
    var seen: UInt64 = 0
    while true {
      let current = awaitRegion(after: seen)
      seen = current / Self.oneGeneration
      guard takeSeat(generation: seen) else { continue }
      own.table = table
      takeIndices()
      own.table = nil
      state.subtract(1, ordering: .acquiringAndReleasing)
    }
  }

  private func takeSeat(generation: UInt64) -> Bool {
    var current = state.load(ordering: .relaxed)
    while current / Self.oneGeneration == generation, current & (Self.oneGeneration - Self.oneSeat) != 0 {
      let result = state.compareExchange(
        expected: current, desired: current - Self.oneSeat + 1, ordering: .acquiringAndReleasing)
      if result.exchanged { return true }
      current = result.original
    }
    return false
  }

  private func awaitRegion(after seen: UInt64) -> UInt64 {
    let deadline = now() + Self.spinNanoseconds
    repeat {
      for _ in 0..<16 {
        let current = state.load(ordering: .relaxed)
        if current / Self.oneGeneration != seen { return current }
        pairwise_cpu_pause()
      }
    } while now() < deadline

    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    sleepers.add(1, ordering: .sequentiallyConsistent)
    defer { sleepers.subtract(1, ordering: .sequentiallyConsistent) }
    while true {
      let current = state.load(ordering: .sequentiallyConsistent)
      if current / Self.oneGeneration != seen { return current }
      pthread_cond_wait(wakeUp, mutex)
    }
  }

  private func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
