import Autograd
import Kernels
import Testing

/// The engine: what the sweep reaches, keeps, frees and adds up.
@Suite struct TapeTests {
  private func leaf(_ scalars: [Float]) -> Variable { Variable(Tensor(scalars), requiresGradient: true) }

  @Test func aLeafThatNothingUsesHasNoGradient() {
    let (x, unused) = (leaf([1, 2]), leaf([3]))
    let found = x.exp().sum().backward()
    #expect(found[unused] == nil)
    #expect(found.count == 1)
    #expect(gradients(of: x.sum(), withRespectTo: [unused])[0].value == Tensor([0]))
  }

  @Test func aRetainedGraphCanBeSweptAgain() {
    let x = leaf([1, 2])
    let y = (x * x).sum()
    #expect(y.backward(retainGraph: true)[x] == Tensor([2, 4]))
    #expect(y.backward()[x] == Tensor([2, 4]))
  }

  @Test func gradientsOfIntermediateVariables() {
    let x = leaf([1, 2])
    let y = x * 3
    let z = (y * y + x).sum()
    let found = gradients(of: z, withRespectTo: [y, x, z])
    #expect(found[0].value == Tensor([6, 12]))
    #expect(found[1].value == Tensor([19, 37]))
    #expect(found[2].value == Tensor(1))
  }

  @Test func addingUpLeavesSharedGradientsAlone() {
    // The sum hands one gradient to both of its inputs; the gradient of `a` grows afterwards, that of `b` must not, nor
    // the seed.
    let (a, b) = (leaf([1, 2]), leaf([3, 4]))
    let seed = Tensor([1, 10])
    let found = (a.exp() * 0 + a + (a + b)).backward(seed: seed)
    #expect(found[a] == Tensor([2, 20]))
    #expect(found[b] == Tensor([1, 10]))
    #expect(seed == Tensor([1, 10]))
  }

  @Test func broadcastGradientsAreSummed() {
    let (a, b, c) = (leaf([2]), Variable(Tensor(3), requiresGradient: true), leaf([1, 2, 3]))
    let found = (a * b * c).sum().backward()
    #expect(found[a] == Tensor([18]))
    #expect(found[b] == Tensor(12))
    #expect(found[c] == Tensor([6, 6, 6]))
  }

  @Test func gradientsAddAndScale() {
    let (x, y) = (leaf([1, 2]), leaf([3]))
    var total = x.sum().backward()
    total.add((x * x).sum().backward())
    total.add((y * 5).sum().backward())
    total.scale(by: 2)
    #expect(total[x] == Tensor([6, 10]))
    #expect(total[y] == Tensor([10]))
    total[x] = Tensor([0, 1])
    total[y] = nil
    #expect(total[x] == Tensor([0, 1]))
    #expect(total.count == 1)
  }

  @Test func operationsOfUsers() {
    func cube(_ x: Variable) -> Variable {
      record("cube", [x], value: x.value.pow(3), saving: .inputs) {
        [$0.gradient * $0.input(0).square() * 3]
      }
    }
    let x = leaf([1, 2])
    let first = gradients(of: cube(x).sum(), withRespectTo: [x], createGraph: true)[0]
    #expect(first.value == Tensor([3, 12]))
    #expect(gradients(of: first.sum(), withRespectTo: [x])[0].value == Tensor([6, 12]))
    #expect(checkGradients(at: [Tensor([1, 2, -1])]) { cube($0[0]) }.error < 1e-3)
  }

  /// A fused operation given one variable twice, and one computed from another: each position gets its own part.
  @Test func compositionsOfOneVariableInSeveralPlaces() {
    func product(_ a: Variable, _ b: Variable) -> Variable {
      record("product", [a, b], value: a.value * b.value) { context in
        [context.gradient.value * context.input(1).value, context.gradient.value * context.input(0).value]
      } composition: {
        $0[0] * $0[1]
      }
    }
    let x = leaf([2, 3])
    let twice = gradients(of: product(x, x).sum(), withRespectTo: [x], createGraph: true)[0]
    #expect(twice.value == Tensor([4, 6]))
    #expect(gradients(of: twice.sum(), withRespectTo: [x])[0].value == Tensor([2, 2]))
    let nested = gradients(of: product(x * x, x).sum(), withRespectTo: [x], createGraph: true)[0]
    #expect(nested.value == Tensor([12, 27]))
    #expect(gradients(of: nested.sum(), withRespectTo: [x])[0].value == Tensor([12, 18]))
  }

  @Test func thirdDerivatives() {
    let x = leaf([0.5, 1])
    var y = x.sin()
    for _ in 0..<3 { y = gradients(of: y.sum(), withRespectTo: [x], createGraph: true)[0] }
    #expect(y.value.isApproximatelyEqual(to: -Tensor([0.5, 1]).cos()))
  }

  @Test func compoundAssignmentKeepsTheTape() {
    let x = leaf([1, 2])
    var y = x
    y += x
    y *= x
    y -= 1
    y /= 2
    #expect(y.value == Tensor([0.5, 3.5]))
    #expect(y.sum().backward()[x] == Tensor([2, 4]))
  }
}
