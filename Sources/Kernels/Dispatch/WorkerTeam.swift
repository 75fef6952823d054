import CPUFeatures
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Threads that help with parallel regions, several of which may be open at once: they wait for one first in a short
/// loop, because regions often follow each other closely, then asleep.
///
/// A region is announced by one atomic word, its ``Seats``. The caller works too; when no indices are left it takes the
/// free seats away, so that it never waits for a worker that has not even woken up, and then waits for the seated ones.
///
/// All callers and helpers together are as many as `ThreadPool.threadCount` says, shared alike (``share(of:)``): when
/// another region opens, helpers leave between two indices, and go where there is room. The body of a region never waits
/// for a helper, so whatever the shares are, every region comes to its end.
final class WorkerTeam: @unchecked Sendable {
  static let shared = WorkerTeam()

  /// Most regions with helpers at once; the caller of another one is alone.
  private static let regionCount = 32
  private static let spinNanoseconds: UInt64 = 30_000

  /// A region in the making, and what its helpers read. A pair of cache lines each.
  private struct Region: ~Copyable {
    let seats = Atomic<UInt64>(Seats.none)
    /// How many indices were asked for: by the caller (32 bits), who takes them from the first on, and by helpers, who
    /// take them from the last on. So in regions over the same memory each thread finds most of what it had in its caches.
    let taken = Atomic<UInt64>(0)
    var count = 0
    var body: ((Int) -> Void)?
    var table: UnsafePointer<KernelTable>?

    static let stride = 128
  }

