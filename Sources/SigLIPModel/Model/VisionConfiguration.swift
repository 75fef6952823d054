import NN

/// How a vision transformer makes one embedding of its tokens.
public enum ImagePooling: String, Sendable, CaseIterable, Codable {
  /// A head that attends from one learned query, as SigLIP.
  case attention
  /// A token of its own before the patches, as CLIP: patches have no bias then, and tokens are normalised before the blocks.
  case classToken
}

/// Sizes of an image tower.
public struct VisionConfiguration: Sendable, Hashable {
  /// Kinds of image towers.
  public enum Architecture: String, Sendable, CaseIterable, Codable {
    /// A vision transformer for images of one size: ``VisionTransformer``.
    case transformer
    /// A vision transformer for images of any height and width, SigLIP 2's NaFlex: ``NaFlexVisionTransformer``.
    case naFlex
    /// A convolutional network: ``EfficientNetLite0``. Only the image size can be chosen.
    case efficientNetLite0
    /// A residual network with attention as its last pool: ``ModifiedResNet``.
    case resNet
  }

  /// What kind of tower it is; the sizes below but for image size and width are those of a transformer.
  public var architecture: Architecture
  /// Height and width of the images, in pixels; of the image whose patches the positions count if ``isNaFlex``.
  public var imageSize: Int
  /// Height and width of a patch; pixels that do not fill a patch are dropped.
  public var patchSize: Int
  /// Width of a token, and of what the tower makes of an image.
  public var width: Int
  /// Number of blocks.
  public var depth: Int
  /// Attention heads in a block.
  public var heads: Int
  /// Width inside the MLPs.
  public var hiddenWidth: Int
  /// Between the MLPs' layers: tanh GELU in big_vision, exact GELU in open_clip's version 1 models.
  public var activation: Activation = .gelu
  /// How tokens become an embedding; a NaFlex tower has a head.
  public var pooling = ImagePooling.attention
  /// Added to the variance by layer norms: 1e-6 in SigLIP, 1e-5 in CLIP.
  public var normEpsilon: Float = 1e-6
  /// Blocks in each of a residual network's four stages; of no other tower. Its other sizes come of
  /// ``resNet(imageSize:stages:channels:width:)``: ``hiddenWidth`` is that of the last stage.
  public var stageDepths: [Int] = []

  /// A vision transformer of the given sizes.
  public init(
    imageSize: Int, patchSize: Int, width: Int, depth: Int, heads: Int, hiddenWidth: Int,
    activation: Activation = .gelu, pooling: ImagePooling = .attention, normEpsilon: Float = 1e-6,
    isNaFlex: Bool = false
  ) {
    architecture = isNaFlex ? .naFlex : .transformer
    self.imageSize = imageSize
    self.patchSize = patchSize
    self.width = width
    self.depth = depth
    self.heads = heads
    self.hiddenWidth = hiddenWidth
    self.activation = activation
    self.pooling = pooling
    self.normEpsilon = normEpsilon
  }

  /// EfficientNet-Lite0, whose features have 1,280 numbers, for images of a size. One of its patches is what becomes one
  /// pixel of the last layer.
  public static func efficientNetLite0(imageSize: Int = 224) -> VisionConfiguration {
    var result = VisionConfiguration(
      imageSize: imageSize, patchSize: 32, width: EfficientNetLite0.featureWidth,
      depth: EfficientNetLite0.layout.count, heads: 1, hiddenWidth: EfficientNetLite0.featureWidth,
      activation: .relu6)
    result.architecture = .efficientNetLite0
    return result
  }

  /// Whether images have any height and width, as in SigLIP 2's NaFlex models; setting it makes the tower a transformer.
  public var isNaFlex: Bool {
    get { architecture == .naFlex }
    set { architecture = newValue ? .naFlex : .transformer }
  }

  /// Patches along each side.
  public var gridSize: Int {
    if patchSize < 1 {
      programmerError("VisionConfiguration: a patch size of \(patchSize), expected at least 1")
    }
    return imageSize / patchSize
  }

  /// Tokens of an image, the one that is pooled included.
  public var tokenCount: Int { gridSize * gridSize + (pooling == .classToken ? 1 : 0) }

  /// Width of what ``ImageTower/tokens(_:)`` gives: of a residual network that of the last stage.
  public var tokenWidth: Int { architecture == .resNet ? hiddenWidth : width }

