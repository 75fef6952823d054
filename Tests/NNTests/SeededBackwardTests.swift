import NN
import TestSupport
import Testing

/// Gradients behind a loss that was computed elsewhere, handed out one by one.
@Suite struct SeededBackwardTests {
  private final class Towers: Module {
    let first, second, other: Linear
    /// Shared by both towers.
    let scale = Parameter(Tensor([1.5]))
    let unused = Parameter(Tensor([1]))

    init() {
      var random = Random(seed: 1)
      first = Linear(inputs: 3, outputs: 5, random: &random)
      second = Linear(inputs: 5, outputs: 4, random: &random)
      other = Linear(inputs: 3, outputs: 4, random: &random)
    }

    func outputs(_ x: Variable) -> [Variable] {
      [second(first(x).tanh() * scale.variable), other(x) * scale.variable]
    }
  }

  @Test func eachIsHandedOutOnceAndComplete() {
    let towers = Towers()
    var random = Random(seed: 2)
    let x = Variable(random.normal([6, 3]))
    let seeds = [random.normal([6, 4]), random.normal([6, 4])]
    towers.first.bias!.isFrozen = true
    let outputs = towers.outputs(x)
    let expected = ((outputs[0] * Variable(seeds[0])).sum() + (outputs[1] * Variable(seeds[1])).sum())
      .backward()

    var found: [(parameter: Parameter, gradient: Tensor)] = []
    let wanted = towers.parameters.filter { $0 !== towers.other.bias }
    let again = towers.outputs(x) + [Variable(Tensor([1]))]
    backward(
      zip(again, seeds + [Tensor([1])]).map { ($0, $1) }, to: wanted, handingOut: { found.append(($0, $1)) })
    for (parameter, gradient) in found {
      let own = expected[parameter]!
      #expect(gradient.isApproximatelyEqual(to: own, absolute: 1e-6 * own.abs().max().item()))
    }
    let reached = wanted.filter { !$0.isFrozen && $0 !== towers.unused }
    #expect(Set(found.map { ObjectIdentifier($0.parameter) }) == Set(reached.map(ObjectIdentifier.init)))
    #expect(found.count == reached.count)
    // The last layers' are there first.
    func place(_ parameter: Parameter) -> Int { found.firstIndex { $0.parameter === parameter }! }
    #expect(place(towers.second.weight) < place(towers.first.weight))
    #expect(place(towers.scale) < place(towers.first.weight))
  }

  @Test func constantsHandOutNothing() {
    let towers = Towers()
    backward([(Variable(Tensor([1, 2])), Tensor([3, 4]))], to: towers.parameters) { _, _ in
      Issue.record("a constant has no gradients")
    }
  }
}
