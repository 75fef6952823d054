/// Labels that are spoiled on purpose, to see how much of that a training bears (Zhai et al. 2023, label noise).
///
/// `images` with `texts` is the paper's third kind of noise, all three together its fifth.
public struct NoiseConfiguration: Sendable, Hashable, Codable {
  /// The share of samples whose image is noise.
  public var images = 0.0
  /// The share of samples whose caption is a row of random tokens.
  public var texts = 0.0
  /// The share of each batch whose captions are shuffled among themselves.
  public var alignments = 0.0

  /// No noise.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable { case images, texts, alignments }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.read(.images, into: &images, .range(0...1))
    try fields.read(.texts, into: &texts, .range(0...1))
    try fields.read(.alignments, into: &alignments, .range(0...1))
  }
}
