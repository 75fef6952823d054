import Autograd
import Testing

/// Rematerialisation.
@Suite struct CheckpointTests {
  @Test func randomNumbersAreDrawnAgain() {
    func dropout(_ x: Variable, _ source: RandomSource) -> Variable {
      var random = source.next()
      return x * Variable(random.bernoulli(x.shape, probability: 0.5) * 2)
    }
    func gradient(depth: Int) -> (Tensor, Tensor?, Tensor) {
      let source = RandomSource(Random(seed: 7))
      let x = Variable(.linspace(-1, 1, count: 64), requiresGradient: true)
      let body = { (inputs: [Variable]) in dropout(dropout(inputs[0], source).sin(), source) }
      func nested(_ depth: Int, _ inputs: [Variable]) -> Variable {
        depth == 0 ? body(inputs) : checkpoint(inputs) { nested(depth - 1, $0) }
      }
      let y = nested(depth, [x])
      // The source must go on after the checkpoint as if it had not been there.
      let z = dropout(y, source)
      return (z.value, z.sum().backward()[x], source.next().uniform())
    }
    let plain = gradient(depth: 0)
    #expect(plain == gradient(depth: 1))
    #expect(plain == gradient(depth: 2))
  }

  @Test func nestedCheckpoints() {
    let x = Variable(Tensor([0.5, 1]), requiresGradient: true)
    let w = Variable(Tensor([2, 3]), requiresGradient: true)
    let body = { (inputs: [Variable]) in (inputs[0] * w).sin() }
    let plain = body([body([x])]).sum().backward()
    let nested = checkpoint([x]) { checkpoint([checkpoint($0, body)], body) }.sum().backward()
    #expect(plain[x] == nested[x])
    #expect(plain[w] == nested[w])
  }

  @Test func constantsBuildNoTape() {
    let x = Variable(Tensor([0.5, 1]))
    #expect(!checkpoint([x]) { $0[0].exp() }.requiresGradient)
  }

  /// As a layer does that makes its parameters when it first sees an input.
  @Test(arguments: 1...2)
  func aLeafThatTheBodyMadeHasItsFirstGradient(depth: Int) {
    let x = Variable(Tensor([0.5, 1]), requiresGradient: true)
    var w: Variable?
    func layer(_ inputs: [Variable]) -> Variable {
      w = w ?? Variable(Tensor([2, 3]), requiresGradient: true)
      return inputs[0] * w!
    }
    func nested(_ depth: Int, _ inputs: [Variable]) -> Variable {
      depth == 0 ? layer(inputs) : checkpoint(inputs) { nested(depth - 1, $0) }
    }
    for _ in 0..<2 {
      let found = nested(depth, [x]).sum().backward()
      #expect(found[w!] == Tensor([0.5, 1]))
      #expect(found[x] == Tensor([2, 3]))
    }
  }

  /// Nobody can ask for its gradient, so nothing is lost.
  @Test func aLeafThatOnlyTheBodyRefersToMayBeAnotherEachTime() {
    let w = Variable(Tensor([2, 3]), requiresGradient: true)
    func slope(_ x: Tensor) -> Variable {
      let x = Variable(x, requiresGradient: true)
      return gradients(of: (x * x * w).sum(), withRespectTo: [x], createGraph: true)[0]
    }
    let found = checkpoint([]) { _ in slope(Tensor([0.5, 1])) }.sum().backward()
    #expect(found[w] == Tensor([1, 2]))
  }

  @Test func aSweepWhereNothingIsRecorded() {
    let x = Variable(Tensor([2, 3]), requiresGradient: true)
    let w = Variable(Tensor([5, 7]), requiresGradient: true)
    let y = checkpoint([x]) { $0[0] * w }.sum()
    let found = withoutGradients { y.backward() }
    #expect(found[x] == Tensor([5, 7]))
    #expect(found[w] == Tensor([2, 3]))
  }

  @Test func anInputThatTheBodyIgnores() {
    let x = Variable(Tensor([2, 3]), requiresGradient: true)
    let w = Variable(Tensor([5, 7]), requiresGradient: true)
    let found = checkpoint([x]) { _ in w * 2 }.sum().backward()
    #expect(found[w] == Tensor([2, 2]))
    #expect(found[x] == Tensor([0, 0]))
  }
}

extension Random {
  /// The next numbers, to compare the states of two generators.
  fileprivate func uniform() -> Tensor {
    var copy = self
    return copy.uniform([4])
  }
}
