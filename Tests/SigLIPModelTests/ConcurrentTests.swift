import SigLIPModel
import Testing

/// Several tasks embed with one model.
@Suite struct ConcurrentTests {
  private let tiny = SigLIPConfiguration(
    vision: VisionConfiguration(imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 4, hiddenWidth: 64),
    text: TextConfiguration(
      vocabularySize: 50, contextLength: 7, width: 32, depth: 2, heads: 4, hiddenWidth: 64, outputWidth: 32))

  @Test(arguments: [false, true])
  func embeddingsHaveTheBitsOfOneThread(isPacked: Bool) async throws {
    var random = Random(seed: 1)
    let model = SigLIP(tiny, random: &random)
    let pixels = (0..<12).map { _ in random.uniform([3, 3, 32, 32], in: -1..<1) }
    let tokens = (0..<12).map { _ in
      IndexTensor((0..<35).map { _ in random.nextInt(below: 50) }, shape: [5, 7])
    }
    let expected = withoutGradients {
      zip(pixels, tokens).map { [model.embed(images: Variable($0)).value, model.embed(texts: $1).value] }
    }
    if isPacked { model.packWeights() }
    let siglip = try SigLIPCheckpoint(model: model, configuration: tiny).frozen()
    for _ in 0..<4 {
      let found = await withTaskGroup(of: (Int, [Tensor]).self) { group in
        for index in pixels.indices {
          group.addTask {
            let (pixels, tokens) = (pixels[index], tokens[index])
            return (
              index,
              siglip { [$0.embed(images: Variable(pixels)).value, $0.embed(texts: tokens).value] }
            )
          }
        }
        return await group.reduce(into: [Int: [Tensor]]()) { $0[$1.0] = $1.1 }
      }
      for index in pixels.indices { #expect(found[index] == expected[index]) }
    }
  }

  @Test func anotherConfigurationIsRefused() throws {
    var random = Random(seed: 1)
    var deeper = tiny
    deeper.text.depth = 3
    let checkpoint = SigLIPCheckpoint(model: SigLIP(tiny, random: &random), configuration: deeper)
    #expect(throws: StateError.self) { try checkpoint.frozen() }
  }
}
