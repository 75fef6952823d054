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

/// Everything that decides the shape of a SigLIP model.
public struct SigLIPConfiguration: Sendable, Hashable {
  /// Sizes of the image tower.
  public var vision: VisionConfiguration
  /// Behind the image tower, whose features are the embeddings if there is none.
  public var imageProjection: ImageProjection?
  /// Sizes of the text tower.
  public var text: TextConfiguration
  /// 1 for SigLIP, 2 for SigLIP 2: they differ in tokenizer and image preprocessing.
  public var generation: Int

  /// A model of two towers.
  ///
  /// - Parameter generation: 1 or 2; if not given, 2 for a NaFlex tower or the vocabulary of 256,000 that only SigLIP 2 has.
  public init(
    vision: VisionConfiguration, imageProjection: ImageProjection? = nil, text: TextConfiguration,
    generation: Int? = nil
  ) {
    self.vision = vision
    self.imageProjection = imageProjection
    self.text = text
    self.generation = generation ?? (vision.isNaFlex || text.vocabularySize == 256_000 ? 2 : 1)
  }

  /// Width of the embeddings.
  public var embeddingWidth: Int { imageProjection?.width ?? vision.width }

  /// The path of the image tower in a model, without the projection behind it.
  public var imageTowerPath: String { imageProjection == nil ? "image" : "image.tower" }

  /// Numbers that training learns.
  public var parameterCount: Int {
    check()
    let projection = imageProjection?.parameterCount(inputs: vision.width) ?? 0
    // The temperature and the bias.
    return vision.parameterCount + projection + text.parameterCount + 2
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
  private enum CodingKeys: CodingKey, CaseIterable { case vision, imageProjection, text, generation }

  /// Decodes a configuration.
  ///
  /// - Throws: `DecodingError`, also for names that are not known and for sizes that no model can have.
  public init(from decoder: any Decoder) throws {
    try decoder.refuseUnknownKeys(CodingKeys.self)
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      vision: try values.decode(VisionConfiguration.self, forKey: .vision),
      imageProjection: try values.decodeIfPresent(ImageProjection.self, forKey: .imageProjection),
      text: try values.decode(TextConfiguration.self, forKey: .text),
      generation: try values.decodeIfPresent(Int.self, forKey: .generation))
    try decoder.refuse(problem)
  }
}
