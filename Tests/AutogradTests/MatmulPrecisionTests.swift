import Autograd
import Testing

/// Derivatives round their products as was said when the operation was computed.
@Suite struct MatmulPrecisionTests {
  /// A number that bfloat16 rounds to 1.
  private let x = Tensor([1.001], shape: [1, 1])
  private let y = Tensor([3], shape: [1, 1])

  /// The gradient of 3x with respect to the 3, which is x, as products round it.
  private func gradient(_ product: (Variable, Variable) -> Variable) -> Float {
    let (x, y) = (Variable(x), Variable(y, requiresGradient: true))
    let output = product(x, y)
    // The sweep runs where nothing is rounded.
    return output.sum().backward()[y]!.item()
  }

  @Test func aDerivativeRoundsAsItsOperationDid() {
    #expect(gradient { matmul($0, $1) } == 1.001)
    #expect(gradient { x, y in Compute.withMatmulPrecision(.bfloat16) { matmul(x, y) } } == 1)
    #expect(gradient { x, y in Compute.withMatmulPrecision(.bfloat16) { linear(x, weight: y) } } == 1)
  }

  @Test func aSweepRoundsNothingByWhereItRuns() {
    let y = Variable(y, requiresGradient: true)
    let output = matmul(Variable(x), y)
    let gradients = Compute.withMatmulPrecision(.bfloat16) { output.sum().backward() }
    #expect(gradients[y]!.item() == 1.001)
  }

  @Test func gradientsMayHaveAPrecisionOfTheirOwn() {
    let exact = gradient { x, y in
      Compute.withMatmulPrecision(.bfloat16, gradients: .float32) {
        let product = matmul(x, y)
        #expect(product.value.item() == 3)
        return product
      }
    }
    #expect(exact == 1.001)
    let rounded = gradient { x, y in
      Compute.withMatmulPrecision(.float32, gradients: .bfloat16) {
        let product = matmul(x, y)
        #expect(product.value.item() == 3 * Float(1.001))
        return product
      }
    }
    #expect(rounded == 1)
  }

  /// What is computed again is what was computed.
  @Test func checkpointsAreComputedAgainAsTheyWere() {
    var random = Random(seed: 4)
    let weights = (0..<2).map { _ in Variable(random.normal([20, 20]), requiresGradient: true) }
    let input = Variable(random.normal([5, 20]))
    func gradients(_ wrap: (@escaping ([Variable]) -> Variable) -> Variable) -> [Tensor] {
      let output = Compute.withMatmulPrecision(.bfloat16, gradients: .float32) {
        wrap { $0.isEmpty ? input : $0[0] }
      }
      let found = output.sum().backward()
      return weights.map { found[$0]! }
    }
    func body(_ x: Variable) -> Variable {
      linear(linear(x, weight: weights[0]).gelu(), weight: weights[1]).square()
    }
    let plain = gradients { _ in body(input) }
    let again = gradients { _ in checkpoint([input]) { body($0[0]) } }
    #expect(plain == again)
  }

  @Test func logitsOfPairwiseLossesAreExactUnlessAskedFor() {
    var random = Random(seed: 2)
    let images = Variable(random.normal([9, 40]), requiresGradient: true)
    let texts = Variable(random.normal([7, 40]), requiresGradient: true)
    let (scale, bias) = (Variable(Tensor(0.5)), Variable(Tensor(-1)))
    let labels = PairLabels.classes(
      images: IndexTensor((0..<9).map { Int32($0) }), texts: IndexTensor((0..<7).map { Int32($0) }))
    func losses(_ precision: MatmulPrecision) -> [Tensor] {
      [
        sigmoidPairwiseLoss(
          images: images, texts: texts, logScale: scale, bias: bias, positives: labels,
          logitPrecision: precision),
        softmaxPairwiseLoss(
          images: images, texts: texts, logScale: scale, positives: labels, logitPrecision: precision),
      ].flatMap { loss in
        let gradients = loss.backward()
        return [loss.value, gradients[images]!, gradients[texts]!]
      }
    }
    let exact = losses(.float32)
    #expect(Compute.withMatmulPrecision(.bfloat16) { losses(.float32) } == exact)
    for precision in [MatmulPrecision.bfloat16, .bfloat16x3] {
      let rounded = losses(precision)
      #expect(Compute.withMatmulPrecision(.float32) { losses(precision) } == rounded)
      for (a, b) in zip(rounded, exact) {
        let error = (a - b).abs().max().item() / b.abs().max().item()
        #expect(error > 0 && error < (precision == .bfloat16 ? 0.02 : 2e-4))
      }
    }
  }
}
