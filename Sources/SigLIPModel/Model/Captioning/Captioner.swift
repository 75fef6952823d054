import NN

/// An image tower and a decoder that writes about its tokens.
public final class Captioner: Module {
  /// Gives the tokens of an image (``ImageTower/tokens(_:)``); what it pools them by is not used.
  public let image: any ImageTower
  /// Writes about them.
  public let decoder: CaptionDecoder

  /// A model of two parts.
  public init(image: any ImageTower, decoder: CaptionDecoder) {
    self.image = image
    self.decoder = decoder
  }

  /// A model of the given sizes, with random weights.
  public convenience init(
    vision: VisionConfiguration, _ configuration: CaptionConfiguration, random: inout Random
  ) {
    if configuration.memoryWidth != vision.tokenWidth {
      programmerError(
        "Captioner: a memory of width \(configuration.memoryWidth), but images have tokens of width \(vision.tokenWidth)"
      )
    }
    self.init(
      image: vision.tower(random: &random), decoder: CaptionDecoder(configuration, random: &random))
  }

  /// Mean cross-entropy of the texts' tokens: see ``CaptionDecoder/loss(_:memory:)``.
  ///
  /// - Parameters:
  ///   - images: What the tower takes, one image for each text.
  ///   - texts: Rows of ``CaptionConfiguration/rows(of:)``.
  public func loss(images: Variable, texts: IndexTensor) -> Variable {
    decoder.loss(texts, memory: image.tokens(images))
  }

  /// Writes a text about each image: see ``CaptionWriter/generate(about:choosing:atMost:usesCache:observe:)``.
  public func generate(
    images: Variable, choosing choice: TokenChoice = .greedy, atMost count: Int? = nil
  ) -> [[Int]] {
    decoder.generate(about: withoutGradients { image.tokens(images) }, choosing: choice, atMost: count)
  }
}
