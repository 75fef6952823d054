import Foundation
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

  /// What stands in a file is data: its mistakes are errors.
  @Test func configuredGroups() throws {
    let json = #"""
      [{"pattern": "linear\\..*", "learningRateMultiplier": 0.5, "weightDecayMultiplier": 0},
       {"pattern": "embedding.*", "isFrozen": true}, {"pattern": "convolution\\.weight", "factoredView": [3, -1]}]
      """#
    let configurations = try JSONDecoder().decode(
      [ParameterGroup.Configuration].self, from: Data(json.utf8))
    let optimizer = SGD(
      model, learningRate: 0.5, weightDecay: 0.5,
      groups: try ParameterGroup.groups(configurations, for: model))
    optimizer.step(model.gradients(1))
    #expect(values()["linear.weight"] == 0.75 && values()["norm.scale"] == 0.25)
    #expect(values()["embedding.table"] == 1 && model.embedding.table.isFrozen)
    #expect(optimizer.parameters.all.first { $0.path == "convolution.weight" }?.factoredView == [3, 8])
  }

  @Test(
    arguments: [
      (
        .init(pattern: "linear"), "\"linear\": matches no whole path of a parameter; there are linear.weight,"
      ),
      (.init(pattern: "linear.*|("), "\"linear.*|(\": is not a regular expression"),
      (.init(pattern: "a\n"), "\"a\\n\": matches no whole path"),
      (
        .init(pattern: ".*", learningRateMultiplier: -1),
        "has the multiplier -1.0, expected a number from 0 on"
      ),
      (.init(pattern: ".*", weightDecayMultiplier: .nan), "has the multiplier nan"),
      (
        .init(pattern: "linear.*", factoredView: [3, 4]), "linear.bias of shape [4] cannot be seen as [3, 4]"
      ),
      (.init(pattern: "linear.weight", factoredView: [-1, -1]), "cannot be seen as [-1, -1]"),
      (.init(pattern: "linear.weight", factoredView: [5, -1]), "cannot be seen as [5, -1]"),
      (.init(pattern: "linear.weight", factoredView: [.max, .max, -1]), "cannot be seen as"),
      (.init(pattern: "linear.weight", factoredView: [-1, 1, 1, 1, 1, 1, 1, 1, 1]), "cannot be seen as"),
    ] as [(ParameterGroup.Configuration, String)])
  func configuredGroupsThatCannotBe(_ wrong: ParameterGroup.Configuration, problem: String) throws {
    let error = try #require(throws: ParameterGroup.ConfigurationError.self) {
      try ParameterGroup.groups([.init(pattern: ".*"), wrong], for: model)
    }
    #expect(error.index == 1 && error.description.hasPrefix("parameter group 1, "))
    #expect(error.description.contains(problem), "\(error)")
    #expect(!error.description.contains("\n"))
  }

  /// As BEiT: the head keeps its learning rate, the last block too, each before it has less.
  @Test func layerwiseDecay() async {
    final class Tower: Module {
      let patches = Parameter(.ones([2])), position = Parameter(.ones([2]))
      let blocks = (0..<11).map { _ in LayerNorm(width: 2) }
      let norm = LayerNorm(width: 2)
    }
    final class Towers: Module { let image = Tower(), text = Tower() }
    let groups = ParameterGroup.layerwiseDecay(
      0.5, blocks: "image.blocks", count: 11, inputs: /image\.(patches|position)/)
    let optimizer = SGD(Towers(), learningRate: 1, groups: groups)
    var multipliers: [String: Float] = [:]
    for entry in optimizer.parameters.all { multipliers[entry.path] = entry.learningRateMultiplier }
    #expect(multipliers["image.patches"] == 0x1p-11 && multipliers["image.position"] == 0x1p-11)
    #expect(multipliers["image.blocks.0.scale"] == 0x1p-10 && multipliers["image.blocks.1.offset"] == 0x1p-9)
    #expect(multipliers["image.blocks.9.scale"] == 0.5 && multipliers["image.blocks.10.scale"] == 1)
    #expect(multipliers["image.norm.scale"] == 1 && multipliers["text.blocks.0.scale"] == 1)
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let groups = ParameterGroup.layerwiseDecay(0.5, blocks: "parts", count: 1, inputs: /matrix/)
      _ = SGD(SmallModel(), learningRate: 1, groups: groups)
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("the block parts.0 of groups[1] matches no whole path of a parameter"))
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
    AdaFactor(model, preset: .torch, learningRate: 0.5).step(model.gradients(1))
    Lion(model, learningRate: 0.5).step(model.gradients(1))
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
      AdaFactor([encoder, head], preset: .torch, learningRate: 1), Lion([encoder, head], learningRate: 1),
      SGDW([encoder, head], learningRate: 1),
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
