import Autograd
import Testing

/// What a task says about the tape goes with it where it is suspended.
@Suite struct AsynchronousTests {
  @Test func nothingIsRecordedBeforeOrAfterASuspension() async throws {
    let results = await withoutGradients { () -> [Bool] in
      let leaf = Variable(Tensor([1, 2]), requiresGradient: true)
      let before = leaf * leaf
      for _ in 0..<20 { await Task.yield() }
      let after = before + leaf
      async let child = { Variable(Tensor([1]), requiresGradient: true).exp().requiresGradient }()
      return [before.requiresGradient, after.requiresGradient, await child]
    }
    #expect(results == [false, false, false])
    let leaf = Variable(Tensor([1, 2]), requiresGradient: true)
    #expect((leaf * leaf).requiresGradient)
  }

  @Test func errorsPassAndRecordingGoesOn() async {
    struct Failure: Error {}
    await #expect(throws: Failure.self) {
      try await withoutGradients {
        await Task.yield()
        throw Failure()
      }
    }
    #expect(Variable(Tensor([1]), requiresGradient: true).exp().requiresGradient)
  }

  /// A body without suspension needs no `await`, also where it might have one.
  @Test func synchronousBodiesStaySo() async {
    let leaf = Variable(Tensor([1, 2]), requiresGradient: true)
    let product = withoutGradients { leaf * leaf }
    #expect(!product.requiresGradient)
  }

  /// The actor's state is at hand in the body.
  @Test func bodiesStayOnTheirActor() async {
    actor Counter {
      var count = 0
      func run() async -> Int {
        await withoutGradients {
          count += 1
          await Task.yield()
          count += 1
        }
        return count
      }
    }
    #expect(await Counter().run() == 2)
  }
}
