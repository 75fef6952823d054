import Autograd
import Testing

@Suite struct SweepTests {
  @Test func gradientsOfASharedLeafAddUp() {
    let x = Variable(Tensor([2, 3]), requiresGradient: true)
    let gradients = (x * x + x * 3).sum().backward()
    #expect(gradients[x] == Tensor([7, 9]))
  }

  @Test func gradientsHaveGradients() {
    let x = Variable(Tensor([2, 3]), requiresGradient: true)
    let first = gradients(of: (x * x * x).sum(), withRespectTo: [x], createGraph: true)[0]
    #expect(first.value == Tensor([12, 27]))
    let second = gradients(of: first.sum(), withRespectTo: [x])[0]
    #expect(second.value == Tensor([12, 18]))
  }

  @Test func constantsBuildNoTape() {
    let x = Variable(Tensor([2, 3]))
    #expect(!(x * x).requiresGradient)
    let leaf = Variable(Tensor([2, 3]), requiresGradient: true)
    #expect(!withoutGradients { leaf * leaf }.requiresGradient)
  }

  @Test func aLongChainNeedsNoDeepStack() {
    let x = Variable(Tensor([1]), requiresGradient: true)
    var y = x
    for _ in 0..<200_000 { y = y + x }
    #expect(y.sum().backward()[x] == Tensor([200_001]))
  }

  @Test func checkpointReachesCapturedVariables() {
    let x = Variable(Tensor([2, 3]), requiresGradient: true)
    let w = Variable(Tensor([5, 7]), requiresGradient: true)
    let v = w * 2
    let plain = (x * v * v + w).sum().backward(retainGraph: true)
    let saved = checkpoint([x]) { $0[0] * v * v + w }.sum().backward()
    #expect(plain[x] == saved[x])
    #expect(plain[w] == saved[w])
  }
}
