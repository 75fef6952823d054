import NN

extension SigLIPConfiguration {
  /// A published CLIP model by the name that open_clip has for it, such as `ViT-B-32`, `ViT-L-14-336-quickgelu` or `RN50x4`;
  /// nil for other names. OpenAI's (`ViT-B/32`, `ViT-L/14@336px`) and Hugging Face's (`openai/clip-vit-base-patch32`) stand
  /// for the weights that OpenAI published, which have quick GELU.
  static func clip(named name: String) -> SigLIPConfiguration? {
    if let openAI = openAINames[name] { return clip(named: openAI + "-quickgelu") }
    let isQuick = name.hasSuffix("-quickgelu")
    let key = isQuick ? String(name.dropLast("-quickgelu".count)) : name
    let activation: Activation = isQuick ? .quickGelu : .geluExact
    if let model = residualNetworks[key] { return model.configuration(activation) }
    return transformers[key]?.configuration(activation)
  }

  /// The names of ``clip(named:)``, but for `-quickgelu` behind them.
  static let clipNames: [String] = (Array(transformers.keys) + Array(residualNetworks.keys)).sorted()

  private static let openAINames = [
    "ViT-B/32": "ViT-B-32", "ViT-B/16": "ViT-B-16", "ViT-L/14": "ViT-L-14", "ViT-L/14@336px": "ViT-L-14-336",
    "openai/clip-vit-base-patch32": "ViT-B-32", "openai/clip-vit-base-patch16": "ViT-B-16",
    "openai/clip-vit-large-patch14": "ViT-L-14", "openai/clip-vit-large-patch14-336": "ViT-L-14-336",
  ]

  /// Sizes of a text tower.
  private struct Words {
    let width, heads, depth: Int

    func configuration(outputWidth: Int, _ activation: Activation) -> TextConfiguration {
      TextConfiguration(
        vocabularySize: 49_408, contextLength: 77, width: width, depth: depth, heads: heads,
        hiddenWidth: 4 * width, outputWidth: outputWidth, activation: activation, pooling: .endToken,
        isCausal: true, projectionHasBias: false, normEpsilon: 1e-5)
    }
  }

  private struct Transformer {
    let imageSize, patchSize, width, depth: Int
    var headWidth = 64
    /// Width of an MLP, by that of a token; open_clip cuts the product to a whole number.
    var ratio = 4.0
    let words: Words
    let embeddingWidth: Int

    func configuration(_ activation: Activation) -> SigLIPConfiguration {
      SigLIPConfiguration(
        vision: VisionConfiguration(
          imageSize: imageSize, patchSize: patchSize, width: width, depth: depth, heads: width / headWidth,
          hiddenWidth: Int(Double(width) * ratio), activation: activation, pooling: .classToken,
          normEpsilon: 1e-5),
        imageProjection: ImageProjection(width: embeddingWidth),
        text: words.configuration(outputWidth: embeddingWidth, activation), family: .clip)
    }
  }

  private struct ResidualNetwork {
    let imageSize: Int
    let stages: [Int]
    let channels: Int
    let words: Words
    let embeddingWidth: Int

    func configuration(_ activation: Activation) -> SigLIPConfiguration {
      SigLIPConfiguration(
        vision: .resNet(imageSize: imageSize, stages: stages, channels: channels, width: embeddingWidth),
        text: words.configuration(outputWidth: embeddingWidth, activation), family: .clip)
    }
  }

  private static func small(_ imageSize: Int, _ patchSize: Int, alternative: Bool = false) -> Transformer {
    Transformer(
      imageSize: imageSize, patchSize: patchSize, width: 384, depth: 12,
      words: alternative ? Words(width: 256, heads: 4, depth: 10) : Words(width: 384, heads: 6, depth: 12),
      embeddingWidth: alternative ? 256 : 384)
  }

  private static func medium(_ imageSize: Int, _ patchSize: Int, alternative: Bool = false) -> Transformer {
    Transformer(
      imageSize: imageSize, patchSize: patchSize, width: 512, depth: 12,
      words: alternative ? Words(width: 384, heads: 6, depth: 12) : Words(width: 512, heads: 8, depth: 12),
      embeddingWidth: alternative ? 384 : 512)
  }

