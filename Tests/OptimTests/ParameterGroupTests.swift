import Optim
import Testing

@Suite struct ParameterGroupTests {
  private let model = LayeredModel()

  /// The first number of every parameter.
  private func values() -> [String: Float] { model.stateDictionary().mapValues { $0.scalars[0] } }

  @Test func multipliersOfAllFittingGroupsMultiply() {
    let optimizer = SGD(
      model, learningRate: 0.5,
      groups: [
        ParameterGroup(/linear\..*/, learningRateMultiplier: 0.5),
        ParameterGroup(where: { $0.hasSuffix("bias") }, learningRateMultiplier: 0),
        ParameterGroup(/.*\.weight/, learningRateMultiplier: 0.25),
        // The whole path must fit.
        ParameterGroup(/norm|temperature/, learningRateMultiplier: 0.5),
      ])
    optimizer.step(model.gradients(1))
    let found = values()
    #expect(found["linear.weight"] == 0.9375)
    #expect(found["convolution.weight"] == 0.875)
    #expect(found["linear.bias"] == 1 && found["convolution.bias"] == 1)
    #expect(found["norm.scale"] == 0.5 && found["temperature"] == 0.75)
  }

  @Test func patternsWithoutAParameterTrap() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = SGD(LayeredModel(), learningRate: 1, groups: [.decayOnlyKernels, ParameterGroup(/lin\.ear/)])
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(
      text.contains(
        "ParameterGroup: the regular expression of groups[1] matches no whole path of a parameter"))
    #expect(text.contains("linear.weight"))
    // A condition may hold for none: not every model has something to spare from weight decay.
    _ = SGD(model, learningRate: 1, groups: [ParameterGroup(where: { _ in false })])
  }

  @Test func onlyKernelsDecay() {
    let optimizer = SGD(model, learningRate: 0.5, weightDecay: 0.5, groups: [.decayOnlyKernels])
    optimizer.step(model.gradients(0))
    #expect(values().filter { $0.value != 1 } == ["linear.weight": 0.75, "convolution.weight": 0.75])
  }

  @Test func groupsDecayApart() {
    let optimizer = AdamW(
      model, learningRate: 0.5, weightDecay: 0.5,
      groups: [ParameterGroup(/linear\..*/, weightDecayMultiplier: 0.5)])
    optimizer.step(model.gradients(0))
    #expect(values()["linear.bias"] == 0.875)
    #expect(values()["norm.offset"] == 0.75)
  }

  @Test func frozenParametersStayAndRememberNothing() {
    let gradients = model.gradients(1)
    let optimizer = AdamW(
      model, learningRate: 0.5, groups: [ParameterGroup(/linear\..*|embedding\..*/, isFrozen: true)])
    #expect(model.linear.weight.isFrozen && model.embedding.table.isFrozen && !model.norm.scale.isFrozen)
    optimizer.step(gradients)
    #expect(values()["linear.weight"] == 1 && values()["embedding.table"] == 1)
    #expect(values()["norm.scale"] != 1)
    #expect(!optimizer.stateDictionary().tensors.keys.contains { $0.hasPrefix("linear") })
    // Thawed, they take part.
    model.linear.unfreeze()
    optimizer.step(gradients)
    #expect(values()["linear.weight"] != 1 && values()["embedding.table"] == 1)
  }

  @Test func reportsParametersThatNoGradientReached() {
    let optimizer = SGD(model, learningRate: 1)
    model.convolution.freeze()
    let gradients = model.norm(model.linear(Variable(.ones([2, 3])))).sum().backward()
    #expect(optimizer.unreached(by: gradients).sorted() == ["embedding.table", "temperature"])
    optimizer.step(gradients)
    #expect(values()["embedding.table"] == 1 && values()["norm.offset"] == -1)
    #expect(optimizer.stepCount == 1)
  }

  /// Numbers are changed where they are.
  @Test func updatesInPlace() {
    func address() -> UnsafePointer<Float>? { model.linear.weight.value.withUnsafeScalars { $0.baseAddress } }
    let before = address()
    AdamW(model, learningRate: 0.5).step(model.gradients(1))
    SGD(model, learningRate: 0.5, momentum: 0.5).step(model.gradients(1))
    AdaFactor(model, learningRate: 0.5).step(model.gradients(1))
    #expect(address() == before)
  }

  @Test func oneOptimizerOfSeveralModels() {
    var random = Random(seed: 2)
    let (encoder, head) = (
      Linear(inputs: 2, outputs: 3, random: &random),
      Linear(inputs: 3, outputs: 1, bias: false, random: &random)
    )
    let several: [any Optimizer] = [
      SGD([encoder, head], learningRate: 1), Adam([encoder, head], learningRate: 1),
      AdamW([encoder, head], learningRate: 1), AdaFactor([encoder, head], learningRate: 1),
    ]
    for optimizer in several { #expect(paths(optimizer) == ["0.weight", "0.bias", "1.weight"]) }
    let optimizer = SGD(
      [encoder, head], learningRate: 1, groups: [ParameterGroup(/0\..*/, learningRateMultiplier: 0)])
    let before = (encoder.weight.value, head.weight.value)
    optimizer.step(head(encoder(Variable(.ones([1, 2])))).sum().backward())
    #expect(encoder.weight.value == before.0 && head.weight.value != before.1)
    // A model that two of them share is listed once.
    #expect(paths(SGD([head, Sequential(head)], learningRate: 1)) == ["0.weight"])
  }

  private func paths(_ optimizer: some Optimizer) -> [String] { optimizer.parameters.all.map(\.path) }
}
