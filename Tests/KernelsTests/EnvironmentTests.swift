import Foundation
import Kernels
import Testing

/// What the environment says is read when threads are first asked for: each test is a process of its own.
@Suite struct EnvironmentTests {
  private func expectLine(
    _ line: String, _ result: ExitTest.Result?, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(output == line + "\n", sourceLocation: sourceLocation)
  }

  @Test func aNumberOfThreads() async {
    await #expect(processExitsWith: .success) {
      setenv("PAIRWISE_NUM_THREADS", "3", 1)
      #expect(ThreadPool.threadCount == 3)
    }
  }

  @Test func noThreads() async {
    let result = await #expect(processExitsWith: .exitCode(2), observing: [\.standardErrorContent]) {
      setenv("PAIRWISE_NUM_THREADS", "0", 1)
      _ = ThreadPool.threadCount
    }
    expectLine("PAIRWISE_NUM_THREADS=0: expected a number in 1...1024", result)
  }

  @Test func lessThanNoThreads() async {
    let result = await #expect(processExitsWith: .exitCode(2), observing: [\.standardErrorContent]) {
      setenv("PAIRWISE_NUM_THREADS", "-3", 1)
      _ = ThreadPool.threadCount
    }
    expectLine("PAIRWISE_NUM_THREADS=-3: expected a number in 1...1024", result)
  }

  @Test func moreThreadsThanIntegersCount() async {
    let result = await #expect(processExitsWith: .exitCode(2), observing: [\.standardErrorContent]) {
      setenv("PAIRWISE_NUM_THREADS", "99999999999999999999", 1)
      _ = ThreadPool.threadCount
    }
    expectLine("PAIRWISE_NUM_THREADS=99999999999999999999: expected a number in 1...1024", result)
  }

  @Test func aWordForAllThreads() async {
    let result = await #expect(processExitsWith: .exitCode(2), observing: [\.standardErrorContent]) {
      setenv("PAIRWISE_NUM_THREADS", "all", 1)
      _ = ThreadPool.threadCount
    }
    expectLine("PAIRWISE_NUM_THREADS=all: expected a number in 1...1024", result)
  }
}
