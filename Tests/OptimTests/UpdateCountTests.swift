import Optim
import TestSupport
import Testing

/// Corrections go by the updates of each parameter, and their number outlives a file.
@Suite struct UpdateCountTests {
  /// Freezes `vector` for a thousand steps, then lets it take part with gradients of 1, and returns by how many
  /// learning rates its first steps move it.
  private func firstMoves(_ make: (SmallModel) -> some Optimizer) -> [Float] {
    let model = SmallModel()
    let optimizer = make(model)
    model.vector.isFrozen = true
    for step in 0..<1000 { optimizer.step(model.gradients(step: step)) }
    model.vector.isFrozen = false
    return (0..<3).map { _ in
      var gradients = Gradients()
      gradients[model.vector] = .ones([7])
      let before = model.vector.value
      optimizer.step(gradients)
      return ((before - model.vector.value) / optimizer.learningRate).mean().item()
    }
  }

  private func expectEqual(_ found: [Float], _ expected: [Float]) {
    for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-4) }
  }

  /// A gradient that stays the same moves Adam by the learning rate from the first step on, and AdaFactor by the share
  /// that its momentum has of it.
  @Test func aThawedParameterBeginsWithItsFirstStep() {
    expectEqual(firstMoves { Adam($0, learningRate: 0.01) }, [1, 1, 1])
    expectEqual(firstMoves { AdamW($0, learningRate: 0.01, weightDecay: 0) }, [1, 1, 1])
    expectEqual(firstMoves { AdaFactor($0, learningRate: 0.01, beta1: 0) }, [1, 1, 1])
    expectEqual(
      firstMoves { AdaFactor($0, learningRate: 0.01, momentumPrecision: .float32) }, [0.1, 0.19, 0.271])
  }

  @Test func countsAreKeptForEachParameter() {
    let model = SmallModel()
    let optimizer = AdamW(model, learningRate: 0.1)
    optimizer.step(model.gradients(step: 0))
    model.vector.isFrozen = true
    optimizer.step(model.gradients(step: 1))
    #expect(
      optimizer.stateDictionary().counts == ["step": 2, "matrix.step": 2, "vector.step": 1, "scalar.step": 2])
  }

  /// 2^24 + 3 is no single-precision number; 2^53 is the most.
  @Test(arguments: [16_777_219, 9_007_199_254_740_991, 1 << 53])
  func countsComeBackExactly(count: Int) throws {
    let model = SmallModel()
    let optimizer = AdamW(model, learningRate: 0.1)
    optimizer.step(model.gradients(step: 0))
    var state = optimizer.stateDictionary()
    state.counts["step"] = count
    state.counts["vector.step"] = count - 1
    try optimizer.load(state)
    let folder = try TemporaryFolder()
    let path = folder.path("state.safetensors")
    var writer = SafetensorsWriter()
    optimizer.stateDictionary().add(to: &writer, prefix: "optimizer.")
    writer.add(Tensor(1), named: "other")
    try writer.write(to: path)
    let read = try OptimizerStateDictionary(SafetensorsFile(path), prefix: "optimizer.")
    #expect(read == state)
    let other = AdamW(SmallModel(), learningRate: 0.1)
    try other.load(read)
    #expect(other.stepCount == count)
    #expect(other.stateDictionary() == state)
    other.step(model.gradients(step: 1))
    #expect(other.stepCount == count + 1)
  }

  /// A parameter whose count is lost must not begin anew with old moments.
  @Test func countsAreChecked() throws {
    let model = SmallModel()
    let optimizer = AdamW(model, learningRate: 0.1)
    optimizer.step(model.gradients(step: 0))
    let before = optimizer.stateDictionary()
    var state = before
    state.counts["vector.step"] = nil
    state.counts["matrix.step"] = .max
    state.counts["scalar.step"] = -3
    state.counts["other.step"] = 1
    let error = try #require(throws: StateError.self) { try optimizer.load(state) }
    #expect(error.missing == ["vector.step"])
    #expect(error.unexpected == ["other.step"])
    #expect(error.description.contains("impossible counts: matrix.step, scalar.step"))
    #expect(optimizer.stateDictionary() == before)
  }

  @Test func filesWithOtherIntegersAreRefused() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("state.safetensors")
    var writer = SafetensorsWriter()
    writer.add(IndexTensor([1, 2]), named: "step")
    try writer.write(to: path)
    let error = try #require(throws: FileError.self) { try OptimizerStateDictionary(SafetensorsFile(path)) }
    #expect(error.description.contains("there are 2 elements, expected one"))
  }

  @Test func aModelWithoutParametersTraps() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = SGD(Sequential(ActivationLayer(.relu)), learningRate: 1)
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("optimizer: Sequential has no parameters"))
  }
}
