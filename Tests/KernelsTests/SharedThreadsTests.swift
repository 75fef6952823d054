import Foundation
import Kernels
import Synchronization
import Testing

/// Several regions at once. Each test is a process of its own: it sets the number of threads for all.
@Suite struct SharedThreadsTests {
  /// Runs `body` on threads of their own, and waits for them.
  private static func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let done = DispatchSemaphore(value: 0)
    for index in 0..<count {
      Thread {
        body(index)
        done.signal()
      }.start()
    }
    for _ in 0..<count { done.wait() }
  }

  /// Waits for something that comes, if all is well, much sooner than it gives up.
  private static func comes(_ condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
      if condition() { return true }
      sched_yield()
    }
    return false
  }

  @Test func everyRegionHasItsShare() async {
    await #expect(processExitsWith: .success) {
      ThreadPool.threadCount = 6
      let arrived = Atomic<Int>(0)
      // Two threads of each region wait for those of all: a region alone would wait in vain.
      SharedThreadsTests.onThreads(3) { _ in
        ThreadPool.parallelFor(count: 2) { _ in
          arrived.add(1, ordering: .relaxed)
          #expect(SharedThreadsTests.comes { arrived.load(ordering: .relaxed) == 6 })
        }
      }
    }
  }

  @Test func whatARegionDoesNotNeedIsForTheOthers() async {
    await #expect(processExitsWith: .success) {
      ThreadPool.threadCount = 6
      let arrived = Atomic<Int>(0)
      SharedThreadsTests.onThreads(2) { index in
        ThreadPool.withThreadLimit(index == 0 ? 2 : 6) {
          ThreadPool.parallelFor(count: index == 0 ? 2 : 4) { _ in
            arrived.add(1, ordering: .relaxed)
            #expect(SharedThreadsTests.comes { arrived.load(ordering: .relaxed) == 6 })
          }
        }
      }
    }
  }

  @Test func helpersLeaveForAnotherRegion() async {
    await #expect(processExitsWith: .success) {
      ThreadPool.threadCount = 2
      let byCaller = Atomic<Int>(0)
      let byHelper = Atomic<Int>(0)
      let isOver = Atomic<Bool>(false)
      SharedThreadsTests.onThreads(2) { index in
        if index == 0 {
          let caller = Thread.current
          ThreadPool.parallelFor(count: 20_000_000) { _ in
            if isOver.load(ordering: .relaxed) { return }
            if Thread.current == caller {
              byCaller.add(1, ordering: .relaxed)
            } else {
              byHelper.add(1, ordering: .relaxed)
            }
            sched_yield()
          }
        } else {
          #expect(SharedThreadsTests.comes { byHelper.load(ordering: .relaxed) > 0 })
          // While this region is open, the other one's caller goes on alone.
          ThreadPool.parallelFor(count: 2) { _ in
            #expect(
              SharedThreadsTests.comes {
                let before = (byCaller.load(ordering: .relaxed), byHelper.load(ordering: .relaxed))
                while byCaller.load(ordering: .relaxed) < before.0 + 10_000 { sched_yield() }
                return byHelper.load(ordering: .relaxed) == before.1
              })
          }
          // Then the helper comes back.
          let before = byHelper.load(ordering: .relaxed)
          #expect(SharedThreadsTests.comes { byHelper.load(ordering: .relaxed) > before })
          isOver.store(true, ordering: .relaxed)
        }
      }
    }
  }

  @Test func workersSleepWhenThereIsNothingToDo() async {
    await #expect(processExitsWith: .success) {
      ThreadPool.threadCount = 4
      for _ in 0..<100 { ThreadPool.parallelFor(count: 8) { _ in } }
      #expect(SharedThreadsTests.comes { ThreadPool.isIdle })
    }
  }

  @Test func manyCallersVisitEveryIndexOnce() async {
    await #expect(processExitsWith: .success) {
      for threads in [1, 2, 3, 8] {
        ThreadPool.threadCount = threads
        // More than there are regions.
        SharedThreadsTests.onThreads(40) { caller in
          for round in 0..<100 {
            // One index alone is no region: what is inside may have threads of its own.
            let count = 2 + (round * 7 + caller) % 61
            var visits = [Int](repeating: 0, count: count)
            visits.withUnsafeMutableBufferPointer { visits in
              nonisolated(unsafe) let visits = visits
              ThreadPool.parallelFor(count: count) { index in
                // A region inside a region is its caller's own.
                var own = 0
                ThreadPool.parallelFor(count: 3) { own += $0 }
                visits[index] += own
              }
            }
            #expect(visits.allSatisfy { $0 == 3 })
          }
        }
      }
    }
  }

  @Test func aRegionWithoutAPlaceIsAlsoTheCallersOwnInside() async {
    await #expect(processExitsWith: .success) {
      ThreadPool.threadCount = 4
      // As many as there are regions, which stay open until the last caller has found no place.
      let others = 32
      let open = Atomic<Int>(0)
      let mayEnd = Atomic<Bool>(false)
      let ended = Atomic<Int>(0)
      SharedThreadsTests.onThreads(others + 1) { caller in
        guard caller == others else {
          let isOpen = Atomic<Bool>(false)
          ThreadPool.parallelFor(count: 2) { _ in
            if !isOpen.exchange(true, ordering: .relaxed) { open.add(1, ordering: .relaxed) }
            #expect(SharedThreadsTests.comes { mayEnd.load(ordering: .relaxed) })
          }
          ended.add(1, ordering: .relaxed)
          return
        }
        #expect(SharedThreadsTests.comes { open.load(ordering: .relaxed) == others })
        let thread = Thread.current
        ThreadPool.parallelFor(count: 2) { _ in
          mayEnd.store(true, ordering: .relaxed)
          #expect(SharedThreadsTests.comes { ended.load(ordering: .relaxed) == others })
          ThreadPool.parallelFor(count: 1_000) { _ in
            #expect(Thread.current == thread)
            sched_yield()
          }
        }
      }
    }
  }

  @Test func aLimitOfOneIsTheCallersThread() async {
    await #expect(processExitsWith: .success) {
      ThreadPool.threadCount = 4
      func sum() -> Int {
        // Not atomic: correct only if one thread runs the region.
        var sum = 0
        ThreadPool.parallelFor(count: 10_000) { sum += $0 }
        return sum
      }
      #expect(ThreadPool.withThreadLimit(1, sum) == 49_995_000)
      // A body cannot give itself more.
      #expect(ThreadPool.withThreadLimit(1) { ThreadPool.withThreadLimit(4, sum) } == 49_995_000)
    }
  }

  @Test func limitsSurviveSuspension() async {
    func sums() async -> [Int] {
      await withTaskGroup(of: Int.self) { group in
        for _ in 0..<20 {
          group.addTask {
            await Task.yield()
            var sum = 0
            ThreadPool.parallelFor(count: 1000) { sum += $0 }
            return sum
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
    }
    let found = await ThreadPool.withThreadLimit(1) {
      await Task.yield()
      return await sums()
    }
    #expect(found == [Int](repeating: 499_500, count: 20))
  }
}
