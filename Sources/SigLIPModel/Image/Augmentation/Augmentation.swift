import NN

/// A kind of change that images get at random while a model trains, so that it sees no picture twice.
///
/// It depends on its own values, the image and the random numbers alone. A new kind is a file, and a line in
/// ``Augmentation/kinds``.
public protocol ImageAugmentation: Sendable, Hashable, Codable {
  /// What the kind is called in a configuration.
  static var name: String { get }
  /// What is wrong with the values, in words; nil if nothing is.
  var problem: String? { get }
  /// The changed image.
  func callAsFunction(_ image: RGBImage, random: inout Random) -> RGBImage
}

extension ImageAugmentation {
  func check() {
    if let problem { programmerError("\(Self.name): \(problem)") }
  }
}

/// One of the changes that images get while a model trains. In JSON an object with the kind's name and its values, all of
/// which but sizes may be left out:
///
///     [{"name": "randomResizedCrop", "width": 224, "height": 224, "scale": [0.2, 1]},
///      {"name": "horizontalFlip"}, {"name": "randAugment"}]
public struct Augmentation: Sendable {
  /// All kinds there are.
  public static let kinds: [any ImageAugmentation.Type] = [
    SquashResize.self, ShortestSideCrop.self, RandomResizedCrop.self, HorizontalFlip.self, ColorJitter.self,
    RandAugment.self,
  ]

  /// The change.
  public let change: any ImageAugmentation

  /// One change.
  public init(_ change: any ImageAugmentation) { self.change = change }

  /// The changed image.
  public func callAsFunction(_ image: RGBImage, random: inout Random) -> RGBImage {
    change(image, random: &random)
  }
}

extension Augmentation: Hashable {
  /// Whether both are the same change with the same values.
  public static func == (a: Augmentation, b: Augmentation) -> Bool {
    AnyHashable(a.change) == AnyHashable(b.change)
  }

  /// Hashes the change.
  public func hash(into hasher: inout Hasher) { hasher.combine(AnyHashable(change)) }
}

extension [Augmentation] {
  /// The image changed by one after the other.
  ///
  ///     var random = samples.random(at: place)
  ///     let picture = augmentations(image, random: &random)
  public func callAsFunction(_ image: RGBImage, random: inout Random) -> RGBImage {
    reduce(image) { $1($0, random: &random) }
  }
}

extension Random {
  /// A number evenly distributed over a range.
  package mutating func number(in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * (Double(nextUInt64() >> 11) * 0x1p-53)
  }

  /// True with the given probability.
  mutating func isHit(_ probability: Double) -> Bool { number(in: 0...1) < probability }
}
