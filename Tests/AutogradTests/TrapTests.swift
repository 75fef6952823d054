import Autograd
import TestSupport
import Testing

/// What the program says before it stops.
private func expectMessage(
  _ message: String, _ result: ExitTest.Result?, sourceLocation: SourceLocation = #_sourceLocation
) {
  let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  #expect(output.contains(message), "\(output)", sourceLocation: sourceLocation)
}

@Suite struct NonDifferentiableTests {
  @Test func valuesAreTheTensors() {
    let x = Tensor([-1.5, -0.5, 0, 0.5, 1.5, 2.7])
    let leaf = Variable(x, requiresGradient: true)
    #expect(leaf.sign().value == x.sign())
    #expect(leaf.floor().value == x.floor())
    #expect(leaf.ceil().value == x.ceil())
    #expect(leaf.round().value == x.round())
  }

  @Test func detachingStopsTheGradient() {
    let x = Variable(Tensor([1.5, 2.5]), requiresGradient: true)
    #expect((x * x.detach().floor()).sum().backward()[x] == Tensor([1, 2]))
  }

  @Test func signTraps() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(Tensor([1]), requiresGradient: true).sign().sum().backward()
    }
    expectMessage("sign: has no derivative", result)
  }

  @Test func floorTraps() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(Tensor([1]), requiresGradient: true).floor().sum().backward()
    }
    expectMessage("floor: has no derivative", result)
  }

  @Test func ceilTraps() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(Tensor([1]), requiresGradient: true).ceil().sum().backward()
    }
    expectMessage("ceil: has no derivative", result)
  }

  @Test func roundTraps() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(Tensor([1]), requiresGradient: true).round().sum().backward()
    }
    expectMessage("round: has no derivative", result)
  }
}

@Suite struct ShapeErrorTests {
  @Test func add() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([2, 3])) + Variable(.zeros([4]))
    }
    expectMessage("add: shapes [2, 3] and [4] do not broadcast", result)
  }

  @Test func matmul() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([2, 3])).matmul(Variable(.zeros([4, 5])))
    }
    expectMessage("matmul: inner sizes differ: [2, 3] and [4, 5]", result)
  }

  @Test func matmulOfAVector() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([3])).matmul(Variable(.zeros([4, 5])))
    }
    expectMessage("matmul: inner sizes differ: [3] and [4, 5]", result)
  }

  @Test func reshape() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([2, 3])).reshape([4, -1])
    }
    expectMessage("reshape: shape [2, 3] of 6 elements does not fit [4, -1]", result)
  }

  @Test func sum() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([2, 3])).sum(axes: [2])
    }
    expectMessage("sum: axis 2 is outside shape [2, 3]", result)
  }

  @Test func concatenate() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable.concatenate([Variable(.zeros([2, 3])), Variable(.zeros([2, 4]))])
    }
    expectMessage("concatenate: shapes [2, 3] and [2, 4] differ outside axis 0", result)
  }

  @Test func split() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([4, 6])).split(parts: 4, axis: 1)
    }
    expectMessage("split: axis 1 of shape [4, 6] does not divide into 4 parts", result)
  }

  @Test func slice() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([4, 6]))[2..<5]
    }
    expectMessage("slice: 2..<5 by 1 does not fit axis 0 of shape [4, 6]", result)
  }

  @Test func indexBeforeTheFirst() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([4]))[-7]
    }
    expectMessage("select: index -7 is outside axis 0 of shape [4]", result)
  }

  @Test func selectBeforeTheFirst() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([4])).select(-5, axis: 0)
    }
    expectMessage("select: index -5 is outside axis 0 of shape [4]", result)
  }

  @Test func narrowBeforeTheFirst() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([4])).narrow(start: -6, length: 2, axis: 0)
    }
    expectMessage("narrow: 2 from -6 do not fit axis 0 of shape [4]", result)
  }

  @Test func narrowToANegativeLength() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([4])).narrow(start: 1, length: -1, axis: 0)
    }
    expectMessage("narrow: -1 from 1 do not fit axis 0 of shape [4]", result)
  }

  @Test func rangeBeforeTheFirst() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([4]))[..<(-5)]
    }
    expectMessage("slice: ..<-5 by 1 does not fit axis 0 of shape [4]", result)
  }

  @Test func take() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([4, 6])).take(IndexTensor([1, 4]))
    }
    expectMessage("take: index 4 is outside an axis of 4 in shape [4, 6]", result)
  }

  @Test func einsumOfSeveralSizes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = einsum("ij,jk->ik", Variable(.zeros([2, 3])), Variable(.zeros([4, 5])))
    }
    expectMessage(
      "einsum: \"ij,jk->ik\" with shapes [2, 3], [4, 5]: axis j has several sizes: 3 and 4", result)
  }

  @Test func einsumOfDotsThatDoNotBroadcast() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = einsum("...i,...i", Variable(.zeros([2, 3])), Variable(.zeros([4, 3])))
    }
    expectMessage(
      "einsum: \"...i,...i\" with shapes [2, 3], [4, 3]: axis ... has several sizes: 2 and 4", result)
  }

  @Test func einsumOfADiagonalThatIsNone() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = einsum("ii->i", Variable(.zeros([1, 3])))
    }
    expectMessage("with shapes [1, 3]: term ii names axes of sizes 1 and 3 alike", result)
  }

  @Test func einsumOfSeveralEllipses() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = einsum("...i...", Variable(.zeros([2, 3])))
    }
    expectMessage("term ...i... has several ellipses", result)
  }

  @Test func einsumOfADot() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = einsum("..i", Variable(.zeros([3])))
    }
    expectMessage("einsum: \"..i\" with shapes [3]: . is not a letter", result)
  }

  @Test func einsumOfTooFewAxes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = einsum("ij...", Variable(.zeros([3])))
    }
    expectMessage("term ij... names 2 axes of shape [3]", result)
  }

  @Test func maximumOfNothing() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([0, 3])).max(axes: [0])
    }
    expectMessage("max: axis 0 of shape [0, 3] is empty", result)
  }

  @Test func minimumOfNothing() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([2, 0])).min()
    }
    expectMessage("min: axis 1 of shape [2, 0] is empty", result)
  }
}

