import NN
import Testing

/// A module with every kind of stored property that reflection must find its way through.
private class Base: Module {
  let first: Linear
  init(random: inout Random) { first = Linear(inputs: 2, outputs: 3, random: &random) }
}

private final class Model: Base {
  let blocks: [any Layer]
  let absent: Linear?
  let present: Linear?
  let shared: Linear
  let temperature = Parameter(Tensor(1))
  let normalization = BatchNorm2d(channels: 2)
  let numbers = [1, 2, 3]

  override init(random: inout Random) {
    let linear = Linear(inputs: 2, outputs: 2, bias: false, random: &random)
    blocks = [linear, Dropout(probability: 0.5, random: &random)]
    absent = nil
    present = Linear(inputs: 1, outputs: 1, bias: false, random: &random)
    shared = linear
    super.init(random: &random)
  }
}

@Suite struct ModuleTests {
  private let model: Model = {
    var random = Random(seed: 3)
    return Model(random: &random)
  }()

  private let paths = [
    "first.weight", "first.bias", "blocks.0.weight", "present.weight", "temperature", "normalization.scale",
    "normalization.offset",
  ]

  @Test func findsParametersAndBuffersOnce() {
    #expect(model.namedParameters().map(\.path) == paths)
    #expect(
      model.namedBuffers().map(\.path) == ["normalization.runningMean", "normalization.runningVariance"])
    #expect(
      model.namedModules().map(\.path)
        == ["", "first", "blocks.0", "blocks.1", "present", "normalization"])
  }

  @Test func switchesTrainingEverywhere() {
    model.evaluate()
    #expect(!model.normalization.isTraining && (model.blocks[1] as? Dropout)?.isTraining == false)
    model.train()
    #expect(model.normalization.isTraining && (model.blocks[1] as? Dropout)?.isTraining == true)
  }

  @Test func frozenParametersBuildNoTape() {
    let x = Variable(.ones([1, 2]))
    #expect(model.first(x).requiresGradient)
    model.freeze()
    #expect(!model.first(x).requiresGradient)
    model.unfreeze()
    model.first.freeze()
    #expect(model.shared(x).requiresGradient && !model.first(x).requiresGradient)
  }

  @Test func loadsItsOwnState() throws {
    var random = Random(seed: 4)
    let other = Model(random: &random)
    #expect(other.stateDictionary() != model.stateDictionary())
    try other.load(model.stateDictionary())
    #expect(other.stateDictionary() == model.stateDictionary())
  }

  @Test func reportsEverythingThatDoesNotFitAndChangesNothing() throws {
    var state = model.stateDictionary().mapValues { $0 + 1 }
    let before = model.stateDictionary()
    state["first.weight"] = nil
    state["temperature"] = nil
    state["extra"] = Tensor(0)
    state["first.bias"] = .zeros([4])
    let error = try #require(throws: StateError.self) { try model.load(state) }
    #expect(error.missing == ["first.weight", "temperature"])
    #expect(error.unexpected == ["extra"])
    let more = before.merging(["extra": Tensor(0)]) { $1 }
    #expect(throws: StateError.self) { try model.load(more) }
    #expect(error.mismatched.map(\.path) == ["first.bias"])
    #expect(error.description.contains("first.bias: expected shape [3], found [4]"))
    #expect(model.stateDictionary() == before)
    let left = try model.load(state, strict: false)
    #expect(left.missing == error.missing && left.unexpected == error.unexpected)
    #expect(left.mismatched.map(\.path) == ["first.bias"] && !left.isEmpty)
    #expect(left.mismatched[0].expected == [3] && left.mismatched[0].found == [4])
    #expect(model.temperature.value == Tensor(1))
    #expect(model.first.bias?.value == before["first.bias"])
    #expect(model.normalization.scale.value == Tensor([2, 2]))
  }

  @Test func loadsByOtherNames() throws {
    var random = Random(seed: 4)
    let other = Model(random: &random)
    let state = Dictionary(
      uniqueKeysWithValues: other.stateDictionary().map {
        ($0.key.replacing("first.", with: "old.first."), $0.value)
      })
    #expect(throws: StateError.self) { try model.load(state) }
    #expect(try model.load(state) { $0.replacing("old.", with: "") }.isEmpty)
    #expect(model.stateDictionary() == other.stateDictionary())
    // A name that is left out lacks; of two names of one path the first is taken.
    let left = try model.load(["a": Tensor(5), "b": Tensor(6), "c": Tensor(7)], strict: false) {
      $0 == "c" ? nil : "temperature"
    }
    #expect(left.unexpected == ["b"] && left.missing.count == paths.count + 1 && left.mismatched.isEmpty)
    #expect(model.temperature.value == Tensor(5))
  }

  @Test func generatorsBelongToTheState() throws {
    var random = Random(seed: 5)
    let (first, second) = (Model(random: &random), Model(random: &random))
    let x = Variable(.ones([50, 2]))
    func drop(_ model: Model) -> Tensor { (model.blocks[1] as! Dropout)(x).value }
    _ = drop(first)
    let path = "blocks.1.source"
    var state = first.stateDictionary()
    #expect(state[path]?.shape == [16])
    #expect(drop(first) != drop(second))
    try first.load(state)
    try second.load(state)
    #expect(drop(first) == drop(second) && first.stateDictionary() == second.stateDictionary())
    // As states were before: the generator goes on.
    state[path] = nil
    let before = second.stateDictionary()[path]
    try second.load(state)
    #expect(second.stateDictionary()[path] == before)
    state[path] = .full([16], 256)
    let impossible = try #require(throws: StateError.self) { try second.load(state) }
    #expect(impossible.impossibleGenerators == [path] && impossible.mismatched.isEmpty)
    #expect(impossible.description.hasSuffix("impossible generators of random numbers: \(path)"))
    state[path] = .zeros([15])
    let misshapen = try #require(throws: StateError.self) { try second.load(state) }
    #expect(misshapen.mismatched.map(\.path) == [path] && misshapen.impossibleGenerators.isEmpty)
    #expect(try second.load(state, strict: false).mismatched.map(\.path) == [path])
    #expect(second.stateDictionary()[path] == before)
  }

  @Test func updatesInPlaceAndKeepsGradients() throws {
    let gradients = model.first(Variable(.ones([1, 2]))).sum().backward()
    #expect(gradients[model.first.weight] == .ones([3, 2]))
    #expect(gradients[model.shared.weight] == nil)
    model.temperature.update { $0 += 2 }
    #expect(model.temperature.value == Tensor(3))
  }

  @Test func summaryListsAllParametersAndTotals() {
    model.first.freeze()
    let lines = model.summary().split(separator: "\n")
    #expect(lines.count == paths.count + 2)
    #expect(lines[1].hasPrefix("first.weight") && lines[1].contains("[3, 2]") && lines[1].hasSuffix("frozen"))
    #expect(lines[lines.count - 1].contains(" 19 ") && lines[lines.count - 1].hasSuffix("9 frozen"))
  }

  @Test(arguments: [0, 1, 2, 3, 4])
  func initializersHaveTheirVariance(kind: Int) {
    var random = Random(seed: UInt64(kind))
    let shape: Shape = [64, 32, 3, 3]
    let (inputs, outputs): (Float, Float) = (32 * 9, 64 * 9)
    let (tensor, variance, bound): (Tensor, Float, Float) =
      switch kind {
      case 0: (random.xavierUniform(shape), 2 / (inputs + outputs), (6 / (inputs + outputs)).squareRoot())
      case 1: (random.xavierNormal(shape), 2 / (inputs + outputs), .infinity)
      case 2: (random.kaimingUniform(shape), 2 / inputs, (6 / inputs).squareRoot())
      case 3: (random.kaimingNormal(shape), 2 / inputs, .infinity)
      default: (random.lecunNormal(shape), 1 / inputs, 2.28 / inputs.squareRoot())
      }
    // 18,432 draws: the variance of a normal sample is good to 1% (one standard deviation).
    #expect(abs(tensor.variance().item() / variance - 1) < 0.05)
    #expect(abs(tensor.mean().item()) < 0.05 * variance.squareRoot())
    #expect(tensor.scalars.allSatisfy { abs($0) <= bound })
  }
}
