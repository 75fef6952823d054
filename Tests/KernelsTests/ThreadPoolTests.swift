import Kernels
import Synchronization
import Testing

@Suite struct ThreadPoolTests {
  @Test(arguments: [1, 2, 3, 8])
  func everyIndexIsVisitedOnce(threads: Int) {
    ThreadPool.withThreadCount(threads) {
      for round in 0..<300 {
        let count = round % 37
        let visits = UnsafeMutablePointer<Int>.allocate(capacity: max(count, 1))
        defer { visits.deallocate() }
        visits.initialize(repeating: 0, count: max(count, 1))
        ThreadPool.parallelFor(count: count) { visits[$0] += $0 + 1 }
        #expect((0..<count).allSatisfy { visits[$0] == $0 + 1 })
      }
    }
  }

  @Test func rangesDoNotDependOnThreads() {
    for threads in [1, 2, 4] {
      ThreadPool.withThreadCount(threads) {
        let starts = UnsafeMutablePointer<Int>.allocate(capacity: 103)
        defer { starts.deallocate() }
        ThreadPool.parallelRanges(count: 103, grain: 10) { range in
          for i in range { starts[i] = range.lowerBound }
        }
        #expect((0..<103).allSatisfy { starts[$0] == $0 / 10 * 10 })
      }
    }
    ThreadPool.parallelRanges(count: 0, grain: 4) { _ in Issue.record("called for no indices") }
  }

  @Test func nestedRegionsRunOnTheSameThread() {
    ThreadPool.withThreadCount(2) {
      let total = Atomic<Int>(0)
      ThreadPool.parallelFor(count: 20) { outer in
        var own = 0
        // Not atomic: correct only if one thread runs the inner region.
        ThreadPool.parallelFor(count: 50) { own += $0 + outer }
        total.add(own, ordering: .relaxed)
      }
      #expect(total.load(ordering: .relaxed) == 20 * 1225 + 50 * 190)
    }
  }

  @Test func severalThreadsAreAtWork() {
    // Each index waits for the other: one thread alone would never finish.
    ThreadPool.withThreadCount(2) {
      let arrived = Atomic<Int>(0)
      ThreadPool.parallelFor(count: 2) { _ in
        arrived.add(1, ordering: .relaxed)
        while arrived.load(ordering: .relaxed) < 2 {}
      }
      #expect(arrived.load(ordering: .relaxed) == 2)
    }
  }

  @Test func concurrentCallersDoNotDisturbEachOther() async {
    let sums = await withTaskGroup(of: Int.self) { group in
      for task in 0..<8 {
        group.addTask {
          var total = 0
          for _ in 0..<200 {
            let sum = Atomic<Int>(0)
            ThreadPool.parallelFor(count: 40) { sum.add($0 * task, ordering: .relaxed) }
            total += sum.load(ordering: .relaxed)
          }
          return total
        }
      }
      return await group.reduce(into: [Int]()) { $0.append($1) }
    }
    #expect(sums.sorted() == (0..<8).map { $0 * 780 * 200 })
  }

  @Test func regionsUseTheTableOfTheirCaller() {
    for table in Kernels.singlePrecisionTables {
      Kernels.withTable(table) {
        ThreadPool.withThreadCount(2) {
          ThreadPool.parallelFor(count: 16) { _ in
            #expect("\(Kernels.table.name)" == "\(table.name)")
          }
        }
      }
    }
  }
}
