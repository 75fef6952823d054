import NN

/// How the two towers take part in a training.
public struct TowersConfiguration: Sendable, Hashable, Codable {
  /// The image tower.
  public var image = TowerConfiguration()
  /// The text tower.
  public var text = TowerConfiguration()

  /// Both are trained.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable { case image, text }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.read(.image, into: &image)
    try fields.read(.text, into: &text)
    if text.patchDropout > 0 { throw fields.problem(.text, "patchDropout is for images") }
    if image.training == .locked && text.training == .locked {
      throw fields.problem(.text, "both towers are locked, so that nothing is trained")
    }
  }
}

/// How a tower takes part in a training.
public struct TowerConfiguration: Sendable, Hashable, Codable {
  /// What of a tower is trained; a projection of images' features is trained always.
  public enum Training: Sendable, Hashable, Codable {
    /// All of it.
    case all
    /// Nothing: SigLiT, for images.
    case locked
    /// The last blocks, and what follows them.
    case lastBlocks(Int)

    /// Decodes `"all"`, `"locked"` or a number of blocks.
    public init(from decoder: any Decoder) throws {
      let value = try decoder.singleValueContainer()
      if let count = try? value.decode(Int.self), count >= 1 {
        self = .lastBlocks(count)
      } else if let name = try? value.decode(String.self), name == "all" || name == "locked" {
        self = name == "all" ? .all : .locked
      } else {
        throw ConfigurationError(
          decoder.codingPath.place, "expected \"all\", \"locked\" or a number of last blocks")
      }
    }

    /// Encodes what ``init(from:)`` reads.
    public func encode(to encoder: any Encoder) throws {
      var value = encoder.singleValueContainer()
      switch self {
      case .all: try value.encode("all")
      case .locked: try value.encode("locked")
      case .lastBlocks(let count): try value.encode(count)
      }
    }
  }

  /// What of it is trained.
  public var training = Training.all
  /// What the learning rate is multiplied by: 0.1 for weights that are pretrained, say.
  public var learningRateMultiplier: Float = 1
  /// Whether its weights decay: the paper's fine-tuning lets pretrained ones be.
  public var decays = true
  /// What a block's learning rate is multiplied by for each block behind it; the same for all if not given.
  public var layerwiseDecay: Float?
  /// Whether blocks are computed again in the backward sweep, in place of keeping what they computed.
  public var rematerializes = false
  /// The share of patches that are left out while training (FLIP).
  public var patchDropout: Float = 0

  /// All of it is trained alike.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable {
    case training, learningRateMultiplier, decays, layerwiseDecay, rematerializes, patchDropout
  }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.read(.training, into: &training)
    try fields.read(.learningRateMultiplier, into: &learningRateMultiplier, .fromZero)
    try fields.read(.decays, into: &decays)
    try fields.readOptional(.layerwiseDecay, into: &layerwiseDecay, .positive)
    try fields.read(.rematerializes, into: &rematerializes)
    try fields.read(.patchDropout, into: &patchDropout, .belowOne)
  }
}
