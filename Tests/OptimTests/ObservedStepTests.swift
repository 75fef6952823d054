import Optim
import Testing

@Suite struct ObservedStepTests {
  private static let optimizers: [@Sendable (LargeModel) -> any Optimizer] = [
    { SGD($0, learningRate: 0.1, momentum: 0.9) }, { AdamW($0, learningRate: 0.1) },
    { Lion($0, learningRate: 0.1) }, { AdaFactor($0, learningRate: 0.1, weightDecay: 0.01) },
  ]

  @Test(arguments: optimizers.indices) func showsEachUpdateAndChangesNothing(index: Int) {
    let (model, plain) = (LargeModel(), LargeModel())
    let optimizer = ObservedStepTests.optimizers[index](model)
    let other = ObservedStepTests.optimizers[index](plain)
    for step in 0..<3 {
      let befores = model.stateDictionary()
      var gradients = model.gradients(step: step)
      var plainGradients = plain.gradients(step: step)
      // Of the four parameters one is frozen and no gradient reaches another.
      model.cube.isFrozen = true
      plain.cube.isFrozen = true
      gradients[model.patch] = nil
      plainGradients[plain.patch] = nil
      other.step(plainGradients)
      var paths: [String] = []
      optimizer.step(gradients) { update in
        let path = update.parameter.path
        paths.append(path)
        #expect(update.before == befores[path] && update.before != update.after)
        #expect(update.gradient == gradients[update.parameter.parameter])
        #expect(update.after == plain.stateDictionary()[path])
      }
      #expect(paths == ["large", "vector"])
      #expect(model.stateDictionary() == plain.stateDictionary())
    }
    #expect(optimizer.stateDictionary() == other.stateDictionary())
  }

  /// The memory pool is shared by all tests: what counts its bytes runs in a process of its own.
  @Test func costsOneParameterAtMostAndNothingUnasked() async {
    await #expect(processExitsWith: .success) {
      var random = Random(seed: 1)
      let model = Sequential(
        (0..<6).map { _ in Linear(inputs: 300, outputs: 300, bias: false, random: &random) })
      let optimizer = AdamW(model, learningRate: 1e-3)
      var gradients = Gradients()
      for parameter in model.parameters { gradients[parameter] = .ones([300, 300]) }
      // Makes the moments.
      optimizer.step(gradients)
      let pool = MemoryPool.shared
      func bytes(_ step: () -> Void) -> Int {
        pool.resetPeak()
        let held = pool.usedBytes
        step()
        precondition(pool.usedBytes == held, "kept \(pool.usedBytes - held) bytes")
        return pool.peakBytes - held
      }
      let unobserved = bytes { optimizer.step(gradients) }
      precondition(unobserved == 0, "copied \(unobserved) bytes")
      var count = 0
      let observed = bytes { optimizer.step(gradients) { _ in count += 1 } }
      precondition(count == 6 && (360_000..<500_000).contains(observed), "copied \(observed) bytes")
    }
  }
}
