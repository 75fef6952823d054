import NN

/// Sizes of a CoCa model (Yu et al. 2022) as open_clip builds it: a contrastive model of two towers, and a decoder that writes
/// captions.
public struct CoCaConfiguration: Sendable, Hashable {
  /// Sizes of a stack of transformer blocks.
  public struct Blocks: Sendable, Hashable {
    /// Width of a token.
    public var width: Int
    /// Number of blocks.
    public var depth: Int
    /// Attention heads in a block.
    public var heads: Int
    /// Width inside the MLPs.
    public var hiddenWidth: Int

    /// Blocks of the given sizes.
    public init(width: Int, depth: Int, heads: Int, hiddenWidth: Int) {
      (self.width, self.depth, self.heads, self.hiddenWidth) = (width, depth, heads, hiddenWidth)
    }
  }

  /// Height and width of the images, in pixels.
  public var imageSize: Int
  /// Height and width of a patch.
  public var patchSize: Int
  /// Of the image tower.
  public var image: Blocks
  /// Learned queries that pool an image: the first makes its embedding, the others what captions look at.
  public var poolerQueries: Int
  /// Attention heads of these.
  public var poolerHeads: Int
  /// Rows of the token table.
  public var vocabularySize: Int
  /// Tokens of a text, padding included.
  public var contextLength: Int
  /// Of the text tower, which reads a text up to each token.
  public var text: Blocks
  /// Of the decoder, which looks at images too; as wide as the text tower's and as the embedding. It has so many pairs of blocks.
  public var decoder: Blocks
  /// Width of the embeddings, and of what captions look at.
  public var embeddingWidth: Int
  /// Between the MLPs' layers.
  public var activation = Activation.geluExact
  /// What fills up texts: the text's embedding does not see it.
  public var paddingToken = 0
  /// Whether a text's embedding sees just what is no padding. As open_clip's published models were trained, it is one place off:
  /// it sees the first token of the padding, and not itself.
  public var hasCorrectMask = false

  /// A configuration of the given sizes.
  public init(
    imageSize: Int, patchSize: Int, image: Blocks, poolerQueries: Int = 256, poolerHeads: Int = 8,
    vocabularySize: Int, contextLength: Int, text: Blocks, decoder: Blocks, embeddingWidth: Int
  ) {
    (self.imageSize, self.patchSize, self.image) = (imageSize, patchSize, image)
    (self.poolerQueries, self.poolerHeads) = (poolerQueries, poolerHeads)
    (self.vocabularySize, self.contextLength, self.text) = (vocabularySize, contextLength, text)
    (self.decoder, self.embeddingWidth) = (decoder, embeddingWidth)
  }

  /// A published model by the name that open_clip has for it, `coca_ViT-B-32` or `coca_ViT-L-14`; nil for other names.
  public init?(named name: String) {
    func sizes(_ width: Int, _ depth: Int) -> Blocks {
      Blocks(width: width, depth: depth, heads: width / 64, hiddenWidth: 4 * width)
    }
    let model: (patch: Int, image: Blocks, width: Int)
    switch name {
    case "coca_ViT-B-32": model = (32, sizes(768, 12), 512)
    case "coca_ViT-L-14": model = (14, sizes(1024, 24), 768)
    default: return nil
    }
    self.init(
      imageSize: 224, patchSize: model.patch, image: model.image, vocabularySize: 49_408, contextLength: 76,
      text: sizes(model.width, 12), decoder: sizes(model.width, 12), embeddingWidth: model.width)
  }

  /// What begins a text in CLIP's vocabulary: the last id but one.
  public var startToken: Int { vocabularySize - 2 }
  /// What ends a text in CLIP's vocabulary: the last id.
  public var endToken: Int { vocabularySize - 1 }

  /// Patches along each side.
  public var gridSize: Int { imageSize / patchSize }

  /// Why no model can have these sizes, in words; nil if one can.
  public var problem: String? {
    for (name, blocks) in [("image tower", image), ("text tower", text), ("decoder", decoder)] {
      if let problem = ConfigurationBounds.problem(
        width: blocks.width, depth: blocks.depth, heads: blocks.heads, hiddenWidth: blocks.hiddenWidth)
      {
        return "its \(name) has \(problem)"
      }
    }
    if let problem = ConfigurationBounds.problem([
      ("an image size", imageSize, ConfigurationBounds.imageSize),
      ("a patch size", patchSize, 1...max(1, imageSize)),
      ("a number of queries", poolerQueries, 2...ConfigurationBounds.positions.upperBound),
      ("a vocabulary", vocabularySize, 2...ConfigurationBounds.vocabularySize.upperBound),
      ("a context length", contextLength, 2...ConfigurationBounds.positions.upperBound),
      ("an embedding width", embeddingWidth, ConfigurationBounds.width),
      ("a number of the pooler's heads", poolerHeads, 1...max(1, embeddingWidth)),
    ]) {
      return "it has \(problem)"
    }
    if embeddingWidth % poolerHeads != 0 {
      return "it has \(poolerHeads) heads of the pooler, which do not divide \(embeddingWidth)"
    }
    if decoder.width != text.width || decoder.width != embeddingWidth {
      return "its decoder has a width of \(decoder.width), its text tower \(text.width) and its embeddings "
        + "\(embeddingWidth), expected the same"
    }
    return nil
  }
}