  private let regions: UnsafeMutableRawPointer
  /// Regions from here on were never taken.
  private let reach = Atomic<Int>(0)
  /// At least as many workers as sleep and were not called; written with the mutex held.
  private let sleepers = Atomic<Int>(0)
  /// Written with the mutex held.
  private let workerCount = Atomic<Int>(0)

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wakeUp = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  private init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wakeUp, nil)
    regions = .allocate(byteCount: Self.regionCount * Region.stride, alignment: Region.stride)
    for index in 0..<Self.regionCount {
      (regions + index * Region.stride).bindMemory(to: Region.self, capacity: 1).initialize(to: Region())
    }
  }

  @inline(__always)
  private func region(_ index: Int) -> UnsafeMutablePointer<Region> {
    (regions + index * Region.stride).assumingMemoryBound(to: Region.self)
  }

  // MARK: Callers

  /// Runs a region with up to `helpers` workers; false if there is no place for one more, or for so many indices.
  ///
  /// - Parameter isAssured: Whether the helpers come for certain, beyond the number of threads if need be.
  func run(count: Int, helpers: Int, isAssured: Bool, _ body: (Int) -> Void) -> Bool {
    guard count <= Int(Int32.max), let index = takeRegion() else { return false }
    let region = region(index)
    withoutActuallyEscaping(body) { body in
      region.pointee.body = body
      region.pointee.count = count
      region.pointee.table = Kernels.overridingTable
      region.pointee.taken.store(0, ordering: .relaxed)
      region.pointee.seats.store(
        Seats.open(wanted: helpers, isAssured: isAssured), ordering: .sequentiallyConsistent)
      if isAssured || workerCount.load(ordering: .relaxed) < ThreadPool.threadCount - 1 { hire() }
      var isFirst = true
      takeIndices(of: region, isCaller: true) {
        rouse(for: index, all: isFirst)
        isFirst = false
        return true
      }
      close(region)
      region.pointee.body = nil
    }
    region.pointee.seats.store(Seats.none, ordering: .releasing)
    return true
  }

  /// A region that is free, the thread's last one before others: its memory is at hand.
  private func takeRegion() -> Int? {
    let state = ThreadState.current
    for offset in 0..<Self.regionCount {
      let index = (state.lastRegion + offset) % Self.regionCount
      let region = region(index)
      guard region.pointee.seats.load(ordering: .relaxed) == Seats.none,
        region.pointee.seats.compareExchange(
          expected: Seats.none, desired: Seats.taken, ordering: .acquiring
        ).exchanged
      else { continue }
      if index >= reach.load(ordering: .relaxed) { reach.max(index + 1, ordering: .sequentiallyConsistent) }
      state.lastRegion = index
      return index
    }
    return nil
  }

  /// Calls the body for indices until none is left or `continues` says no, which it is asked before each.
  ///
  /// Never inlined, so that a worker holds no reference to the body once it leaves its seat.
  ///
  /// - Returns: Whether none is left.
  @inline(never) @discardableResult
  private func takeIndices(
    of region: UnsafeMutablePointer<Region>, isCaller: Bool, while continues: () -> Bool
  ) -> Bool {
    while continues() {
      let taken = region.pointee.taken.wrappingAdd(isCaller ? 1 : 1 << 32, ordering: .relaxed).oldValue
      let (first, last) = (Int(taken & 0xffff_ffff), Int(taken >> 32))
      guard first + last < region.pointee.count else { return true }
      region.pointee.body!(isCaller ? first : region.pointee.count - 1 - last)
    }
    return false
  }

  /// Wakes workers where there is room for them: as many as there are seats, or one.
  @inline(__always)
  private func rouse(for index: Int, all: Bool) {
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
    let neighbours = ThreadState.current.neighbourhood.look(openRegions(besides: index))
    let active = Seats.active(region(index).pointee.seats.load(ordering: .relaxed))
    let vacant = share(of: index, neighbours: neighbours) - active
    if vacant > 0 { wake(all ? vacant : 1) }
  }

  /// Takes the free seats away and waits until no worker sits.
  private func close(_ region: UnsafeMutablePointer<Region>) {
    var active = Seats.active(
      region.pointee.seats.bitwiseAnd(~Seats.allWanted, ordering: .acquiring).newValue)
    var spins = 0
    while active > 0 {
      // A worker that the system has taken off its processor needs ours.
      spins += 1
      if spins < 2_000 { pairwise_cpu_pause() } else { sched_yield() }
      active = Seats.active(region.pointee.seats.load(ordering: .acquiring))
    }
  }

  private func wake(_ count: Int) {
    pthread_mutex_lock(mutex)
    let asleep = sleepers.load(ordering: .relaxed)
    let woken = min(count, asleep)
    sleepers.store(asleep - woken, ordering: .relaxed)
    pthread_mutex_unlock(mutex)
    // Only now, or who wakes up would wait for the mutex at once.
    for _ in 0..<woken { pthread_cond_signal(wakeUp) }
  }

  // MARK: Shares

  /// How many helpers a region may have now: alike for all regions, but none more than it wants.
  ///
  /// - Parameter neighbours: Other regions to leave room for, if fewer are open.
  private func share(of index: Int, neighbours: Int = 0) -> Int {
    let own = region(index).pointee.seats.load(ordering: .sequentiallyConsistent)
    if Seats.isAssured(own) { return Seats.wanted(own) }
    let reach = reach.load(ordering: .sequentiallyConsistent)
    if reach == 1 { return min(Seats.wanted(own), ThreadPool.threadCount - 1) }

    let others = openRegions(besides: index)
    let open = max(others, neighbours) + 1
    let free = ThreadPool.threadCount - open
    guard free > 0 else { return 0 }
    let fair = free / open
    // What some do not need is shared by the others.
    var (spare, hungry, before) = (free - (open - 1 - others) * fair, 0, 0)
    forEachShared(reach) { other, demand in
      spare -= min(demand, fair)
      guard demand > fair else { return }
      hungry += 1
      if other < index { before += 1 }
    }
    let wanted = Seats.wanted(own)
    if wanted <= fair || hungry == 0 { return min(wanted, fair) }
    spare = max(spare, 0)
    return min(wanted, fair + spare / hungry + (before < spare % hungry ? 1 : 0))
  }

  private func openRegions(besides index: Int) -> Int {
    var count = 0
    forEachShared(reach.load(ordering: .sequentiallyConsistent)) { other, _ in
      if other != index { count += 1 }
    }
    return count
  }

  /// Calls `body` with every region that shares the threads with others, and the helpers that it has or wants.
  @inline(__always)
  private func forEachShared(_ reach: Int, _ body: (_ index: Int, _ demand: Int) -> Void) {
    for index in 0..<reach {
      let seats = region(index).pointee.seats.load(ordering: .sequentiallyConsistent)
      if seats != Seats.none, !Seats.isAssured(seats) {
        body(index, max(Seats.wanted(seats), Seats.active(seats)))
      }
    }
  }

  // MARK: Workers

  /// Makes new workers if all regions together want more than there are.
  private func hire() {
    var (assured, shared) = (0, 0)
    for index in 0..<reach.load(ordering: .relaxed) {
      let seats = region(index).pointee.seats.load(ordering: .relaxed)
      if Seats.isAssured(seats) { assured += Seats.wanted(seats) } else { shared += Seats.wanted(seats) }
    }
    let needed = assured + min(shared, ThreadPool.threadCount - 1)
    if workerCount.load(ordering: .relaxed) >= needed { return }
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while workerCount.load(ordering: .relaxed) < needed {
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
      workerCount.add(1, ordering: .relaxed)
    }
  }

  /// The life of a worker.
  private func work() -> Never {
    let own = ThreadState.current
    own.isInsideRegion = true
    var maySpin = true
    while true {
      let index = awaitSeat(spinning: maySpin)
      let region = region(index)
      own.table = region.pointee.table
      let isDone = takeIndices(of: region, isCaller: false) { !leaveIfTooMany(index) }
      own.table = nil
      if isDone { leave(region) }
      // Who makes room for others must not take their time by looking for a seat.
      maySpin = isDone
    }
  }

  /// Gives the seat back where nothing is left to do, which nobody needs to look at again.
  private func leave(_ region: UnsafeMutablePointer<Region>) {
    var seats = region.pointee.seats.load(ordering: .relaxed)
    while true {
      let result = region.pointee.seats.compareExchange(
        expected: seats, desired: seats & ~Seats.allWanted - Seats.oneActive, ordering: .acquiringAndReleasing
      )
      if result.exchanged { return }
      seats = result.original
    }
  }

  /// Gives the seat back if the region has more helpers than its share.
  private func leaveIfTooMany(_ index: Int) -> Bool {
    let region = region(index)
    var seats = region.pointee.seats.load(ordering: .relaxed)
    // Once no index is left nobody is wanted, and the indices that are being worked on end soon.
    while Seats.wanted(seats) > 0, Seats.active(seats) > share(of: index) {
      let result = region.pointee.seats.compareExchange(
        expected: seats, desired: seats - Seats.oneActive, ordering: .acquiringAndReleasing)
      if result.exchanged { return true }
      seats = result.original
    }
    return false
  }

  /// A seat at a region that has one to give. Assured ones go first: who has them may wait for their helpers.
  private func takeSeat() -> Int? { takeSeat(assured: true) ?? takeSeat(assured: false) }

  @inline(__always)
  private func takeSeat(assured: Bool) -> Int? {
    for index in 0..<reach.load(ordering: .sequentiallyConsistent) {
      let region = region(index)
      var seats = region.pointee.seats.load(ordering: .sequentiallyConsistent)
      while Seats.wanted(seats) > Seats.active(seats), Seats.isAssured(seats) == assured,
        Seats.active(seats) < share(of: index)
      {
        let result = region.pointee.seats.compareExchange(
          expected: seats, desired: seats + Seats.oneActive, ordering: .acquiringAndReleasing)
        if result.exchanged { return index }
        seats = result.original
      }
    }
    return nil
  }

  private func awaitSeat(spinning: Bool) -> Int {
    let deadline = now() + (spinning ? Self.spinNanoseconds : 0)
    repeat {
      for _ in 0..<16 {
        if let index = takeSeat() { return index }
        pairwise_cpu_pause()
      }
    } while now() < deadline

    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      // Counted before the last look: who opens a region after it sees the count.
      sleepers.add(1, ordering: .sequentiallyConsistent)
      if let index = takeSeat() {
        sleepers.subtract(1, ordering: .relaxed)
        return index
      }
      pthread_cond_wait(wakeUp, mutex)
    }
  }

  /// Whether all workers are asleep.
  package var isIdle: Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return sleepers.load(ordering: .relaxed) >= workerCount.load(ordering: .relaxed)
  }

  private func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// Regions of other threads that were open lately beside those of one thread.
