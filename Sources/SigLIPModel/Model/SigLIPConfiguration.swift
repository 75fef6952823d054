import NN

/// What brings an image tower's features to the width of the embeddings: a linear layer, for a tower that is locked or was
/// trained for something else.
public struct ImageProjection: Sendable, Hashable {
  /// Width of the embeddings.
  public var width: Int
  /// Whether each feature is brought to mean 0 and deviation 1 first, by numbers that the model keeps.
  public var normalizesFeatures: Bool
  /// Whether the linear layer has a bias.
  public var hasBias: Bool

  /// A projection to so many numbers.
  public init(width: Int, normalizesFeatures: Bool = false, hasBias: Bool = false) {
    self.width = width
    self.normalizesFeatures = normalizesFeatures
    self.hasBias = hasBias
  }

  /// Numbers that training learns.
  func parameterCount(inputs: Int) -> Int { (inputs + (hasBias ? 1 : 0)) * width }
}

/// Which publication's models one is like: they differ in tokenizer and image preprocessing.
public enum ModelFamily: String, Sendable, CaseIterable, Codable {
  /// SigLIP (Zhai et al. 2023).
  case siglip
  /// SigLIP 2 (Tschannen et al. 2025).
  case siglip2
  /// CLIP (Radford et al. 2021).
  case clip
}

/// Everything that decides the shape of a model of an image and a text tower: SigLIP's and CLIP's are configurations of one.
public struct SigLIPConfiguration: Sendable, Hashable {
  /// Sizes of the image tower.
  public var vision: VisionConfiguration
  /// Behind the image tower, whose features are the embeddings if there is none.
  public var imageProjection: ImageProjection?
  /// Sizes of the text tower.
  public var text: TextConfiguration
  /// Where tokenizer and image preprocessing are like.
  public var family: ModelFamily
  /// What it learns by: a model of the sigmoid loss has a bias.
  public var objective: PairObjective

  /// A model of two towers.
  ///
  /// - Parameters:
  ///   - family: If not given, CLIP's for a text tower that pools the end of a text, SigLIP 2's for a NaFlex tower or the
  ///     vocabulary of 256,000 that only SigLIP 2 has.
  ///   - objective: If not given, softmax for CLIP's family.
  public init(
    vision: VisionConfiguration, imageProjection: ImageProjection? = nil, text: TextConfiguration,
    family: ModelFamily? = nil, objective: PairObjective? = nil
  ) {
    self.vision = vision
    self.imageProjection = imageProjection
    self.text = text
    let family =
      family
      ?? (text.pooling == .endToken
        ? .clip : vision.isNaFlex || text.vocabularySize == 256_000 ? .siglip2 : .siglip)
    self.family = family
    self.objective = objective ?? (family == .clip ? .softmax : .sigmoid)
  }

  /// Width of the embeddings.
  public var embeddingWidth: Int { imageProjection?.width ?? vision.width }

  /// The path of the image tower in a model, without the projection behind it.
  public var imageTowerPath: String { imageProjection == nil ? "image" : "image.tower" }

  /// Numbers that training learns.
  public var parameterCount: Int {
    check()
    let projection = imageProjection?.parameterCount(inputs: vision.width) ?? 0
    let logits = objective == .sigmoid ? 2 : 1
    return vision.parameterCount + projection + text.parameterCount + logits
  }

  /// Multiply-adds of matrix products and convolutions for one image; of a NaFlex model, for one of
  /// ``VisionConfiguration/imageSize``.
  public var imageMultiplyAdds: Int {
    check()
    return vision.multiplyAdds + (imageProjection.map { vision.width * $0.width } ?? 0)
  }

  /// Multiply-adds of matrix products for one text.
  public var textMultiplyAdds: Int {
    check()
    return text.multiplyAdds
  }
}

extension ImageProjection: Codable {
  private enum CodingKeys: CodingKey, CaseIterable { case width, normalizesFeatures, hasBias }

  /// Decodes a projection.
  ///
  /// - Throws: `DecodingError`, also for names that are not known and for a width that none can have.
  public init(from decoder: any Decoder) throws {
    try decoder.refuseUnknownKeys(CodingKeys.self)
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      width: try values.decode(Int.self, forKey: .width),
      normalizesFeatures: try values.decodeIfPresent(Bool.self, forKey: .normalizesFeatures) ?? false,
      hasBias: try values.decodeIfPresent(Bool.self, forKey: .hasBias) ?? false)
    try decoder.refuse(problem)
  }
}

extension SigLIPConfiguration: Codable {
  private enum CodingKeys: CodingKey, CaseIterable { case vision, imageProjection, text, family, objective }
  /// What stood for the family once: 1 for SigLIP, 2 for SigLIP 2.
  private enum FormerKeys: CodingKey, CaseIterable { case generation }

  /// Decodes a configuration.
  ///
  /// - Throws: `DecodingError`, also for names that are not known and for sizes that no model can have.
  public init(from decoder: any Decoder) throws {
    try decoder.refuseUnknownKeys(
      CodingKeys.allCases.map(\.stringValue) + FormerKeys.allCases.map(\.stringValue))
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let generation = try decoder.container(keyedBy: FormerKeys.self)
      .decodeIfPresent(Int.self, forKey: .generation)
    if let generation, !(1...2).contains(generation) {
      try decoder.refuse("it is of generation \(generation), expected 1 or 2")
    }
    self.init(
      vision: try values.decode(VisionConfiguration.self, forKey: .vision),
      imageProjection: try values.decodeIfPresent(ImageProjection.self, forKey: .imageProjection),
      text: try values.decode(TextConfiguration.self, forKey: .text),
      family: try values.decodeIfPresent(ModelFamily.self, forKey: .family)
        ?? generation.map { $0 == 2 ? .siglip2 : .siglip },
      objective: try values.decodeIfPresent(PairObjective.self, forKey: .objective))
    try decoder.refuse(problem)
  }
}