// Outside of tests, whose exit tests are code that a macro has written to other files.
private let lineOfTheSweep = #line + 4
@inline(never) private func differentiateASign() {
  let x = Variable(Tensor([1, 2]), requiresGradient: true)
  let y = (x * x).sign().sum()
  _ = y.backward()
}

@Suite struct TapeErrorTests {
  @Test func aFreedGraph() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Variable(Tensor([1, 2]), requiresGradient: true)
      let y = (x * x).sum()
      _ = y.backward()
      _ = y.backward()
    }
    expectMessage("the graph of sum was freed by an earlier sweep; pass retainGraph: true", result)
  }

  @Test func aConstant() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(Tensor([1, 2])).sum().backward()
    }
    expectMessage("backward: the variable is a constant, nothing requires a gradient", result)
  }

  @Test func severalResultsWithoutASeed() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(Tensor([1, 2]), requiresGradient: true).exp().backward()
    }
    expectMessage("backward: shape [2] is not a scalar; give a seed", result)
  }

  @Test func aSeedOfAnotherShape() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(Tensor([1, 2]), requiresGradient: true).exp().backward(seed: Tensor([1]))
    }
    expectMessage("backward: a seed of shape [1] for shape [2]", result)
  }

  @Test func aLostGradient() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Variable(Tensor([1, 2]), requiresGradient: true)
      _ = record("mine", [x], value: x.value) { _ in [nil] }.sum().backward()
    }
    expectMessage("mine: its derivative gave no gradient for input 0", result)
  }

  @Test func tooFewGradients() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Variable(Tensor([1, 2]), requiresGradient: true)
      _ = record("mine", [x, x], value: x.value) { [$0.gradient] }.sum().backward()
    }
    expectMessage("mine: its derivative gave 1 gradients for 2 inputs", result)
  }

  @Test func tooManyGradients() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Variable(Tensor([1, 2]), requiresGradient: true)
      _ = record("mine", [x], value: x.value) { [$0.gradient, $0.gradient] }.sum().backward()
    }
    expectMessage("mine: its derivative gave 2 gradients for 1 inputs", result)
  }

  @Test func tooFewFusedGradients() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Variable(Tensor([1, 2]), requiresGradient: true)
      _ = record("mine", [x], value: x.value, fused: { _ in [] }, composition: { $0[0] }).sum().backward()
    }
    expectMessage("mine: its derivative gave 0 gradients for 1 inputs", result)
  }

  @Test func anInputThatIsNotThere() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Variable(Tensor([1, 2]), requiresGradient: true)
      _ = record("mine", [x], value: x.value, saving: .inputs) { [$0.input(1)] }.sum().backward()
    }
    expectMessage("mine: its derivative asks for input 1 of 1", result)
  }

  @Test func savingAnInputBeforeTheFirst() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = SavedValues.input(-1)
    }
    expectMessage("record: saving input -1", result)
  }

  @Test func theGradientOfAResult() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let y = Variable(Tensor([1, 2]), requiresGradient: true).exp()
      _ = y.sum().backward()[y]
    }
    expectMessage("gradients: the variable is the result of exp; backward keeps those of leaves", result)
  }

  @Test func gradientsOfAConstant() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Variable(Tensor([1, 2]), requiresGradient: true)
      let output = withoutGradients { (x * x).sum() }
      _ = gradients(of: output, withRespectTo: [x])
    }
    expectMessage(
      "gradients: the output of shape [] is a constant, nothing it came from was recorded", result)
  }

  @Test func aCheckpointThatNoLongerUsesAVariable() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Variable(Tensor([1, 2]), requiresGradient: true)
      let w = Variable(Tensor([3, 4]), requiresGradient: true)
      var isFrozen = false
      let y = checkpoint([x]) { $0[0] * (isFrozen ? w.detach() : w) }.sum()
      isFrozen = true
      _ = y.backward()
    }
    expectMessage(
      "checkpoint: its body no longer used a variable of shape [2] when it was computed again", result)
  }

  @Test func aCheckpointThatMakesAnotherVariableEachTime() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Variable(Tensor([1, 2]), requiresGradient: true)
      var made: [Variable] = []
      let y = checkpoint([x]) { inputs in
        made.append(Variable(Tensor([3, 4]), requiresGradient: true))
        return inputs[0] * made[made.count - 1]
      }.sum()
      _ = y.backward()
    }
    expectMessage(
      "checkpoint: its body no longer used a variable of shape [2] when it was computed again", result)
  }

  @Test func theLineOfTheCall() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      enableBacktraces()
      differentiateASign()
    }
    expectMessage(", at AutogradTests/TrapTests.swift:\(lineOfTheSweep)\n", result)
  }

  @Test func aGradientOfAWrongShape() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Variable(Tensor([1, 2]), requiresGradient: true)
      _ = record("mine", [x], value: x.value) { _ in [Variable(Tensor([1, 2, 3]))] }.sum().backward()
    }
    expectMessage("mine: its derivative has shape [3] for an input of shape [2]", result)
  }

  @Test func aContextKeptForLater() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Variable(Tensor([1, 2]), requiresGradient: true)
      var kept: DerivativeContext?
      let y = record("mine", [x], value: x.value) { context in
        kept = context
        return [context.gradient]
      }
      _ = y.sum().backward()
      _ = kept?.gradient
    }
    expectMessage("mine: its derivative's context was used after the derivative returned", result)
  }

  @Test func somethingThatWasNotSaved() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Variable(Tensor([1, 2]), requiresGradient: true)
      _ = record("mine", [x], value: x.value) { [$0.gradient * $0.input(0)] }.sum().backward()
    }
    expectMessage("mine: its derivative reads input 0, which was not saved", result)
  }
}
