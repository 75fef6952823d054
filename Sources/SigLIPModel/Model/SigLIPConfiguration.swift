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

  /// Numbers that training learns.
  public var parameterCount: Int {
    check()
    func linear(_ inputs: Int, _ outputs: Int) -> Int { (inputs + 1) * outputs }
    func attention(_ width: Int) -> Int { 4 * linear(width, width) }
    func mlp(_ width: Int, _ hidden: Int) -> Int { linear(width, hidden) + linear(hidden, width) }
    func encoder(_ width: Int, _ depth: Int, _ hidden: Int) -> Int {
      depth * (attention(width) + mlp(width, hidden) + 4 * width) + 2 * width
    }
    let (image, patch, grid) = (vision.width, vision.patchSize, vision.gridSize)
    let head = 3 * image + attention(image) + mlp(image, vision.hiddenWidth)
    let images =
      linear(3 * patch * patch, image) + grid * grid * image
      + encoder(image, vision.depth, vision.hiddenWidth)
      + head
    let texts =
      (text.vocabularySize + text.contextLength) * text.width
      + encoder(text.width, text.depth, text.hiddenWidth)
      + (text.outputWidth.map { linear(text.width, $0) } ?? 0)
    // The temperature and the bias.
    return images + texts + 2
  }

  /// Multiply-adds of matrix products for one image; of a NaFlex model, for one of ``VisionConfiguration/imageSize``.
  public var imageMultiplyAdds: Int {
    check()
    let (tokens, width, hidden) = (vision.gridSize * vision.gridSize, vision.width, vision.hiddenWidth)
    let patches = tokens * 3 * vision.patchSize * vision.patchSize * width
    // The head's query, output and MLP are of one token, its keys and values of all.
    let head = 2 * width * width + 2 * width * hidden + 2 * tokens * width * (width + 1)
    return patches + head
      + blockMultiplyAdds(tokens: tokens, width: width, hidden: hidden) * vision.depth
  }

  /// Multiply-adds of matrix products for one text.
  public var textMultiplyAdds: Int {
    check()
    return blockMultiplyAdds(tokens: text.contextLength, width: text.width, hidden: text.hiddenWidth)
      * text.depth
      + text.width * (text.outputWidth ?? 0)
  }

  private func blockMultiplyAdds(tokens: Int, width: Int, hidden: Int) -> Int {
    tokens * (4 * width * width + 2 * width * hidden) + 2 * tokens * tokens * width
  }
}
