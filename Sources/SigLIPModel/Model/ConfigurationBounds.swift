import NN

/// What sizes a model may have. Every reader of configurations ends here, and so does every model that is made, before
/// anything is allocated: with sizes inside these bounds no number that is computed from them overflows.
///
/// The largest published models have images of 512 pixels, 1,024 positions, a width of 1,536, 40 blocks, 16 heads, MLPs of
/// 6,144 and a vocabulary of 256,000.
enum ConfigurationBounds {
  /// Pixels along a side of an image.
  static let imageSize = 1...4096
  /// Patches of an image, and tokens of a text.
  static let positions = 1...65_536
  static let width = 1...16_384
  static let depth = 1...256
  static let hiddenWidth = 1...65_536
  /// Also of a tokenizer.
  static let vocabularySize = 1...(1 << 22)

  /// The first of several sizes that is out of its bounds, in words.
  static func problem(_ sizes: [(name: String, size: Int, bounds: ClosedRange<Int>)]) -> String? {
    sizes.first { !$0.bounds.contains($0.size) }.map {
      "\($0.name) of \($0.size), expected \($0.bounds.lowerBound) to \($0.bounds.upperBound)"
    }
  }

  /// What is wrong with what both towers have.
  static func problem(width: Int, depth: Int, heads: Int, hiddenWidth: Int) -> String? {
    problem([
      ("a width", width, self.width), ("a depth", depth, self.depth),
      ("an MLP width", hiddenWidth, self.hiddenWidth), ("a number of heads", heads, 1...max(1, width)),
    ]) ?? (width % heads == 0 ? nil : "\(heads) heads, which do not divide the width of \(width)")
  }

  /// What is wrong with what layer norms add to the variance.
  static func problem(normEpsilon: Float) -> String? {
    0...1 ~= normEpsilon ? nil : "layer norms that add \(normEpsilon), expected 0 to 1"
  }

  /// The product of two sizes that a file states; the largest number where it overflows.
  static func product(_ a: Int, _ b: Int) -> Int {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow ? .max : product
  }
}

extension VisionConfiguration {
  /// Why no image tower can have these sizes, in words; nil if one can. Images have at most 4,096 pixels along a side and
  /// 65,536 patches, towers a width of 16,384, which the heads divide, 256 blocks and MLPs of 65,536.
  public var problem: String? {
    if architecture == .efficientNetLite0, self != .efficientNetLite0(imageSize: imageSize) {
      return "an EfficientNet-Lite0 of other sizes than its own"
    }
    if let problem = stageProblem { return problem }
    if isNaFlex && pooling != .attention { return "images of any size, and no head that pools them" }
    // The attention of a residual network is as wide as its last stage.
    let attended = architecture == .resNet ? hiddenWidth : width
    return ConfigurationBounds.problem(
      width: attended, depth: depth, heads: heads, hiddenWidth: hiddenWidth)
      ?? ConfigurationBounds.problem(normEpsilon: normEpsilon)
      ?? ConfigurationBounds.problem([
        ("a width", width, ConfigurationBounds.width),
        ("an image size", imageSize, ConfigurationBounds.imageSize),
        ("a patch size", patchSize, 1...max(1, imageSize)),
      ])
      ?? ConfigurationBounds.problem([
        ("a number of tokens", tokenCount, ConfigurationBounds.positions)
      ])
  }

  /// What is wrong with the stages of a residual network.
  private var stageProblem: String? {
    guard architecture == .resNet else {
      return stageDepths.isEmpty ? nil : "stages, which only a residual network has"
    }
    if stageDepths.count != 4 { return "\(stageDepths.count) stages, expected 4" }
    if let problem = ConfigurationBounds.problem(
      stageDepths.map { ("a stage's depth", $0, ConfigurationBounds.depth) }
        + [("a width of the last stage", hiddenWidth, 64...ConfigurationBounds.hiddenWidth.upperBound)])
    {
      return problem
    }
    let own = VisionConfiguration.resNet(
      imageSize: imageSize, stages: stageDepths, channels: hiddenWidth / 32, width: width)
    if hiddenWidth % 64 != 0 || own != self { return "other sizes than a residual network's stages give it" }
    return imageSize < 32 ? "an image size of \(imageSize), expected at least 32" : nil
  }

