import Autograd
import Kernels
import TestSupport
import Testing

@Suite struct AttentionTests {
  @Test(arguments: ["plain", "causal", "masked", "large"], [0, 1 << 20])
  func agreesWithPyTorch(_ name: String, keptScores: Int) throws {
    let file = try SafetensorsFile(fixture("attention.safetensors"))
    let parts = ["query", "key", "value"]
    let leaves = try parts.map {
      Variable(try file.tensor(named: "\(name).\($0)"), requiresGradient: true)
    }
    let mask: Tensor? =
      name == "causal"
      ? .causalMask(queries: 9)
      : file.names.contains("\(name).mask") ? try file.tensor(named: "\(name).mask") : nil
    let output = scaledDotProductAttention(
      query: leaves[0], key: leaves[1], value: leaves[2], mask: mask, keptScoresPerHead: keptScores)
    let expected = try file.tensor(named: "\(name).output")
    // Scores of a thousand carry a rounding error of 1e-4, and so do their powers.
    let tolerance: Float = name == "large" ? 1e-3 : 3e-6
    #expect(output.value.isApproximatelyEqual(to: expected, absolute: tolerance, relative: tolerance))
    let found = output.backward(seed: try file.tensor(named: "\(name).gradient"))
    for (part, leaf) in zip(parts, leaves) {
      let expected = try file.tensor(named: "\(name).\(part).gradient")
      let scale = expected.abs().max().item()
      let gradient = try #require(found[leaf])
      #expect(
        gradient.isApproximatelyEqual(to: expected, absolute: tolerance * scale, relative: 0), "\(part)")
    }
  }

  @Test func aRowWithoutKeysGivesZeroAndPassesNothingBack() throws {
    var random = Random(seed: 1)
    let leaves = (0..<3).map { _ in
      Variable(random.normal([1, 3, 2, 4]), requiresGradient: true)
    }
    var mask = Tensor.zeros([3, 3])
    mask.withUnsafeMutableScalars { for key in 0..<3 { $0[3 + key] = -.infinity } }
    let output = scaledDotProductAttention(query: leaves[0], key: leaves[1], value: leaves[2], mask: mask)
    #expect(output.value.select(1, axis: 1) == .zeros([1, 2, 4]))
    let found = output.sum().backward()
    #expect(found[leaves[0]]?.select(1, axis: 1) == .zeros([1, 2, 4]))
    for leaf in leaves {
      #expect(try #require(found[leaf]).scalars.allSatisfy(\.isFinite))
    }
  }

  @Test func aCausalMaskWithMoreKeysShowsAllToTheLastQuery() {
    let mask = Tensor.causalMask(queries: 2, keys: 3)
    #expect(mask == Tensor([0, 0, -.infinity, 0, 0, 0], shape: [2, 3]))
  }

  /// Long enough for several blocks of rows.
  @Test func longSequencesAgreeWithPlainProducts() throws {
    var random = Random(seed: 2)
    let leaves = (0..<3).map { _ in
      Variable(random.normal([1, 600, 1, 4]), requiresGradient: true)
    }
    func evaluate(_ output: Variable) -> (output: Tensor, gradients: [Tensor]) {
      (output.value, gradients(of: output.square().sum(), withRespectTo: leaves).map(\.value))
    }
    func attend(_ kept: Int) -> (output: Tensor, gradients: [Tensor]) {
      evaluate(
        scaledDotProductAttention(
          query: leaves[0], key: leaves[1], value: leaves[2], keptScoresPerHead: kept))
    }
    let kept = attend(.max)
    let computedAgain = ThreadPool.withThreadCount(2) { attend(0) }
    #expect(kept.output == computedAgain.output)
    #expect(kept.gradients == computedAgain.gradients)
    let (query, key, value) = (leaves[0].squeeze(), leaves[1].squeeze(), leaves[2].squeeze())
    let probabilities = (matmul(query, key.transpose()) * 0.5).softmax()
    let plain = evaluate(matmul(probabilities, value).reshape([1, 600, 1, 4]))
    #expect(kept.output.isApproximatelyEqual(to: plain.output, absolute: 1e-6, relative: 1e-5))
    for (found, expected) in zip(kept.gradients, plain.gradients) {
      let scale = expected.abs().max().item()
      #expect(found.isApproximatelyEqual(to: expected, absolute: 1e-5 * scale, relative: 0))
    }
  }

  /// Blocks of many rows share packed keys and values; a few rows read them where they lie.
  @Test(arguments: MatmulPrecision.allCases, [[3, 5, 2], [1, 64, 64], [2, 40, 33]])
  func aRowDoesNotDependOnThoseBesideIt(_ precision: MatmulPrecision, sizes: [Int]) {
    let (heads, features, values) = (sizes[0], sizes[1], sizes[2])
    let (queries, keys) = (611, 517)
    var random = Random(seed: 3)
    let inputs = [
      random.normal([2, queries, heads, features]), random.normal([2, keys, heads, features]),
      random.normal([2, keys, heads, values]),
    ]
    let looked = 300..<317
    let seed = random.normal([2, queries, heads, values])
    let mask = random.normal([queries, keys])
    func attend(_ rows: Range<Int>, threads: Int, keeping kept: Int) -> [Tensor] {
      ThreadPool.withThreadCount(threads) {
        Compute.withMatmulPrecision(precision) {
          let leaves = inputs.enumerated().map { index, input in
            Variable(index == 0 ? input.slice(rows, axis: 1) : input, requiresGradient: true)
          }
          let output = scaledDotProductAttention(
            query: leaves[0], key: leaves[1], value: leaves[2], mask: mask.slice(rows, axis: 0),
            keptScoresPerHead: kept)
          let found = output.backward(seed: seed.slice(rows, axis: 1))
          return [output.value] + leaves.map { found[$0]! }
        }
      }
    }
    let some = attend(looked, threads: 1, keeping: .max)
    let first = attend(0..<queries, threads: 1, keeping: .max)
    for (threads, kept) in [(1, 0), (2, .max), (2, 0), (7, 0)] {
      #expect(attend(0..<queries, threads: threads, keeping: kept) == first)
    }
    // The output and the gradient of queries.
    for index in 0..<2 { #expect(first[index].slice(looked, axis: 1) == some[index]) }
  }
}
