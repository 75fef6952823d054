import Autograd
import Testing

@Suite struct ValueAndGradientTests {
  @Test func ofOneInput() {
    let (value, gradient) = valueAndGradient(at: Tensor([1, 2, 3])) { ($0 * $0).sum() }
    #expect(value == Tensor(14) && gradient == Tensor([2, 4, 6]))
  }

  @Test func ofSeveral() {
    let found = valueAndGradient(at: [Tensor([1, 2]), Tensor(3), Tensor([5])]) { ($0[0] * $0[1]).sum() }
    #expect(found.value == Tensor(9) && found.gradients == [Tensor([3, 3]), Tensor(3), Tensor([0])])
  }

  @Test func ofNone() {
    let (value, gradient) = valueAndGradient(at: Tensor([1, 2])) { _ in Variable(4) }
    #expect(value == Tensor(4) && gradient == Tensor([0, 0]))
  }

  @Test func ofWhatTheFunctionReads() throws {
    struct Failure: Error {}
    let x = Variable(Tensor([1, 2]), requiresGradient: true)
    let (value, gradients) = valueAndGradient { x.square().sum() }
    #expect(value == Tensor(5) && gradients[x] == Tensor([2, 4]))
    #expect(throws: Failure.self) { _ = try valueAndGradient { throw Failure() } }
  }
}

/// Variables beside tensors, and what is read of them that no gradient passes.
@Suite struct ConstantTests {
  private let x = Variable(Tensor([1, -2]), requiresGradient: true)

  @Test func tensorsAreConstants() {
    let t = Tensor([3, 4])
    var y = x + t
    y -= t
    y *= t
    y /= Tensor(2)
    y += t
    #expect(y.value == Tensor([4.5, 0]))
    #expect((y + (t - x)).sum().backward()[x] == Tensor([0.5, 1]))
  }

  @Test func comparisons() {
    let t = Tensor([1, 0])
    #expect((x .== t) == Tensor([1, 0]) && (t .!= x) == Tensor([0, 1]) && (x .< t) == Tensor([0, 1]))
    #expect((t .> x) == Tensor([0, 1]) && (x .>= t) == Tensor([1, 0]) && (t .<= x) == Tensor([1, 0]))
    #expect((x .<= t) == Tensor([1, 1]) && (t .>= x) == Tensor([1, 1]) && (x .> t) == Tensor([0, 0]))
    #expect((t .< x) == Tensor([0, 0]) && (x .!= t) == Tensor([0, 1]) && (t .== x) == Tensor([1, 0]))
  }

  @Test func truth() {
    #expect(x.any().item() == 1 && x.all().item() == 1 && (x * Tensor([1, 0])).all().item() == 0)
    let nothing = Tensor.zeros([2, 0])
    #expect(nothing.any(axis: 1) == Tensor([0, 0]) && nothing.all(axis: 1) == Tensor([1, 1]))
    #expect(Tensor([.nan, 0]).any() == Tensor(1) && Tensor([.nan, -0.0]).all() == Tensor(0))
    #expect(Tensor([.nan, -1]).all() == Tensor(1))
    #expect(x.argmin().item() == 1 && x.argmax().item() == 0)
    let rows = Variable(Tensor([[1, 3, 2], [4, 0, 1]]))
    #expect(rows.argmax(axis: 0).values == [1, 0, 0] && rows.argmin(axis: 0).values == [0, 1, 1])
  }
}
