import NN
import Testing

@Suite struct ForwardHookTests {
  private var random = Random(seed: 12)

  @Test mutating func hooksSeeInputsAndOutputsByPath() {
    let model = TransformerEncoder(width: 8, depth: 2, heads: 2, random: &random)
    let x = Variable(random.normal([2, 3, 8]))
    let expected = model(x).value
    var calls: [(path: String, inputs: [Tensor], output: Tensor)] = []
    let hooked = model.namedModules().filter { $0.module is any Hookable }.map(\.path)
    #expect(hooked.count == 1 + 2 * 11 + 1)
    let hooks = hooked.map { path in
      model.addForwardHook(at: path) { calls.append((path, $0.map(\.value), $1.value)) }
    }
    // Layers that are hooked one by one compute one by one.
    #expect(model(x).value.isApproximatelyEqual(to: expected, absolute: 1e-5))
    #expect(Set(calls.map(\.path)) == Set(hooked) && calls.count == hooked.count)
    let outputs = Dictionary(uniqueKeysWithValues: calls.map { ($0.path, $0.output) })
    let inputs = Dictionary(uniqueKeysWithValues: calls.map { ($0.path, $0.inputs) })
    #expect(inputs["blocks.0.norm1"] == [x.value])
    #expect(outputs["blocks.0.norm1"] == model.blocks[0].norm1(x).value)
    #expect(inputs["blocks.1"] == [outputs["blocks.0"]!])
    #expect(inputs["blocks.1.mlp.fc2"]?[0].shape == [2, 3, 32])
    #expect(inputs["blocks.0.attention"] == [outputs["blocks.0.norm1"]!, outputs["blocks.0.norm1"]!])

    for hook in hooks { hook.remove() }
    calls = []
    #expect(model(x).value == expected)
    #expect(calls.isEmpty)
  }

  @Test mutating func hooksOfAttentionSeeQueriesAndMemory() {
    let attention = MultiHeadAttention(width: 4, heads: 2, random: &random)
    var seen: [Tensor] = []
    attention.addForwardHook { inputs, _ in seen = inputs.map(\.value) }
    let (queries, memory) = (random.normal([1, 2, 4]), random.normal([1, 3, 4]))
    _ = attention(queries: Variable(queries), memory: Variable(memory))
    #expect(seen == [queries, memory])
  }

  @Test mutating func severalHooksAreCalledInOrder() {
    let layer = Linear(inputs: 2, outputs: 2, random: &random)
    var order: [Int] = []
    let first = layer.addForwardHook { _, _ in order.append(1) }
    layer.addForwardHook { _, _ in order.append(2) }
    let x = Variable(.ones([1, 2]))
    _ = layer(x)
    first.remove()
    first.remove()
    _ = layer(x, activation: .relu)
    #expect(order == [1, 2, 2])
  }

  @Test mutating func whatIsComputedAgainIsSeenAgain() {
    let model = TransformerEncoder(
      width: 4, depth: 1, heads: 1, rematerializesBlocks: true, random: &random)
    var recomputed: [Bool] = []
    model.addForwardHook(at: "blocks.0") { _, _ in recomputed.append(isRecomputing) }
    _ = model(Variable(random.normal([1, 2, 4]), requiresGradient: true)).sum().backward()
    #expect(recomputed == [false, true])
  }

  @Test func modulesWithoutHooksTrap() async {
    let missing = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      Sequential(Flatten()).addForwardHook(at: "layers.1") { _, _ in }
    }
    expectMessage("addForwardHook: Sequential has no module at layers.1", missing)
    let silent = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      Sequential(Flatten()).addForwardHook(at: "layers.0") { _, _ in }
    }
    expectMessage("addForwardHook: the Flatten at layers.0 is not Hookable", silent)
  }
}