///
/// A thread whose regions follow each other closely has none open in between. Workers that were woken at such a moment
/// would find no room when they come, and would have taken a processor from someone for nothing.
struct Neighbourhood {
  private var count = 0
  private var looksWithFewer = 0

  /// Takes notice of the present number.
  ///
  /// - Returns: The largest number lately: until fewer were seen 32 times running.
  mutating func look(_ present: Int) -> Int {
    looksWithFewer = present < count ? looksWithFewer + 1 : 0
    if present >= count || looksWithFewer == 32 { (count, looksWithFewer) = (present, 0) }
    return count
  }
}

/// Who works on a region, in one word: seated workers (16 bits), workers that it has seats for (16 bits), whether they
/// are assured, whether there is a region at all.
private enum Seats {
  static let none: UInt64 = 0
  static let oneActive: UInt64 = 1
  static let allWanted: UInt64 = 0xffff << 16
  static let taken: UInt64 = 1 << 33
  private static let assured: UInt64 = 1 << 32

  static func open(wanted: Int, isAssured: Bool) -> UInt64 {
    UInt64(wanted) << 16 | taken | (isAssured ? assured : 0)
  }

  @inline(__always) static func active(_ seats: UInt64) -> Int { Int(seats & 0xffff) }
  @inline(__always) static func wanted(_ seats: UInt64) -> Int { Int(seats >> 16 & 0xffff) }
  @inline(__always) static func isAssured(_ seats: UInt64) -> Bool { seats & assured != 0 }
}