  private static func base(_ imageSize: Int, _ patchSize: Int) -> Transformer {
    Transformer(
      imageSize: imageSize, patchSize: patchSize, width: 768, depth: 12,
      words: Words(width: 512, heads: 8, depth: 12), embeddingWidth: 512)
  }

  private static func basePlus(_ imageSize: Int, _ patchSize: Int) -> Transformer {
    Transformer(
      imageSize: imageSize, patchSize: patchSize, width: 896, depth: 12,
      words: Words(width: 640, heads: 10, depth: 12), embeddingWidth: 640)
  }

  private static func large(_ imageSize: Int, _ patchSize: Int) -> Transformer {
    Transformer(
      imageSize: imageSize, patchSize: patchSize, width: 1024, depth: 24,
      words: Words(width: 768, heads: 12, depth: 12), embeddingWidth: 768)
  }

  private static func huge(_ imageSize: Int, _ patchSize: Int) -> Transformer {
    Transformer(
      imageSize: imageSize, patchSize: patchSize, width: 1280, depth: 32, headWidth: 80,
      words: Words(width: 1024, heads: 16, depth: 24), embeddingWidth: 1024)
  }

  private static let transformers: [String: Transformer] = [
    "ViT-S-32": small(224, 32), "ViT-S-16": small(224, 16),
    "ViT-S-32-alt": small(224, 32, alternative: true), "ViT-S-16-alt": small(224, 16, alternative: true),
    "ViT-M-32": medium(224, 32), "ViT-M-16": medium(224, 16),
    "ViT-M-32-alt": medium(224, 32, alternative: true),
    "ViT-B-32": base(224, 32), "ViT-B-32-256": base(256, 32), "ViT-B-16": base(224, 16),
    "ViT-B-32-plus-256": basePlus(256, 32), "ViT-B-16-plus": basePlus(224, 16),
    "ViT-B-16-plus-240": basePlus(240, 16),
    "ViT-L-16": large(224, 16), "ViT-L-16-320": large(320, 16),
    "ViT-L-14": large(224, 14), "ViT-L-14-280": large(280, 14), "ViT-L-14-336": large(336, 14),
    "ViT-H-16": huge(224, 16), "ViT-H-14": huge(224, 14), "ViT-H-14-378": huge(378, 14),
    "ViT-g-14": Transformer(
      imageSize: 224, patchSize: 14, width: 1408, depth: 40, headWidth: 88, ratio: 4.3637,
      words: Words(width: 1024, heads: 16, depth: 24), embeddingWidth: 1024),
    "ViT-bigG-14": Transformer(
      imageSize: 224, patchSize: 14, width: 1664, depth: 48, headWidth: 104, ratio: 4.9231,
      words: Words(width: 1280, heads: 20, depth: 32), embeddingWidth: 1280),
    "ViT-e-14": Transformer(
      imageSize: 224, patchSize: 14, width: 1792, depth: 56, headWidth: 112, ratio: 8.5715,
      words: Words(width: 1280, heads: 20, depth: 36), embeddingWidth: 1280),
  ]

  private static let residualNetworks: [String: ResidualNetwork] = [
    "RN50": ResidualNetwork(
      imageSize: 224, stages: [3, 4, 6, 3], channels: 64, words: Words(width: 512, heads: 8, depth: 12),
      embeddingWidth: 1024),
    "RN101": ResidualNetwork(
      imageSize: 224, stages: [3, 4, 23, 3], channels: 64, words: Words(width: 512, heads: 8, depth: 12),
      embeddingWidth: 512),
    "RN50x4": ResidualNetwork(
      imageSize: 288, stages: [4, 6, 10, 6], channels: 80, words: Words(width: 640, heads: 10, depth: 12),
      embeddingWidth: 640),
    "RN50x16": ResidualNetwork(
      imageSize: 384, stages: [6, 8, 18, 8], channels: 96, words: Words(width: 768, heads: 12, depth: 12),
      embeddingWidth: 768),
    "RN50x64": ResidualNetwork(
      imageSize: 448, stages: [3, 15, 36, 10], channels: 128, words: Words(width: 1024, heads: 16, depth: 12),
      embeddingWidth: 1024),
  ]
}
