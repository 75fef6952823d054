import Optim
import Testing

/// The memory pool is shared by all tests: what counts its bytes runs in a process of its own.
@Suite struct StepMemoryTests {
  @Test func laterStepsAskTheSystemForNothing() async {
    await #expect(processExitsWith: .success) {
      var random = Random(seed: 1)
      let model = MLP(width: 512, hidden: 2048, random: &random)
      let optimizer = AdamW(model, learningRate: 1e-3)
      let x = Variable(random.normal([300, 512]))
      let pool = MemoryPool.shared
      func step() -> Int {
        pool.resetPeak()
        var gradients = (model(x) * model(x)).sum().backward()
        optimizer.clipGlobalNorm(&gradients, to: 1)
        optimizer.step(gradients)
        return pool.usedBytes + pool.cachedBytes
      }
      // The first step ends with the moments, which the second holds from its beginning.
      _ = step()
      let second = step()
      for _ in 0..<3 { precondition(step() <= second, "a later step took memory from the system") }
      // Parameters and their moments, gradients, and what the forward pass and its derivative hold: 300 rows.
      let parameters = 4 * (2 * 512 * 2048 + 2048 + 512)
      let rows = 4 * 300 * (8 * 512 + 6 * 2048)
      precondition(pool.peakBytes < 4 * parameters + rows, "held \(pool.peakBytes) bytes")
    }
  }

  @Test func theGradientOfALookUpIsMadeOnce() async {
    await #expect(processExitsWith: .success) {
      var random = Random(seed: 1)
      let words = Embedding(count: 20_000, width: 64, random: &random)
      let x = words(IndexTensor([3, 5, 3]))
      let pool = MemoryPool.shared
      pool.resetPeak()
      let held = pool.usedBytes
      let gradient = x.sum().backward()[words.table]
      precondition(gradient?.sum().item() == 3 * 64)
      let table = 4 * 20_000 * 64
      precondition(pool.peakBytes - held < table + table / 2, "held \(pool.peakBytes - held) bytes more")
    }
  }
}
