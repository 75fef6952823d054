import Foundation
import Optim
import Testing

@Suite struct FiniteStepsTests {
  private let model = SmallModel()

  /// Gradients with one number that is not like the others.
  private func gradients(_ number: Float, at index: Int = 17) -> Gradients {
    var result = model.gradients(step: 3)
    var numbers = result[model.matrix]!.scalars
    numbers[index] = number
    result[model.matrix] = Tensor(numbers, shape: [5, 6])
    return result
  }

  @Test func finiteStepsAreAllowed() throws {
    let optimizer = SGD(model, learningRate: 0.1)
    var finite = FiniteSteps()
    #expect(try finite.allow(loss: 3, model.gradients(step: 0), of: [optimizer]))
    // Long by the number of its numbers, none of which is too large.
    #expect(try finite.allow(loss: -3, gradients(1.8e19), of: [optimizer]))
    #expect(finite == FiniteSteps())
  }

  @Test(arguments: [.nan, .infinity, -.infinity, 1.9e19, -3e38] as [Float])
  func gradientsThatAreNotFiniteStopTheRun(number: Float) throws {
    let optimizer = AdamW(model, learningRate: 0.1)
    for step in 0..<4 { optimizer.step(model.gradients(step: step)) }
    var finite = FiniteSteps()
    let error = try #require(throws: NonFiniteError.self) {
      try finite.allow(loss: 1, gradients(number), of: [optimizer])
    }
    #expect(error.place == .gradient(path: "matrix") && error.step == 4)
    #expect(error.number.isNaN == number.isNaN && (number.isNaN || error.number == number))
    #expect(
      error.description == "step 4: training has diverged, the gradient of matrix has the number \(number)")
    // What was measured by clipping says the same.
    var clipped = gradients(number)
    let norm = optimizer.clipGlobalNorm(&clipped, to: .infinity).norm
    #expect(throws: NonFiniteError.self) {
      try finite.allow(loss: 1, clipped, of: [optimizer], step: 7, norm: norm)
    }
  }

  @Test(arguments: [.nan, .infinity] as [Float])
  func aLossThatIsNotFiniteStopsTheRun(loss: Float) throws {
    var finite = FiniteSteps()
    let error = try #require(throws: NonFiniteError.self) {
      try finite.allow(
        loss: loss, model.gradients(step: 0), of: [SGD(model, learningRate: 1)], step: 12, norm: 1)
    }
    #expect(error.place == .loss)
    #expect(error.description == "step 12: training has diverged, the loss is \(loss)")
  }

  /// Frozen parameters and those of nobody do not count.
  @Test func onlyWhatIsTrainedCounts() throws {
    var finite = FiniteSteps()
    model.matrix.isFrozen = true
    #expect(try finite.allow(loss: 1, gradients(.nan), of: [SGD(model, learningRate: 1)]))
    model.matrix.isFrozen = false
    #expect(try finite.allow(loss: 1, gradients(.nan), of: [SGD(SmallModel(), learningRate: 1)]))
    // The first in the order of the optimizers.
    let other = SmallModel()
    var both = gradients(.nan)
    both[other.vector] = .full([7], .nan)
    let error = try #require(throws: NonFiniteError.self) {
      try finite.allow(
        loss: 1, both, of: [SGD([other, model], learningRate: 1), SGD(model, learningRate: 1)])
    }
    #expect(error.place == .gradient(path: "0.vector"))
  }

  /// Left out steps move nothing but the schedule, and are counted; too many in a row end the run.
  @Test func stepsAreLeftOut() throws {
    let optimizer = AdamW(model, learningRate: 0.1)
    var finite = FiniteSteps(.skip(atMost: 2))
    func step(_ gradients: Gradients) throws {
      if try finite.allow(loss: 1, gradients, of: [optimizer]) {
        optimizer.step(gradients)
      } else {
        optimizer.skipStep()
      }
    }
    try step(model.gradients(step: 0))
    let (weights, state) = (model.stateDictionary(), optimizer.stateDictionary())
    try step(gradients(.nan))
    try step(gradients(.infinity))
    #expect(finite.skippedCount == 2 && finite.skippedInARow == 2)
    #expect(model.stateDictionary() == weights && optimizer.stateDictionary().tensors == state.tensors)
    #expect(optimizer.stepCount == 3 && optimizer.stateDictionary().counts["matrix.step"] == 1)
    // It is part of what a run remembers.
    #expect(try JSONDecoder().decode(FiniteSteps.self, from: JSONEncoder().encode(finite)) == finite)
    try step(model.gradients(step: 1))
    #expect(finite.skippedCount == 2 && finite.skippedInARow == 0)
    try step(gradients(.nan))
    try step(gradients(.nan))
    let error = try #require(throws: NonFiniteError.self) { try step(gradients(.nan)) }
    #expect(error.skippedSteps == 2 && error.step == 6)
    #expect(error.description.hasSuffix("has the number nan, after 2 steps in a row that were left out"))
    #expect(model.parameters.allSatisfy { $0.value.scalars.allSatisfy(\.isFinite) })
  }

  /// With weights that are not finite no loss would ever be: leaving out steps does not help.
  @Test func weightsThatAreNotFiniteEndTheRunAtOnce() throws {
    let optimizer = SGD(model, learningRate: 1)
    var finite = FiniteSteps(.skip(atMost: 100))
    try finite.checkParameters(of: [optimizer])
    model.vector.value = .full([7], .infinity)
    let error = try #require(throws: NonFiniteError.self) {
      try finite.allow(loss: .nan, model.gradients(step: 0), of: [optimizer])
    }
    #expect(error.place == .parameter(path: "vector") && error.number == .infinity)
    #expect(error.description == "step 0: training has diverged, vector has the number inf")
    #expect(throws: NonFiniteError.self) { try finite.checkParameters(of: [optimizer], step: 3) }
  }
}
