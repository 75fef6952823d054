import NN
import Testing

/// Low-rank adaptation (Hu et al. 2022): a frozen linear layer and a product of two narrow matrices beside it.
private final class LoRA: Linear {
  let down: Parameter
  let up: Parameter

  init(_ base: Linear, rank: Int, random: inout Random) {
    down = Parameter(random.normal([rank, base.inputs], standardDeviation: 0.1))
    up = Parameter(.zeros([base.outputs, rank]))
    super.init(sharing: base)
  }

  override func forward(_ x: Variable, activation: Activation?) -> Variable {
    let low = linear(linear(x, weight: down.variable), weight: up.variable)
    let sum = super.forward(x, activation: nil) + low
    return activation.map { $0(sum) } ?? sum
  }
}

@Suite struct SubmoduleTests {
  private var random = Random(seed: 11)

  @Test mutating func adaptersTakeThePlaceOfProjectionsAndAloneAreTrained() throws {
    let model = TransformerEncoder(width: 8, depth: 2, heads: 2, random: &random)
    let x = Variable(random.normal([2, 5, 8]))
    let target = random.normal([2, 5, 8])
    let before = model(x).value
    let state = model.stateDictionary()
    model.freeze()
    let replaced = model.replaceModules { path, module in
      path.hasSuffix(".query") || path.hasSuffix(".value")
        ? (module as? Linear).map { LoRA($0, rank: 2, random: &random) } : nil
    }
    #expect(
      replaced == [
        "blocks.0.attention.query", "blocks.0.attention.value", "blocks.1.attention.query",
        "blocks.1.attention.value",
      ])
    // What is multiplied by zeros changes nothing.
    #expect(model(x).value == before)
    #expect(model.namedModules().filter { $0.module is LoRA }.map(\.path) == replaced)
    #expect(Set(model.stateDictionary().keys).isSuperset(of: state.keys))

    let trained = model.namedParameters().filter { !$0.parameter.isFrozen }
    #expect(trained.map(\.path) == replaced.flatMap { ["\($0).down", "\($0).up"] })
    var losses: [Float] = []
    for _ in 0..<20 {
      let loss = (model(x) - Variable(target)).square().mean()
      losses.append(loss.item())
      let gradients = loss.backward()
      #expect(gradients.count == trained.count)
      for (_, parameter) in trained {
        parameter.value = parameter.value - gradients[parameter]! * 0.5
      }
    }
    #expect(losses[19] < 0.95 * losses[0])
    for (path, value) in state { #expect(model.stateDictionary()[path] == value, "\(path) is frozen") }
  }

  /// The two linear layers of an MLP compute as one, but not past an adapter.
  @Test mutating func adaptersInAnMLPAreNotPassedBy() {
    let mlp = MLP(width: 4, hidden: 6, random: &random)
    let x = Variable(random.normal([3, 4]))
    let adapter = LoRA(mlp.fc1, rank: 1, random: &random)
    adapter.up.value = .ones([6, 1])
    mlp.replaceModule(at: "fc1", with: adapter)
    #expect(mlp(x).value == mlp.fc2(adapter(x, activation: .gelu)).value)
    #expect(mlp(x).sum().backward()[adapter.up] != nil)
  }

  @Test mutating func elementsAndOptionalsAreReplaced() {
    final class Model: Module {
      @Submodule var head: Linear?
      @Submodule var layers: [any Layer]
      @Submodule var again: Linear
      init(random: inout Random) {
        let shared = Linear(inputs: 2, outputs: 2, random: &random)
        head = shared
        layers = [Flatten(), Linear(inputs: 2, outputs: 3, random: &random)]
        again = shared
      }
    }
    let model = Model(random: &random)
    #expect(model.namedModules().map(\.path) == ["", "head", "layers.0", "layers.1"])
    let (head, norm) = (Linear(inputs: 2, outputs: 5, random: &random), LayerNorm(width: 2))
    model.replaceModule(at: "head", with: head)
    model.replaceModule(at: "layers.1", with: norm)
    #expect(model.head === head && model.again === head)
    #expect(model.layers.count == 2 && model.layers[0] is Flatten && model.layers[1] === norm)
    #expect(model.replaceModules { _, _ in nil }.isEmpty)
  }

  @Test mutating func nothingIsReplacedWhenALaterReplacementThrows() {
    struct Refusal: Error {}
    let attention = MultiHeadAttention(width: 4, heads: 2, random: &random)
    let query = attention.query
    var random = random
    #expect(throws: Refusal.self) {
      try attention.replaceModules { path, _ in
        if path == "output" { throw Refusal() }
        return path == "query" ? Linear(inputs: 4, outputs: 4, random: &random) : nil
      }
    }
    #expect(attention.query === query)
  }

  @Test func whatDoesNotFitTraps() async {
    let other = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var random = Random(seed: 1)
      let block = TransformerBlock(width: 4, heads: 1, random: &random)
      block.replaceModule(at: "attention.query", with: LayerNorm(width: 4))
    }
    expectMessage("replaceModules: attention.query is a Linear; a LayerNorm does not fit there", other)
    let unmarked = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var random = Random(seed: 1)
      let block = TransformerBlock(width: 4, heads: 1, random: &random)
      block.replaceModule(at: "norm1", with: LayerNorm(width: 4))
    }
    expectMessage("replaceModules: norm1 is not held by a @Submodule property", unmarked)
    let absent = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      Linear(weight: .zeros([1, 1])).replaceModule(at: "inner", with: Flatten())
    }
    expectMessage("replaceModule: Linear has no module at inner", absent)
  }
}
