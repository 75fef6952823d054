import Optim
import TestSupport
import Testing

@Suite struct StateTests {
  private let schedule = Schedule(.cosine(), totalSteps: 10, warmUpSteps: 3)

  /// Ten steps, saved to a file after five and continued by another optimizer, are ten steps without a stop.
  private func checkContinues<Model: FixtureModule>(
    _ makeModel: () -> Model, _ make: (Model) -> some Optimizer
  ) throws {
    let (whole, first, second) = (makeModel(), makeModel(), makeModel())
    let uninterrupted = make(whole)
    for step in 0..<10 { uninterrupted.step(whole.gradients(step: step)) }
    let before = make(first)
    for step in 0..<5 { before.step(first.gradients(step: step)) }
    let folder = try TemporaryFolder()
    let path = folder.path("state.safetensors")
    var writer = SafetensorsWriter()
    before.stateDictionary().add(to: &writer)
    try writer.write(to: path)
    try second.load(first.stateDictionary())
    let after = make(second)
    try after.load(OptimizerStateDictionary(SafetensorsFile(path)))
    #expect(after.stepCount == 5)
    for step in 5..<10 { after.step(second.gradients(step: step)) }
    #expect(second.stateDictionary() == whole.stateDictionary())
    #expect(after.stateDictionary() == uninterrupted.stateDictionary())
  }

  @Test func everyOptimizerContinues() throws {
    try checkContinues(SmallModel.init) { SGD($0, learningRate: 0.1, schedule: schedule) }
    try checkContinues(SmallModel.init) { SGD($0, learningRate: 0.1, momentum: 0.9, schedule: schedule) }
    try checkContinues(SmallModel.init) { Adam($0, learningRate: 0.1, schedule: schedule) }
    try checkContinues(SmallModel.init) { AdamW($0, learningRate: 0.1, schedule: schedule) }
    try checkContinues(LargeModel.init) { AdaFactor($0, learningRate: 0.1, schedule: schedule) }
    try checkContinues(LargeModel.init) { AdaFactor($0, learningRate: 0.1, beta1: 0, schedule: schedule) }
    try checkContinues(LargeModel.init) {
      AdaFactor($0, learningRate: 0.1, momentumPrecision: .float32, schedule: schedule)
    }
    try checkContinues(LargeModel.init) {
      AdaFactor($0, preset: .torch, learningRate: 0.1, schedule: schedule)
    }
    try checkContinues(SmallModel.init) { SGDW($0, learningRate: 0.1, momentum: 0.9, schedule: schedule) }
    try checkContinues(SmallModel.init) { Lion($0, learningRate: 0.1, schedule: schedule) }
  }

  @Test func parametersWithoutStateStartAfresh() throws {
    let (frozen, thawed) = (SmallModel(), SmallModel())
    let before = AdamW(frozen, learningRate: 0.1, groups: [ParameterGroup(/vector/, isFrozen: true)])
    before.step(frozen.gradients(step: 0))
    let after = AdamW(thawed, learningRate: 0.1)
    try after.load(before.stateDictionary())
    #expect(after.stateDictionary() == before.stateDictionary())
    after.step(thawed.gradients(step: 1))
    #expect(after.stateDictionary().tensors.count == 6)
    #expect(after.stateDictionary().counts["vector.step"] == 1)
  }

  @Test func reportsEverythingThatDoesNotFitAndChangesNothing() throws {
    let model = SmallModel()
    let optimizer = AdamW(model, learningRate: 0.1)
    optimizer.step(model.gradients(step: 0))
    let before = optimizer.stateDictionary()
    var state = before
    state.tensors = before.tensors.mapValues { $0 + 1 }
    state.counts["step"] = nil
    state.tensors["vector.first"] = nil
    state.tensors["scalar.second"] = .zeros([1])
    state.tensors["matrix.first"] = .zeros([6, 5])
    state.tensors["matrix.third"] = Tensor(0)
    let error = try #require(throws: StateError.self) { try optimizer.load(state) }
    #expect(error.missing == ["step", "vector.first"])
    #expect(error.unexpected == ["matrix.third"])
    #expect(error.mismatched.map(\.path) == ["matrix.first", "scalar.second"])
    #expect(error.description.contains("matrix.first: expected shape [5, 6], found [6, 5]"))
    #expect(optimizer.stateDictionary() == before)
  }
}
