import NN
import Testing

@Suite struct GradientHookTests {
  private var random = Random(seed: 3)

  @Test mutating func hooksSeeTheGradientOfTheOutput() {
    let model = Sequential(
      Linear(inputs: 3, outputs: 4, random: &random), Linear(inputs: 4, outputs: 2, random: &random))
    let x = Variable(random.normal([5, 3]))
    var seen: [(path: String, gradient: Tensor)] = []
    let hooks = ["layers.0", "layers.1", ""].map { path in
      model.addGradientHook(at: path) { seen.append((path, $0)) }
    }
    let y = model(x)
    let gradients = (y * y).sum().backward()
    #expect(gradients.count == 4)
    // Outer modules before inner ones, and from the end to the beginning.
    #expect(seen.map(\.path) == ["", "layers.1", "layers.0"])
    let last = y.value * 2
    #expect(seen[0].gradient == last && seen[1].gradient == last)
    let weight = (model.layers[1] as! Linear).weight.value
    #expect(seen[2].gradient.isApproximatelyEqual(to: matmul(last, weight), absolute: 1e-5))
    for hook in hooks { hook.remove() }
    seen = []
    _ = model(x).sum().backward()
    #expect(seen.isEmpty)
  }

  private func encoder(rematerializesBlocks: Bool = false) -> TransformerEncoder {
    var random = Random(seed: 5)
    return TransformerEncoder(
      width: 8, depth: 2, heads: 2, dropout: 0.2, attentionDropout: 0.1,
      rematerializesBlocks: rematerializesBlocks, random: &random)
  }

  /// With every module hooked both ways: dropout is on, so that no two layers are computed as one.
  @Test(arguments: [false, true])
  mutating func hookedModulesComputeTheSameBits(rematerializesBlocks: Bool) {
    let (plain, hooked) = (encoder(), encoder(rematerializesBlocks: rematerializesBlocks))
    var paths: [String] = []
    for (path, module) in hooked.namedModules() where module is any Hookable {
      hooked.addForwardHook(at: path) { _, _ in }
      hooked.addGradientHook(at: path) { _ in paths.append(path) }
    }
    let x = random.normal([3, 4, 8])
    let (input, other) = (Variable(x, requiresGradient: true), Variable(x, requiresGradient: true))
    let (y, z) = (plain(input), hooked(other))
    #expect(y.value == z.value)
    let weights = Variable(random.normal([3, 4, 8]))
    let (expected, found) = ((y * weights).sum().backward(), (z * weights).sum().backward())
    #expect(expected[input] == found[other])
    for (a, b) in zip(plain.parameters, hooked.parameters) { #expect(expected[a] == found[b]) }
    // A block that is computed again is swept once.
    #expect(paths.count == Set(paths).count && paths.count == 1 + 2 * 11 + 1)
  }

  /// Each part of a batch is a call; the parts of the gradient make up the whole.
  @Test mutating func partsOfABatchComeOneAfterAnother() {
    let x = Variable(random.normal([5, 4, 8]))
    let weights = Variable(random.normal([5, 4, 8]))
    func gradients(_ results: (TransformerEncoder) -> Variable) -> [Tensor] {
      let model = encoder()
      var seen: [Tensor] = []
      model.addGradientHook(at: "blocks.0") { seen.append($0) }
      _ = (results(model) * weights).sum().backward()
      return seen
    }
    let whole = gradients { $0(x) }
    let parts = gradients { model in microbatched(5, size: 2) { model(x.slice($0, axis: 0)) } }
    #expect(whole.count == 1 && parts.map(\.shape) == [[1, 4, 8], [2, 4, 8], [2, 4, 8]])
    let joined = Tensor.concatenate(parts.reversed())
    #expect(joined.isApproximatelyEqual(to: whole[0], absolute: 1e-6))
  }

  @Test mutating func frozenModulesPassGradientsOnButNoneBeginThere() {
    let model = Sequential(
      Linear(inputs: 2, outputs: 2, random: &random), Linear(inputs: 2, outputs: 2, random: &random),
      Linear(inputs: 2, outputs: 2, random: &random))
    (model.layers[0] as! Linear).freeze()
    (model.layers[2] as! Linear).freeze()
    var seen: [String] = []
    for path in ["layers.0", "layers.1", "layers.2"] {
      model.addGradientHook(at: path) { _ in seen.append(path) }
    }
    _ = model(Variable(.ones([1, 2]))).sum().backward()
    #expect(seen == ["layers.2", "layers.1"])
    seen = []
    #expect(!withoutGradients { model(Variable(.ones([1, 2]))) }.requiresGradient && seen.isEmpty)
  }

  @Test func aVariableCanBeObservedItself() {
    let x = Variable(Tensor([1, 2]), requiresGradient: true)
    var seen: [Tensor] = []
    let observed = x.observingGradient { seen.append($0) }
    // What does not go through the observed one is not seen.
    let gradients = (observed * observed + x).sum().backward()
    #expect(seen == [Tensor([2, 4])] && gradients[x] == Tensor([3, 5]))
    #expect(withoutGradients { x.observingGradient { _ in } }.requiresGradient)
    #expect(!Variable(Tensor([1])).observingGradient { _ in }.requiresGradient)
  }

  @Test func modulesWithoutHooksTrap() async {
    let missing = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      Sequential(Flatten()).addGradientHook(at: "layers.1") { _ in }
    }
    expectMessage("addGradientHook: Sequential has no module at layers.1", missing)
  }
}
