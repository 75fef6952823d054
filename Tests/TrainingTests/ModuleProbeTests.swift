import Foundation
import Testing
import Training

@Suite struct ModuleProbeTests {
  private var random = Random(seed: 8)

  private func difference(_ a: [String: Double], _ b: [String: Double]) -> Double {
    #expect(Set(a.keys) == Set(b.keys))
    return a.map { abs($0.value - (b[$0.key] ?? .nan)) }.max() ?? .nan
  }

  @Test func numbersOfOutputsAndGradients() {
    let model = Sequential(Linear(weight: Tensor([[1, 0], [0, -3]])), Linear(weight: Tensor([[2, 0]])))
    let probe = ModuleProbe(model, at: ["layers.0"])
    probe.start()
    // The first layer returns [1, -6] and [0, 0]; the second's gradient is [2, 0] for both.
    _ = model(Variable(Tensor([[1, 2], [0, 0]]))).sum().backward()
    let numbers = probe.finish()
    let expected = [
      "output/mean/layers.0": -1.25, "output/deviation/layers.0": (37.0 / 4 - 1.25 * 1.25).squareRoot(),
      "output/largest/layers.0": 6, "output/zeros/layers.0": 0.5, "gradient/mean/layers.0": 1,
      "gradient/deviation/layers.0": 1, "gradient/largest/layers.0": 2, "gradient/zeros/layers.0": 0.5,
    ]
    #expect(difference(numbers, expected) < 1e-12)
  }

  @Test func onlyWhatIsBetweenStartAndFinishCounts() {
    let model = Sequential(Linear(weight: Tensor([[1]])))
    let probe = ModuleProbe(model, at: [""])
    func call(_ x: Float) { _ = model(Variable(Tensor([[x]]))).sum().backward() }
    call(100)
    probe.start()
    call(1)
    probe.start()
    call(2)
    call(4)
    #expect(probe.finish()["output/mean"] == 3)
    call(100)
    #expect(probe.finish() == [:])
    probe.start()
    withoutGradients { _ = model(Variable(Tensor([[5]]))) }
    let numbers = probe.finish()
    #expect(numbers["output/mean"] == 5 && numbers["gradient/mean"] == nil)
    probe.start()
    probe.remove()
    call(1)
    #expect(probe.finish() == [:])
  }

  @Test func aProbeThatIsGoneLeavesNoHook() {
    let layer = Linear(weight: Tensor([[1]]))
    func hookCount() -> Int {
      let hooks = Mirror(reflecting: layer.forwardHooks).children.first { $0.label == "hooks" }
      return Mirror(reflecting: hooks!.value).children.count
    }
    var probe: ModuleProbe? = ModuleProbe(Sequential(layer))
    #expect(probe?.paths == ["", "layers.0"] && hookCount() == 2)
    probe = nil
    #expect(hookCount() == 0)
  }

  /// Dropout is on; blocks are computed again, the whole again in parts, and both.
  @Test(arguments: [(false, 6), (true, 6), (false, 4), (true, 1)])
  mutating func whatIsComputedAgainCountsOnce(rematerializesBlocks: Bool, size: Int) {
    let x = Variable(random.normal([6, 3, 8]))
    let weights = Variable(random.normal([6, 3, 8]))
    func numbers(_ rematerializesBlocks: Bool, _ results: (TransformerEncoder) -> Variable) -> [String:
      Double]
    {
      var random = Random(seed: 5)
      let model = TransformerEncoder(
        width: 8, depth: 2, heads: 2, dropout: 0.2, rematerializesBlocks: rematerializesBlocks,
        random: &random)
      model.blocks[0].freeze()
      let probe = ModuleProbe(model) { $0.split(separator: ".").count < 4 }
      probe.start()
      _ = (results(model) * weights).sum().backward()
      return probe.finish()
    }
    let plain = numbers(false) { $0(x) }
    let parts = numbers(rematerializesBlocks) { model in
      microbatched(6, size: size) { model(x.slice($0, axis: 0)) }
    }
    #expect(plain.count == 4 * (12 + 7) && plain["output/zeros/blocks.0"] != nil)
    // The first block is frozen and nothing before it is trained.
    #expect(plain["gradient/mean/blocks.0"] == nil && plain["gradient/mean/blocks.1"] != nil)
    #expect(difference(plain, parts) < 1e-5)
  }

  /// Twice what is computed again would be more than its share.
  @Test func callsInAndOutsideOfCheckpointsHaveOneShare() {
    let model = Sequential(Linear(weight: Tensor([[1]])))
    let probe = ModuleProbe(model)
    probe.start()
    let inside = checkpoint([Variable(Tensor([[1]]))]) { model($0[0]) }
    _ = (inside * 2 + model(Variable(Tensor([[4]]))) * 6).sum().backward()
    let numbers = probe.finish()
    #expect(numbers["output/mean"] == 2.5 && numbers["gradient/mean"] == 4)
  }

  @Test func numbersThatAreNoneAreShown() {
    let model = Sequential(Linear(weight: Tensor([[1]])))
    let probe = ModuleProbe(model)
    probe.start()
    _ = model(Variable(Tensor([[3], [.nan], [-7]])))
    let numbers = probe.finish()
    #expect(numbers["output/largest"]!.isNaN && numbers["output/mean"]!.isNaN && numbers["output/zeros"] == 0)
    probe.start()
    _ = model(Variable(Tensor([[-.infinity]])))
    #expect(probe.finish()["output/largest"] == .infinity)
    probe.start()
    _ = model(Variable(.full([100, 1], 0.1)))
    #expect(probe.finish()["output/deviation"]! < 1e-8)
  }
}
