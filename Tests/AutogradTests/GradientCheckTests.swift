import Autograd
import Testing

/// The public check finds wrong derivatives, and only those.
@Suite struct GradientCheckTests {
  private let random: Random = Random(seed: 3)

  private func inputs(_ shapes: Shape...) -> [Tensor] {
    var random = random
    return shapes.map { random.uniform($0, in: 0.5..<1.5) }
  }

  /// A cube whose derivative is `factor` times what it should be, in the places where a mask is not 0.
  private func cube(_ x: Variable, _ factor: Float, _ mask: Tensor = Tensor(1)) -> Variable {
    record("cube", [x], value: x.value.pow(3), saving: .inputs) {
      [$0.gradient * $0.input(0).square() * 3 * Variable(mask * (factor - 1) + 1)]
    }
  }

  @Test func rightDerivativesPass() {
    let checks = [
      checkGradients(at: inputs([3])) { cube($0[0], 1) },
      checkGradients(at: inputs([4096])) { cube($0[0], 1).mean() },
      checkGradients(at: inputs([64, 64])) { cube($0[0], 1).mean().exp() },
      checkGradients(at: inputs([3], [5])) { cube($0[0], 1).sum() * 1000 + cube($0[1], 1).sum() },
      checkGradients(at: inputs([8, 16], [4, 16])) { softmax($0[0].matmul($0[1].transpose())) },
      checkGradients(at: inputs([7], [0])) { ($0[0].sum() + $0[1].sum()).sin() },
      // Every derivative is 0, and the tape's are rounding.
      checkGradients(at: inputs([200])) { $0[0].softmax().sum() },
    ]
    for check in checks { #expect(check.passes, "\(check)") }
  }

  private func softmax(_ x: Variable) -> Variable { x.softmax() }

  @Test func aFlippedSignUnderAMean() {
    let check = checkGradients(at: inputs([4096])) { cube($0[0], -1).mean() }
    #expect(!check.passes && check.error > 1, "\(check)")
  }

  @Test func nothingUnderAMean() {
    let check = checkGradients(at: inputs([4096])) { cube($0[0], 0).mean() }
    #expect(!check.passes, "\(check)")
  }

  @Test func nothingBesideALargeInput() {
    let check = checkGradients(at: inputs([3], [3])) { cube($0[0], 1).sum() * 1000 + cube($0[1], 0).sum() }
    #expect(!check.passes && check.inputs[0].error < check.tolerance, "\(check)")
    #expect(check.inputs[1].error > check.tolerance, "\(check)")
  }

  @Test func nothingBesideALargeElement() {
    let scale = Variable(Tensor([1000, 1]))
    let check = checkGradients(at: inputs([2])) { (cube($0[0], 0, Tensor([0, 1])) * scale).sum() }
    #expect(!check.passes, "\(check)")
  }

  @Test func oneOfManyElements() {
    let mask = Tensor.oneHot(IndexTensor([17]), count: 2048).reshape([2048])
    let check = checkGradients(at: inputs([2048])) { cube($0[0], -1, mask).mean() }
    #expect(!check.passes, "\(check)")
  }

  /// Where a random direction lies across the gradient, an error that is allowed is many times the derivative along it.
  @Test func directionsAcrossTheGradientAreNoErrors() {
    let check = checkGradients(at: inputs([2]), directions: 64) {
      cube($0[0], 1.005, Tensor([1, 0])).sum()
    }
    #expect(check.passes && check.error > 0, "\(check)")
  }

  @Test func whatIsNotFiniteFails() {
    let check = checkGradients(at: inputs([3])) { cube($0[0], .nan) }
    #expect(!check.passes && check.error == .infinity)
  }

  @Test func gradientsInsideTheFunction() {
    func penalty(_ factor: Float) -> ([Variable]) -> Variable {
      { inputs in
        let value = (self.cube(inputs[0], factor) * inputs[1]).sum()
        return gradients(of: value, withRespectTo: [inputs[0]], createGraph: true)[0].sumOfSquares()
      }
    }
    let right = checkGradients(at: inputs([3], [3]), of: penalty(1))
    #expect(right.passes, "\(right)")
    // Its own derivative is right for a wrong one too, as it is a function like others.
    let slope = checkGradients(at: inputs([3], [3])) { inputs in
      let x = inputs[0]
      let value = record("square", [x], value: x.value.square(), saving: .inputs) { context in
        [
          record("wrong", [context.gradient, context.input(0)], value: context.input(0).value * 2) {
            [$0.gradient, $0.gradient]
          }
        ]
      }.sum()
      return gradients(of: value, withRespectTo: [x], createGraph: true)[0] * inputs[1]
    }
    #expect(!slope.passes, "\(slope)")
  }

  @Test func theResultSaysWhatWasCompared() {
    let check = checkGradients(at: inputs([3], [100]), directions: 2, tolerance: 0.5) {
      cube($0[0], 0.75).sum() + cube($0[1], 1).sum()
    }
    #expect(check.tolerance == 0.5 && check.passes)
    #expect(check.inputs.map(\.derivatives.count) == [2 + 3, 2])
    #expect(check.error == check.inputs[0].error && check.error > 0.2)
    #expect(check.description.hasPrefix("gradients pass: error 0.2"))
  }
}
