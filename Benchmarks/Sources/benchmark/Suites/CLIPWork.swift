import SigLIPModel

/// What the suites have in common that run CLIP at 224 pixels.
enum CLIPWork: String {
  case vitB32 = "clip-vit-b32"
  case rn50 = "clip-rn50"

  private var configuration: SigLIPConfiguration {
    // Both are published.
    try! SigLIPConfiguration(named: self == .vitB32 ? "ViT-B-32-quickgelu" : "RN50-quickgelu")
  }

  func makeModel() -> SigLIP {
    var random = Random(seed: 1)
    return SigLIP(configuration, random: &random)
  }

  /// Random texts of full length, the last token of which is the end.
  func makeTokens(batch: Int, _ random: inout Random) -> IndexTensor {
    let text = configuration.text
    return IndexTensor(
      (0..<batch * text.contextLength).map { place in
        let isLast = place % text.contextLength == text.contextLength - 1
        return isLast ? text.vocabularySize - 1 : random.nextInt(below: text.vocabularySize - 1)
      }, shape: [batch, text.contextLength])
  }

  /// Multiplications and additions of a forward pass of both towers.
  func flops(batch: Int) -> Int {
    let (vision, text) = (configuration.vision, configuration.text)
    let texts =
      text.depth
      * SigLIPWork.block(tokens: text.contextLength, width: text.width, hidden: text.hiddenWidth)
    switch self {
    case .vitB32:
      let patches = vision.gridSize * vision.gridSize
      let blocks =
        vision.depth
        * SigLIPWork.block(tokens: patches + 1, width: vision.width, hidden: vision.hiddenWidth)
      return batch * (texts + blocks + 2 * patches * 3 * vision.patchSize * vision.patchSize * vision.width)
    case .rn50:
      return batch * (texts + CLIPWork.residualFlops)
    }
  }

  /// RN50's convolutions and its attention pool for one image.
  private static var residualFlops: Int {
    var products = 112 * 112 * 9 * (3 * 32 + 32 * 32 + 32 * 64)
    var (inputs, size) = (64, 56)
    for (stage, blocks) in [3, 4, 6, 3].enumerated() {
      let width = 64 << stage
      for block in 0..<blocks {
        let pixels = size * size
        if stage > 0 && block == 0 { size /= 2 }
        products += pixels * width * (inputs + 9 * width) + size * size * 4 * width * width
        if block == 0 { products += size * size * inputs * 4 * width }
        inputs = 4 * width
      }
    }
    // Keys and values of 50 tokens; one query and the output are little beside them.
    return 2 * (products + 50 * 2 * inputs * inputs)
  }
}
