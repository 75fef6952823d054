import Autograd
import NN
import SigLIPModel
import TestSupport
import Testing

@Suite struct PatchDropoutTests {
  private static func tower(_ probability: Float?) -> VisionTransformer {
    var random = Random(seed: 6)
    let tower = VisionTransformer(
      VisionConfiguration(imageSize: 16, patchSize: 4, width: 8, depth: 1, heads: 2, hiddenWidth: 16),
      random: &random)
    if let probability { tower.patchDropout = PatchDropout(probability: probability, random: &random) }
    return tower
  }

  private let pixels: Tensor

  init() {
    var random = Random(seed: 7)
    pixels = random.uniform([11, 3, 16, 16], in: -1..<1)
  }

  /// Kept tokens are those of the image, each once, in their order; every image has its own, and every call.
  @Test func patchesAreKeptAsTheyWere() {
    var random = Random(seed: 1)
    let dropout = PatchDropout(probability: 0.7, random: &random)
    let tokens = Tensor((0..<160).map(Float.init), shape: [8, 20, 1])
    let kept = dropout(Variable(tokens)).value
    #expect(kept.shape == [8, 6, 1])
    let rows = (0..<8).map { Array(kept.scalars[$0 * 6..<$0 * 6 + 6]) }
    for (image, row) in rows.enumerated() {
      #expect(zip(row, row.dropFirst()).allSatisfy { $0 < $1 })
      #expect(row.allSatisfy { Int($0) / 20 == image })
    }
    #expect(Set(rows.enumerated().map { image, row in row.map { $0 - Float(20 * image) } }).count > 6)
    #expect(dropout(Variable(tokens)).value != kept)
    // Every patch is kept about as often as any other.
    var counts = [Int](repeating: 0, count: 20)
    for _ in 0..<250 {
      for value in dropout(Variable(tokens)).value.scalars { counts[Int(value) % 20] += 1 }
    }
    #expect(counts.allSatisfy { abs($0 - 600) < 100 }, "\(counts)")
  }

  @Test(arguments: [(0.5, 196, 98), (0.75, 49, 12), (0.99, 4, 1), (0, 7, 7)] as [(Float, Int, Int)])
  func countsAreThoseOfOpenCLIP(probability: Float, patches: Int, kept: Int) {
    var random = Random(seed: 1)
    #expect(PatchDropout(probability: probability, random: &random).keptCount(of: patches) == kept)
  }

  /// Only training drops, and a tower without dropout is the same as before.
  @Test func evaluationSeesEveryPatch() {
    let (plain, dropping) = (PatchDropoutTests.tower(nil), PatchDropoutTests.tower(0.5))
    let expected = plain(Variable(pixels)).value
    #expect(dropping(Variable(pixels)).value != expected)
    dropping.evaluate()
    #expect(dropping(Variable(pixels)).value == expected)
    // Where the random numbers have come to is all that a checkpoint holds of it.
    let added = Set(dropping.stateDictionary().keys).subtracting(plain.stateDictionary().keys)
    #expect(added == ["patchDropout.source"])
  }

  /// What is left out has no part in result or gradients; what is kept has its own position.
  @Test func droppedPatchesAreNotSeen() throws {
    let tower = PatchDropoutTests.tower(0.5)
    let input = Variable(pixels, requiresGradient: true)
    let gradients = tower(input).square().sum().backward()
    let gradient = try #require(gradients[input]).reshape([11, 3, 4, 4, 4, 4]).abs().sum(axes: [1, 3, 5])
    for image in 0..<11 {
      #expect(gradient.scalars[image * 16..<image * 16 + 16].count { $0 != 0 } == 8)
    }
  }

  @Test func gradientsAreRight() {
    let tower = PatchDropoutTests.tower(0.5)
    let source = Random(seed: 9)
    var (random, x) = (Random(seed: 3), pixels.slice(0..<2, axis: 0))
    let direction = random.normal(x.shape)
    func loss(_ x: Variable) -> Variable {
      var random = source
      tower.patchDropout = PatchDropout(probability: 0.5, random: &random)
      return tower(x).square().sum()
    }
    let input = Variable(x, requiresGradient: true)
    let slope = (loss(input).backward()[input]! * direction).sum().item()
    let step: Float = 1e-2
    let rise =
      loss(Variable(x + direction * step)).value.item() - loss(Variable(x - direction * step)).value.item()
    #expect(abs(rise / (2 * step) - slope) < 1e-2 * abs(slope), "\(rise / (2 * step)), \(slope)")
  }

  /// A batch in parts, and blocks computed again, drop the same patches.
  @Test(arguments: [1, 2, 4, 7]) func partsAreTheWhole(size: Int) {
    func outcome(_ results: (VisionTransformer, Variable) -> Variable) -> (Tensor, [Tensor]) {
      let tower = PatchDropoutTests.tower(0.4)
      let result = results(tower, Variable(pixels))
      let gradients = result.square().sum().backward()
      return (result.value, tower.parameters.map { gradients[$0.variable]! })
    }
    let (whole, expected) = outcome { $0($1) }
    let (parts, found) = outcome { tower, x in
      microbatched(11, size: size) { tower(x.slice($0, axis: 0)) }
    }
    let (replayed, again) = outcome { tower, x in checkpoint([x]) { tower($0[0]) } }
    #expect(parts.isApproximatelyEqual(to: whole, absolute: 1e-5))
    #expect(replayed == whole)
    for (a, b) in zip(found + again, expected + expected) {
      #expect(a.isApproximatelyEqual(to: b, absolute: 1e-5 * max(1, b.abs().max().item())))
    }
  }
}
