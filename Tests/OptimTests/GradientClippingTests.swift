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
    #expect(abs(optimizer.clipGlobalNorm(&gradients, to: 4) - 16) < 1e-5)
    #expect(gradients[model.matrix]?.isApproximatelyEqual(to: .full([5, 6], 0.5)) == true)
    #expect(gradients[model.vector]?.isApproximatelyEqual(to: .full([7], 0.75)) == true)
    #expect(abs(optimizer.globalNorm(of: gradients) - 4) < 1e-5)
  }

  @Test func leavesShortGradientsAlone() {
    let optimizer = SGD(model, learningRate: 1)
    var gradients = gradients(matrix: 2, vector: 3, scalar: 0)
    optimizer.clipGlobalNorm(&gradients, to: 14)
    #expect(gradients[model.matrix] == .full([5, 6], 2))
  }

  @Test func frozenParametersDoNotCount() {
    let optimizer = SGD(model, learningRate: 1)
    var gradients = gradients(matrix: 1000, vector: 3, scalar: .nan)
    model.matrix.isFrozen = true
    model.scalar.isFrozen = true
    #expect(abs(optimizer.clipGlobalNorm(&gradients, to: 100) - Float(63).squareRoot()) < 1e-5)
    #expect(gradients[model.vector] == .full([7], 3))
  }

  @Test func tellsOfNumbersThatAreNotFinite() {
    let optimizer = SGD(model, learningRate: 1)
    #expect(optimizer.globalNorm(of: gradients(matrix: 1, vector: .nan, scalar: 1)).isNaN)
    #expect(optimizer.globalNorm(of: gradients(matrix: 1, vector: 1, scalar: .infinity)) == .infinity)
  }
}
