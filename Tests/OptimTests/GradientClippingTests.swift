import Optim
import Testing

@Suite struct GradientClippingTests {
  private let model = SmallModel()

  private func gradients(matrix: Float, vector: Float, scalar: Float) -> Gradients {
    var result = Gradients()
    result[model.matrix] = .full([5, 6], matrix)
    result[model.vector] = .full([7], vector)
    result[model.scalar] = Tensor(scalar)
    return result
  }

  @Test func scalesAllByOneFactor() {
    let optimizer = SGD(model, learningRate: 1)
    // 30 · 2² + 7 · 3² + 73 = 16².
    var gradients = gradients(matrix: 2, vector: 3, scalar: Float(73).squareRoot())
    let clipping = optimizer.clipGlobalNorm(&gradients, to: 4)
    #expect(abs(clipping.norm - 16) < 1e-5)
    #expect(clipping.isFinite && clipping.isClipped && clipping.factor == Float(4 / clipping.norm))
    #expect(gradients[model.matrix]?.isApproximatelyEqual(to: .full([5, 6], 0.5)) == true)
    #expect(gradients[model.vector]?.isApproximatelyEqual(to: .full([7], 0.75)) == true)
    #expect(abs(optimizer.globalNorm(of: gradients) - 4) < 1e-5)
  }

  @Test func leavesShortGradientsAlone() {
    let optimizer = SGD(model, learningRate: 1)
    var gradients = gradients(matrix: 2, vector: 3, scalar: 0)
    let clipping = optimizer.clipGlobalNorm(&gradients, to: 14)
    #expect(!clipping.isClipped && clipping.factor == 1 && clipping.isFinite)
    #expect(gradients[model.matrix] == .full([5, 6], 2))
  }

  @Test func frozenParametersDoNotCountAndStay() {
    let optimizer = SGD(model, learningRate: 1)
    var gradients = gradients(matrix: 1000, vector: 3, scalar: .nan)
    model.matrix.isFrozen = true
    model.scalar.isFrozen = true
    #expect(abs(optimizer.clipGlobalNorm(&gradients, to: 1).norm - 63.0.squareRoot()) < 1e-5)
    #expect(gradients[model.vector]?.isApproximatelyEqual(to: .full([7], 1 / Float(7).squareRoot())) == true)
    #expect(gradients[model.matrix] == .full([5, 6], 1000))
  }

  /// What an optimizer does not train it neither measures nor scales.
  @Test func gradientsOfOtherOptimizersStay() {
    let (own, other) = (SmallModel(), model)
    var gradients = gradients(matrix: 8, vector: 0, scalar: 0)
    gradients[own.vector] = .full([7], 2)
    let clipping = SGD(own, learningRate: 1).clipGlobalNorm(&gradients, to: 1)
    #expect(abs(clipping.norm - 28.0.squareRoot()) < 1e-6)
    #expect(gradients[other.matrix] == .full([5, 6], 8))
    #expect(abs(SGD(other, learningRate: 1).globalNorm(of: gradients) - 1920.0.squareRoot()) < 1e-5)
    #expect(abs(SGD(own, learningRate: 1).globalNorm(of: gradients) - 1) < 1e-6)
  }

  @Test func severalOptimizersAreClippedTogether() {
    let own = SmallModel()
    var gradients = gradients(matrix: 1, vector: 0, scalar: 3)
    gradients[own.scalar] = Tensor(5)
    // 30 + 3² + 5² = 8²; the parameters that the first and the last share count once.
    let optimizers: [any Optimizer] = [
      SGD(model, learningRate: 1), AdamW(own, learningRate: 1), AdaFactor(model, learningRate: 1),
    ]
    let clipping = clipGlobalNorm(&gradients, of: optimizers, to: 2)
    #expect(clipping.norm == 8 && clipping.factor == 0.25)
    #expect(gradients[model.matrix] == .full([5, 6], 0.25))
    #expect(gradients[model.scalar] == Tensor(0.75))
    #expect(gradients[own.scalar] == Tensor(1.25))
  }

  /// Parameters by themselves: each once, and only those.
  @Test func someParameters() {
    var gradients = gradients(matrix: 100, vector: 3, scalar: 1)
    let clipping = clipGlobalNorm(&gradients, of: [model.vector, model.scalar, model.vector], to: 4)
    #expect(clipping.norm == 8 && clipping.factor == 0.5)
    #expect(gradients[model.matrix] == .full([5, 6], 100) && gradients[model.vector] == .full([7], 1.5))
  }

  /// Squares of these numbers are no single-precision numbers.
  @Test(arguments: [1e20, 3e38, 1e-30] as [Float])
  func neitherOverflowsNorVanishes(size: Float) {
    let optimizer = SGD(model, learningRate: 1)
    var gradients = gradients(matrix: size, vector: 0, scalar: size / 2)
    let norm = Double(size) * 30.25.squareRoot()
    #expect(abs(optimizer.globalNorm(of: gradients) - norm) <= 1e-6 * norm)
    let clipping = optimizer.clipGlobalNorm(&gradients, to: size)
    #expect(clipping.isFinite && clipping.isClipped)
    let expected = size / Float(30.25).squareRoot()
    #expect(
      gradients[model.matrix]?.isApproximatelyEqual(
        to: .full([5, 6], expected), absolute: 0, relative: 1e-6) == true)
    #expect(
      gradients[model.scalar]?.isApproximatelyEqual(to: Tensor(expected / 2), absolute: 0, relative: 1e-6)
        == true)
  }

  /// No factor mends them: all gradients stay as they are, and the caller is told.
  @Test(arguments: [.nan, .infinity, -.infinity] as [Float])
  func numbersThatAreNotFiniteAreReportedAndNothingIsChanged(number: Float) {
    let optimizer = SGD(model, learningRate: 1)
    var gradients = gradients(matrix: 2, vector: 3, scalar: number)
    let clipping = optimizer.clipGlobalNorm(&gradients, to: 1)
    #expect(!clipping.isFinite && !clipping.isClipped && clipping.factor == 1)
    #expect(clipping.norm.isNaN == number.isNaN)
    #expect(gradients[model.matrix] == .full([5, 6], 2))
    #expect(gradients[model.vector] == .full([7], 3))
  }

  @Test func anImpossibleMaximumTraps() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var gradients = Gradients()
      SGD(SmallModel(), learningRate: 1).clipGlobalNorm(&gradients, to: .nan)
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("clipGlobalNorm: a maximum of nan, expected at least 0"))
  }
}
