import SigLIPModel

/// What the suites that run SigLIP B/16 at 224 pixels have in common.
enum SigLIPWork {
  static func makeModel(rematerializesBlocks: Bool = false) -> SigLIP {
    var random = Random(seed: 1)
    let image = VisionTransformer(.base16(), random: &random)
    let text = TextTransformer(.base, random: &random)
    image.encoder.rematerializesBlocks = rematerializesBlocks
    text.encoder.rematerializesBlocks = rematerializesBlocks
    return SigLIP(image: image, text: text)
  }

  static func makePixels(batch: Int, _ random: inout Random) -> Variable {
    Variable(random.uniform([batch, 3, 224, 224], in: -1..<1))
  }

  static func makeTokens(batch: Int, _ configuration: TextConfiguration, _ random: inout Random)
    -> IndexTensor
  {
    let count = batch * configuration.contextLength
    return IndexTensor(
      (0..<count).map { _ in random.nextInt(below: configuration.vocabularySize) },
      shape: [batch, configuration.contextLength])
  }

  /// Multiplications and additions of a forward pass of both towers.
  static func flops(batch: Int) -> Int {
    let vision = VisionConfiguration.base16()
    let text = TextConfiguration.base
    let patches = vision.gridSize * vision.gridSize
    let patchSize = 3 * vision.patchSize * vision.patchSize
    let blocks =
      vision.depth * block(tokens: patches, width: vision.width, hidden: vision.hiddenWidth)
      + text.depth * block(tokens: text.contextLength, width: text.width, hidden: text.hiddenWidth)
    // The pooling head: keys and values of all tokens, one query.
    let head = 2 * patches * vision.width * vision.width * 2
    return batch * (blocks + head + 2 * patches * patchSize * vision.width)
  }

  /// One transformer block over one sequence.
  static func block(tokens: Int, width: Int, hidden: Int) -> Int {
    2 * tokens * width * (4 * width + 2 * hidden) + 4 * tokens * tokens * width
  }
}
