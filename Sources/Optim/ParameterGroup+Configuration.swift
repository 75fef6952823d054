extension ParameterGroup {
  /// A group as a file states it: a regular expression for whole paths, and settings.
  ///
  ///     {"pattern": "image\\..*", "learningRateMultiplier": 0.1, "weightDecayMultiplier": 0}
  public struct Configuration: Sendable, Hashable, Codable {
    /// A regular expression that whole paths are to match.
    public var pattern: String
    /// What the learning rate is multiplied by; 1 if nil.
    public var learningRateMultiplier: Float?
    /// What the weight decay is multiplied by; 1 if nil.
    public var weightDecayMultiplier: Float?
    /// Whether the parameters are frozen; not if nil.
    public var isFrozen: Bool?
    /// See ``ParameterGroup/factoredView``.
    public var factoredView: [Int]?

    /// A group of its settings.
    public init(
      pattern: String, learningRateMultiplier: Float? = nil, weightDecayMultiplier: Float? = nil,
      isFrozen: Bool? = nil, factoredView: [Int]? = nil
    ) {
      self.pattern = pattern
      self.learningRateMultiplier = learningRateMultiplier
      self.weightDecayMultiplier = weightDecayMultiplier
      self.isFrozen = isFrozen
      self.factoredView = factoredView
    }
  }

  /// Why a configured group cannot be.
  public struct ConfigurationError: DataError {
    /// Its position among the groups, from 0.
    public let index: Int
    /// What was wrong, and what was expected.
    public let sentence: String
  }

  /// Groups from a configuration, for a model's parameters.
  ///
  /// - Throws: ``ConfigurationError`` when a pattern is not a regular expression or matches no path of a parameter, when a
  ///   multiplier is not a number from 0 on, or when a view does not fit a parameter that the pattern matches.
  public static func groups(
    _ configurations: [Configuration], for model: some Module
  ) throws -> [ParameterGroup] {
    let parameters = model.namedParameters()
    return try configurations.enumerated().map { index, configuration in
      func refuse(_ problem: String) -> ConfigurationError {
        ConfigurationError(
          index: index,
          sentence: "parameter group \(index), \"\(configuration.pattern.oneLine(limit: 200))\": \(problem)")
      }
      guard let pattern = try? Regex(configuration.pattern) else {
        throw refuse("is not a regular expression")
      }
      var group = ParameterGroup(
        where: { $0.wholeMatch(of: pattern) != nil },
        learningRateMultiplier: configuration.learningRateMultiplier ?? 1,
        weightDecayMultiplier: configuration.weightDecayMultiplier ?? 1,
        isFrozen: configuration.isFrozen ?? false)
      for multiplier in [group.learningRateMultiplier, group.weightDecayMultiplier]
      where !(multiplier >= 0 && multiplier.isFinite) {
        throw refuse("has the multiplier \(multiplier), expected a number from 0 on")
      }
      let matched = parameters.filter { group.fits($0.path) }
      if matched.isEmpty {
        throw refuse("matches no whole path of a parameter; there are \(parameters.map(\.path).listed())")
      }
      if let sizes = configuration.factoredView {
        for (path, parameter) in matched where !fits(sizes, count: parameter.shape.elementCount) {
          throw refuse("\(path) of shape \(parameter.shape) cannot be seen as \(sizes)")
        }
        group.factoredView = Shape(sizes)
      }
      return group
    }
  }

  /// Whether so many numbers can have these sizes, of which one may be -1.
  private static func fits(_ sizes: [Int], count: Int) -> Bool {
    guard sizes.count <= Shape.maximumCount, sizes.allSatisfy({ $0 > 0 || $0 == -1 }) else { return false }
    var product = 1
    for size in sizes where size > 0 {
      let (next, overflows) = product.multipliedReportingOverflow(by: size)
      if overflows || next > count { return false }
      product = next
    }
    switch sizes.count(where: { $0 == -1 }) {
    case 0: return product == count
    case 1: return count > 0 && count % product == 0
    default: return false
    }
  }

  /// Learning rates that fall with the distance from the output (Clark et al. 2020, BEiT): a block's is multiplied by
  /// `rate` once for each block after it, that of the inputs once more than the first block's. What is neither, such as
  /// the last norm and the head, keeps its own.
  ///
  ///     ParameterGroup.layerwiseDecay(
  ///       0.75, blocks: "image.encoder.blocks", count: 12, inputs: /image\.(patchEmbedding|positionEmbedding).*/)
  ///
  /// Making an optimizer traps when a block or the inputs have no parameter.
  ///
  /// - Parameters:
  ///   - rate: What one block makes of it.
  ///   - blocks: The path of the array of blocks.
  ///   - count: Their number.
  ///   - inputs: Whole paths of the parameters before the first block.
  public static func layerwiseDecay(
    _ rate: Float, blocks: String, count: Int, inputs: some RegexComponent
  ) -> [ParameterGroup] {
    func multiplier(_ exponent: Int) -> Float {
      Float((0..<exponent).reduce(1.0) { product, _ in product * decimal(rate) })
    }
    let groups = (0..<count).map { index in
      let prefix = "\(blocks).\(index)."
      var group = ParameterGroup(
        where: { $0.hasPrefix(prefix) }, learningRateMultiplier: multiplier(count - 1 - index))
      group.required = "the block \(blocks).\(index)"
      return group
    }
    return [ParameterGroup(inputs, learningRateMultiplier: multiplier(count))] + groups
  }
}
