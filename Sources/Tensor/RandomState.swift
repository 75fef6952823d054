/// A saved generator goes on with the same numbers.
extension Random: Codable, Equatable {
  /// More numbers than anyone draws, and few enough to count on.
  private static let largestCounter: UInt64 = 1 << 62

  private enum CodingKeys: String, CodingKey { case seed, counter }

  /// Reads a generator.
  ///
  /// - Throws: `DecodingError` when the seed or the counter is missing, or when the counter is above 2^62.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let seed = try container.decode(UInt64.self, forKey: .seed)
    let counter = try container.decode(UInt64.self, forKey: .counter)
    guard counter <= Random.largestCounter else {
      throw DecodingError.dataCorruptedError(
        forKey: .counter, in: container,
        debugDescription: "random: found a counter of \(counter), expected at most 2^62")
    }
    self.init(seed: seed, counter: counter)
  }

  /// Writes the seed and how much has been drawn.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(seed, forKey: .seed)
    try container.encode(counter, forKey: .counter)
  }

  /// Whether all numbers that follow are the same.
  public static func == (a: Random, b: Random) -> Bool { a.seed == b.seed && a.counter == b.counter }

  /// Shape of ``state``.
  package static let stateShape: Shape = [16]

  /// The generator as numbers that every element type of a file holds exactly: the bytes of the seed and of the counter,
  /// lowest first.
  package var state: Tensor {
    Tensor(
      [seed, counter].flatMap { word in (0..<8).map { Float(UInt8(truncatingIfNeeded: word >> (8 * $0))) } })
  }

  /// The generator of a state; nil unless it is sixteen bytes, and a counter that can be.
  package init?(state: Tensor) {
    guard state.shape == Random.stateShape else { return nil }
    let bytes = state.scalars.compactMap(UInt8.init(exactly:))
    guard bytes.count == 16 else { return nil }
    func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    let counter = word(bytes[8...])
    guard counter <= Random.largestCounter else { return nil }
    self.init(seed: word(bytes[..<8]), counter: counter)
  }
}
