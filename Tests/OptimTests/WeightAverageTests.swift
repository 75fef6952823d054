import Optim
import TestSupport
import Testing

@Suite struct WeightAverageTests {
  private final class Model: FixtureModule {
    override class var shapes: [String: Shape] { SmallModel.shapes }
    let matrix = Model.start("matrix")
    let vector = Buffer(Model.start("vector").value)
    let scalar = Model.start("scalar")

    /// Takes the fixture's gradients for weights.
    func move(to step: Int) {
      let small = SmallModel()
      let gradients = small.gradients(step: step)
      matrix.value = gradients[small.matrix]!
      vector.value = gradients[small.vector]!
      scalar.value = gradients[small.scalar]!
    }
  }

  /// Twenty updates against timm's `ModelEmaV3` in double precision (`Fixtures/optimizers.py`).
  @Test func equalsTimm() throws {
    let reference = try SafetensorsFile(fixture("optimizers/trajectories.safetensors")).tensors()
    func check(_ name: String, _ make: (Model) -> WeightAverage) throws {
      let model = Model()
      let average = make(model)
      for step in 0..<20 {
        model.move(to: step)
        average.update()
      }
      for (path, tensor) in average.weights {
        let expected = try #require(reference["\(name)/\(path)"])
        #expect(
          tensor.isApproximatelyEqual(to: expected, absolute: 1e-7, relative: 1e-6), "\(name) \(path)")
      }
      #expect(average.weights.count == 3)
    }
    try check("average") { WeightAverage(of: $0, decay: 0.9) }
    try check("average.late") { WeightAverage(of: $0, decay: 0.8, start: 7, averagesBuffers: false) }
    try check("average.warmUp") {
      WeightAverage(of: $0, decay: 0.85, start: 2, warmUp: .init(gamma: 0.5))
    }
  }

  /// What k-diffusion and timm document of their warm-ups.
  @Test func warmUpsReachWhatTheyAreKnownFor() {
    let model = SmallModel()
    let long = WeightAverage(of: model, decay: 0.999_99, warmUp: .init())
    #expect(abs(long.decay(at: 31_601) - 0.999) < 1e-6 && abs(long.decay(at: 1_000_001) - 0.9999) < 1e-7)
    let short = WeightAverage(of: model, decay: 0.9995, warmUp: .init(power: 0.75))
    #expect(abs(short.decay(at: 10_001) - 0.999) < 1e-6 && short.decay(at: 215_401) == 0.9995)
    let mean = WeightAverage(of: model, decay: 0.9999, start: 10, warmUp: .init(power: 1))
    #expect(mean.decay(at: 10) == 0 && mean.decay(at: 11) == 0 && mean.decay(at: 14) == 0.75)
  }

  /// The model computes with the average, and with its own numbers again, also after an error.
  @Test func swapsInAndOut() async throws {
    let model = Model()
    let average = WeightAverage(of: model, decay: 0.5)
    for step in 0..<3 {
      model.move(to: step)
      average.update()
    }
    let (own, averaged) = (model.stateDictionary(), average.weights)
    #expect(own["matrix"] != averaged["matrix"] && own["vector"] != averaged["vector"])
    #expect(average.withAveragedWeights { model.stateDictionary() } == averaged)
    #expect(model.stateDictionary() == own)
    let later = await average.withAveragedWeights {
      await Task.yield()
      return model.stateDictionary()
    }
    #expect(later == averaged && model.stateDictionary() == own)
    struct Failure: Error {}
    #expect(throws: Failure.self) {
      try average.withAveragedWeights {
        model.matrix.update { $0.average(with: .ones([5, 6]), share: 1) }
        throw Failure()
      }
    }
    #expect(model.stateDictionary() == own && average.weights == averaged)
    let other = Model()
    try other.load(average.weights)
    #expect(other.stateDictionary() == averaged)
  }

  /// A frozen model that is made of the average stays what it is.
  @Test func aFrozenModelKeepsTheAverage() throws {
    var random = Random(seed: 4)
    let model = Linear(inputs: 3, outputs: 2, random: &random)
    let average = WeightAverage(of: model, decay: 0.5)
    let optimizer = SGD(model, learningRate: 1)
    for _ in 0..<3 {
      optimizer.step(model(Variable(.ones([1, 3]))).sum().backward())
      average.update()
    }
    let frozen = try average.withAveragedWeights {
      try Frozen(model) { Linear(inputs: 3, outputs: 2, random: &$0) }
    }
    let expected = average.weights["weight"]
    optimizer.step(model(Variable(.ones([1, 3]))).sum().backward())
    average.update()
    #expect(frozen { $0.weight.value } == expected)
    #expect(average.weights["weight"] != expected)
  }

  /// Eight updates, saved after each possible one and continued by another average, are eight without a stop.
  @Test(arguments: 0..<8)
  func continuesFromAFile(saved: Int) throws {
    func make(_ model: Model) -> WeightAverage {
      WeightAverage(of: model, decay: 0.9, start: 2, warmUp: .init())
    }
    func update(_ model: Model, _ average: WeightAverage, _ steps: Range<Int>) {
      for step in steps {
        model.move(to: step)
        average.update()
      }
    }
    let (whole, first, second) = (Model(), Model(), Model())
    let uninterrupted = make(whole)
    update(whole, uninterrupted, 0..<8)
    let before = make(first)
    update(first, before, 0..<saved)
    let folder = try TemporaryFolder()
    var writer = SafetensorsWriter()
    before.stateDictionary().add(to: &writer, prefix: "average.")
    writer.add(Tensor(1), named: "other")
    try writer.write(to: folder.path("state.safetensors"))
    let after = make(second)
    try second.load(first.stateDictionary())
    try after.load(
      OptimizerStateDictionary(SafetensorsFile(folder.path("state.safetensors")), prefix: "average."))
    #expect(after.updateCount == saved && after.stateDictionary() == before.stateDictionary())
    #expect(after.stateDictionary().tensors.isEmpty == (saved <= 2))
    update(second, after, saved..<8)
    #expect(after.stateDictionary() == uninterrupted.stateDictionary())
  }

  @Test func statesThatDoNotFitChangeNothing() throws {
    let model = Model()
    let average = WeightAverage(of: model, decay: 0.9, start: 1)
    for step in 0..<3 {
      model.move(to: step)
      average.update()
    }
    let before = average.stateDictionary()
    var state = before
    state.counts["step"] = -1
    state.tensors["weights.matrix"] = nil
    state.tensors["weights.vector"] = .zeros([8])
    state.tensors["weights.other"] = .zeros([1])
    let error = try #require(throws: StateError.self) { try average.load(state) }
    #expect(error.missing == ["weights.matrix"] && error.unexpected == ["weights.other"])
    #expect(error.mismatched.map(\.path) == ["weights.vector"] && error.impossibleCounts == ["step"])
    #expect(average.stateDictionary() == before && average.updateCount == 3)
    // After the start there has to be an average.
    let none = try #require(throws: StateError.self) { try average.load(.init(counts: ["step": 2])) }
    #expect(none.missing == ["weights.matrix", "weights.scalar", "weights.vector"])
    try average.load(.init(counts: ["step": 1]))
    #expect(average.weights == model.stateDictionary())
  }

  @Test func impossibleSettingsTrap() async {
    await #expect(processExitsWith: .failure) { _ = WeightAverage(of: SmallModel(), decay: 1) }
    await #expect(processExitsWith: .failure) { _ = WeightAverage(of: SmallModel(), start: -1) }
    await #expect(processExitsWith: .failure) { _ = WeightAverage.WarmUp(power: .nan) }
  }
}