  /// Traps when no image tower can have these sizes.
  func check() {
    if let problem { programmerError("VisionConfiguration: \(problem)") }
  }
}

extension TextConfiguration {
  /// Why no text tower can have these sizes, in words; nil if one can. Texts have at most 65,536 tokens of a vocabulary of
  /// 4,194,304; towers are bounded as those of images.
  public var problem: String? {
    architectureProblem
      ?? ConfigurationBounds.problem(normEpsilon: normEpsilon)
      ?? ConfigurationBounds.problem([
        ("a vocabulary", vocabularySize, ConfigurationBounds.vocabularySize),
        ("a context length", contextLength, ConfigurationBounds.positions),
        ("an output width", outputWidth ?? 1, ConfigurationBounds.width),
        ("a token bottleneck", tokenBottleneck ?? 1, ConfigurationBounds.width),
      ])
      ?? (0..<1 ~= dropout ? nil : "a dropout of \(dropout), expected 0 to less than 1")
  }

  /// What is wrong with the sizes of its kind.
  private var architectureProblem: String? {
    guard architecture == .bagOfWords else {
      return ConfigurationBounds.problem(width: width, depth: depth, heads: heads, hiddenWidth: hiddenWidth)
        ?? paddingToken.map { "\($0) as padding, which only a bag of words leaves out" }
    }
    let own = TextConfiguration.bagOfWords(
      vocabularySize: vocabularySize, contextLength: contextLength, width: width, outputWidth: outputWidth,
      paddingToken: paddingToken, projectionHasBias: projectionHasBias, normEpsilon: normEpsilon)
    if pooling != own.pooling {
      return "a bag of words that pools by \(pooling), expected endToken, or mean with the id of padding"
    }
    if self != own { return "other sizes than those of a bag of words" }
    return ConfigurationBounds.problem([
      ("a width", width, ConfigurationBounds.width),
      ("padding", paddingToken ?? 0, 0...max(0, vocabularySize - 1)),
    ])
  }

  /// Traps when no text tower can have these sizes.
  func check() {
    if let problem { programmerError("TextConfiguration: \(problem)") }
  }
}

extension ImageProjection {
  /// Why no projection can have this width, in words; nil if one can: it is at most 16,384.
  public var problem: String? {
    ConfigurationBounds.problem([("a width", width, ConfigurationBounds.width)])
  }

  /// Traps when no projection can have this width.
  func check() {
    if let problem { programmerError("ImageProjection: \(problem)") }
  }
}

extension SigLIPConfiguration {
  /// Why no model can have these sizes, in words; nil if one can.
  public var problem: String? {
    if let problem = vision.problem { return "its image tower has \(problem)" }
    if let problem = imageProjection?.problem { return "its image projection has \(problem)" }
    if let problem = text.problem { return "its text tower has \(problem)" }
    let width = text.outputWidth ?? text.width
    if width == embeddingWidth { return nil }
    let image = imageProjection == nil ? "image tower" : "image projection"
    return "its text tower gives \(width) numbers, its \(image) \(embeddingWidth), expected the same"
  }

  /// Traps when no model can have these sizes.
  func check() {
    if let problem { programmerError("SigLIPConfiguration: \(problem)") }
  }

  /// The same, as a file describes it.
  ///
  /// - Throws: ``FileError`` when no model can have these sizes.
  func checked(path: String) throws -> SigLIPConfiguration {
    if let problem { throw FileError(.unsupported, path, problem) }
    return self
  }

  /// Refuses a model whose weights alone would not fit into memory, even if all of them were packed that can be.
  package func checkMemory(
    path: String, packing: WeightPrecision? = nil, limit: Int = SystemMemory.limit
  ) throws {
    let size = Swift.min(packing?.bytesPerNumber ?? 4, 4)
    let bytes = Int((Double(parameterCount) * size).rounded(.up))
    if bytes > limit {
      throw FileError(
        .unsupported, path,
        "its model has \(parameterCount) parameters, which take \(SystemMemory.words(bytes)) of memory; "
          + "this process may use \(SystemMemory.words(limit))")
    }
  }
}