  /// Numbers that training learns.
  var parameterCount: Int {
    if architecture == .efficientNetLite0 { return EfficientNetLite0.parameterCount }
    if architecture == .resNet { return resNetParameterCount }
    let pooled =
      switch pooling {
      case .attention: 3 * width + attentionParameters(width) + mlpParameters(width, hiddenWidth)
      // The token and the normalisation before the blocks; without a bias of patches.
      case .classToken: width + 2 * width - width
      }
    return linearParameters(3 * patchSize * patchSize, width) + tokenCount * width
      + encoderParameters(width, depth, hiddenWidth) + pooled
  }

  /// Multiply-adds of matrix products and convolutions for one image.
  var multiplyAdds: Int {
    if architecture == .efficientNetLite0 { return EfficientNetLite0.multiplyAdds(imageSize: imageSize) }
    if architecture == .resNet { return resNetMultiplyAdds }
    let patches = gridSize * gridSize * 3 * patchSize * patchSize * width
    let pooled =
      switch pooling {
      // The head's query, output and MLP are of one token, its keys and values of all.
      case .attention: 2 * width * width + 2 * width * hiddenWidth + 2 * tokenCount * width * (width + 1)
      case .classToken: 0
      }
    return patches + pooled
      + blockMultiplyAdds(tokens: tokenCount, width: width, hidden: hiddenWidth) * depth
  }
}

extension VisionConfiguration: Codable {
  private enum CodingKeys: CodingKey, CaseIterable {
    case architecture, imageSize, patchSize, width, depth, heads, hiddenWidth, activation, pooling
    case normEpsilon, stageDepths, isNaFlex
  }

  /// Decodes a configuration; of EfficientNet-Lite0 the architecture and the image size are all there is.
  ///
  /// - Throws: `DecodingError`, also for names that are not known and for sizes that no image tower can have.
  public init(from decoder: any Decoder) throws {
    try decoder.refuseUnknownKeys(CodingKeys.self)
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let isNaFlex = try values.decodeIfPresent(Bool.self, forKey: .isNaFlex)
    let architecture =
      try values.decodeIfPresent(Architecture.self, forKey: .architecture)
      ?? (isNaFlex == true ? .naFlex : .transformer)
    if let isNaFlex, isNaFlex != (architecture == .naFlex) {
      throw DecodingError.dataCorruptedError(
        forKey: .isNaFlex, in: values,
        debugDescription: "it is \(isNaFlex), but the architecture is \(architecture)")
    }
    let imageSize = try values.decode(Int.self, forKey: .imageSize)
    if architecture == .efficientNetLite0 {
      if let odd = values.allKeys.first(where: { $0 != .architecture && $0 != .imageSize && $0 != .isNaFlex })
      {
        throw DecodingError.dataCorruptedError(
          forKey: odd, in: values, debugDescription: "an EfficientNet-Lite0 has only an image size to choose")
      }
      self = .efficientNetLite0(imageSize: imageSize)
    } else {
      self.init(
        imageSize: imageSize, patchSize: try values.decode(Int.self, forKey: .patchSize),
        width: try values.decode(Int.self, forKey: .width),
        depth: try values.decode(Int.self, forKey: .depth),
        heads: try values.decode(Int.self, forKey: .heads),
        hiddenWidth: try values.decode(Int.self, forKey: .hiddenWidth),
        activation: try values.decodeIfPresent(Activation.self, forKey: .activation) ?? .gelu,
        pooling: try values.decodeIfPresent(ImagePooling.self, forKey: .pooling) ?? .attention,
        normEpsilon: try values.decodeIfPresent(Float.self, forKey: .normEpsilon) ?? 1e-6,
        isNaFlex: architecture == .naFlex)
      stageDepths = try values.decodeIfPresent([Int].self, forKey: .stageDepths) ?? []
      self.architecture = architecture
    }
    try decoder.refuse(problem)
  }

  /// Encodes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(imageSize, forKey: .imageSize)
    if architecture == .efficientNetLite0 { return try values.encode(architecture, forKey: .architecture) }
    try values.encode(patchSize, forKey: .patchSize)
    try values.encode(width, forKey: .width)
    try values.encode(depth, forKey: .depth)
    try values.encode(heads, forKey: .heads)
    try values.encode(hiddenWidth, forKey: .hiddenWidth)
    try values.encode(activation, forKey: .activation)
    try values.encode(pooling, forKey: .pooling)
    try values.encode(normEpsilon, forKey: .normEpsilon)
    if architecture == .resNet {
      try values.encode(architecture, forKey: .architecture)
      try values.encode(stageDepths, forKey: .stageDepths)
    }
    try values.encode(isNaFlex, forKey: .isNaFlex)
  }
}
