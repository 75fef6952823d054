import Autograd
import Foundation
import Testing

/// Losses where other ways to compute them lose digits, and what stops the program.
@Suite struct LossTests {
  private func leaf(_ numbers: [Float]) -> Variable { Variable(Tensor(numbers), requiresGradient: true) }

  @Test func binaryCrossEntropyOfGoodGuessesKeepsItsDigits() {
    let logits = leaf([12, 30, 80, -12, -30, -80, 200, -200])
    let targets = Tensor([1, 1, 1, 0, 0, 0, 0, 1])
    let losses = binaryCrossEntropy(logits: logits, targets: targets, reduction: .none)
    let found = losses.sum().backward()[logits]!.scalars
    for (i, x) in logits.value.scalars.enumerated() {
      let sign: Double = targets.scalars[i] == 1 ? 1 : -1
      let margin = sign * Double(x)
      let expected = margin > -100 ? log1p(exp(-margin)) : -margin
      #expect(abs(Double(losses.value.scalars[i]) - expected) <= 1e-5 * expected)
      let slope = -sign / (1 + exp(margin))
      #expect(abs(Double(found[i]) - slope) <= 1e-5 * abs(slope))
    }
  }

  @Test func binaryCrossEntropyOfProbabilities() {
    let probabilities = leaf([0, 0, 1, 1, 1e-6])
    let targets = Tensor([1, 0, 0, 1, 0])
    let losses = binaryCrossEntropy(probabilities: probabilities, targets: targets, reduction: .none)
    #expect(losses.value.isApproximatelyEqual(to: Tensor([100, 0, 100, 0, 1e-6]), absolute: 0))
    let gradient = losses.sum().backward()[probabilities]!.scalars
    #expect(gradient.allSatisfy(\.isFinite) && gradient[1] == 0 && gradient[3] == 0)
  }

  @Test func divergenceIsZeroWhereATargetIs() {
    let logits = leaf([-.infinity, 0, 1])
    let targets = leaf([0, 0.25, 0.75])
    let loss = klDivergence(logProbabilities: logits, targets: targets, reduction: .sum)
    let expected = 0.25 * Foundation.log(0.25) + 0.75 * (Foundation.log(0.75) - 1)
    #expect(abs(Double(loss.item()) - expected) < 1e-6)
    let gradients = loss.backward()
    #expect(gradients[logits] == Tensor([0, -0.25, -0.75]))
    #expect(gradients[targets]!.scalars[0] == 0)
    let logarithms = Variable(Tensor([-.infinity, Foundation.log(0.25), Foundation.log(0.75)]))
    let same = klDivergence(
      logProbabilities: logits, targets: logarithms, targetsAreLogarithms: true, reduction: .sum)
    #expect(abs(Double(same.item()) - expected) < 1e-6)
  }

  @Test(arguments: [Float(9), 50]) func crossEntropiesOfGoodGuessesKeepTheirDigits(margin: Float) {
    let logits = Variable(Tensor([[margin, 0, 0], [0, 0, margin], [0, 1, 0]]), requiresGradient: true)
    let losses = crossEntropy(
      logits: logits, labels: IndexTensor([0, 2, 7] as [Int]), ignoredLabel: 7, reduction: .none)
    let expected = log1p(2 * exp(-Double(margin)))
    for i in 0..<2 { #expect(abs(Double(losses.value.scalars[i]) - expected) <= 1e-5 * expected) }
    #expect(losses.value.scalars[2] == 0)
    let gradient = losses.sum().backward()[logits]!
    #expect(gradient.scalars.suffix(3) == [0, 0, 0])
    #expect(abs(Double(gradient.scalars[1]) - exp(-Double(margin))) <= 1e-3 * exp(-Double(margin)))
  }

  @Test func nothingToAverageIsNaN() {
    let logits = Variable(.zeros([2, 3]), requiresGradient: true)
    let ignored = crossEntropy(logits: logits, labels: IndexTensor([1, 1] as [Int]), ignoredLabel: 1)
    #expect(ignored.item().isNaN)
    #expect(crossEntropy(logits: Variable(.zeros([0, 3])), labels: IndexTensor([Int]())).item().isNaN)
    #expect(mseLoss(Variable(.zeros([0])), Tensor.zeros([0])).item().isNaN)
  }

  @Test func targetsAreTensorsOrVariables() {
    let (x, y) = (leaf([1, 2]), leaf([0, 4]))
    #expect(mseLoss(x, y.value).item() == mseLoss(x, y).item())
    let gradients = mseLoss(x, y, reduction: .sum).backward()
    #expect(gradients[x] == Tensor([2, -4]) && gradients[y] == Tensor([-2, 4]))
  }

  private func expectMessage(
    _ message: String, _ result: ExitTest.Result?, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(output.contains(message), "\(output.prefix(300))", sourceLocation: sourceLocation)
  }

  @Test func whatDoesNotFitTraps() async {
    let label = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let labels = IndexTensor([0, -100] as [Int])
      _ = crossEntropy(logits: Variable(.zeros([2, 3])), labels: labels, ignoredLabel: -1)
    }
    expectMessage("crossEntropy: label -100 is outside the 3 classes", label)
    let smoothing = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = crossEntropy(logits: Variable(.zeros([1, 3])), labels: IndexTensor([0]), labelSmoothing: 1.5)
    }
    expectMessage("crossEntropy: a label smoothing of 1.5, expected 0 to 1", smoothing)
    let shapes = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = huberLoss(Variable(.zeros([2, 1])), Tensor.zeros([2]))
    }
    expectMessage("huberLoss: predictions of shape [2, 1] for targets of shape [2]", shapes)
    let groups = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = groupNorm(Variable(.zeros([2, 5, 3])), groups: 2)
    }
    expectMessage("groupNorm: the channels of shape [2, 5, 3] do not divide into 2 groups", groups)
    let padding = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let (x, weight) = (Variable(.zeros([1, 2, 3, 3])), Variable(.zeros([2, 1, 2, 2])))
      _ = convTransposed2d(x, weight: weight, stride: 2, outputPadding: 2)
    }
    expectMessage("convTransposed2d: images [1, 2, 3, 3] and weights [2, 1, 2, 2] in 1 groups", padding)
    let nearest = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Variable(.zeros([1, 1, 2, 2])).interpolate(size: (4, 4), alignCorners: true)
    }
    expectMessage("interpolate: nearest neighbours know neither aligned corners nor antialiasing", nearest)
  }
}
