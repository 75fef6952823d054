import NN

/// Everything that decides the shape of a SigLIP model.
public struct SigLIPConfiguration: Sendable, Hashable, Codable {
  /// Sizes of the image tower.
  public var vision: VisionConfiguration
  /// Sizes of the text tower.
  public var text: TextConfiguration
  /// 1 for SigLIP, 2 for SigLIP 2: they differ in tokenizer and image preprocessing.
  public var generation: Int

  /// A model of two towers.
  ///
  /// - Parameter generation: 1 or 2; if not given, 2 for a NaFlex tower or the vocabulary of 256,000 that only SigLIP 2 has.
  public init(vision: VisionConfiguration, text: TextConfiguration, generation: Int? = nil) {
    self.vision = vision
    self.text = text
    self.generation = generation ?? (vision.isNaFlex || text.vocabularySize == 256_000 ? 2 : 1)
  }

  /// Width of the embeddings.
  public var embeddingWidth: Int { vision.width }

  /// Numbers that training learns. Counted on a model that takes no memory.
  public var parameterCount: Int {
    SigLIP.outline(self).parameters.reduce(0) { $0 + $1.shape.elementCount }
  }

  /// Multiply-adds of matrix products for one image; of a NaFlex model, for one of ``VisionConfiguration/imageSize``.
  public var imageMultiplyAdds: Int {
    let (tokens, width, hidden) = (vision.gridSize * vision.gridSize, vision.width, vision.hiddenWidth)
    let patches = tokens * 3 * vision.patchSize * vision.patchSize * width
    // The head's query, output and MLP are of one token, its keys and values of all.
    let head = 2 * width * width + 2 * width * hidden + 2 * tokens * width * (width + 1)
    return patches + head
      + blockMultiplyAdds(tokens: tokens, width: width, hidden: hidden) * vision.depth
  }

  /// Multiply-adds of matrix products for one text.
  public var textMultiplyAdds: Int {
    blockMultiplyAdds(tokens: text.contextLength, width: text.width, hidden: text.hiddenWidth) * text.depth
      + text.width * (text.outputWidth ?? 0)
  }

  private func blockMultiplyAdds(tokens: Int, width: Int, hidden: Int) -> Int {
    tokens * (4 * width * width + 2 * width * hidden) + 2 * tokens * tokens * width
  }
}
