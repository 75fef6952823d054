import Tensor

/// Images with captions that can be read in any order, from several threads at once.
///
///     let source = try TableSource("photos.csv")
///     let image = try source.image(at: 7).decoded()
///     let captions = try source.captions(at: 7)
///
/// An index that is not in `0..<count` stops the program (``SourceMixture`` has others too); what is wrong with the data of a
/// sample is thrown when it is read.
public protocol ImageTextSource: Sendable {
  /// How many samples a pass has.
  var count: Int { get }
  /// How many samples there are, each counted once: ``count``, unless passes have different ones.
  var distinctCount: Int { get }
  /// The index of the sample that a pass has at a place of `0..<count`: the place, unless passes have different samples.
  func index(ofPlace place: Int, epoch: Int) -> Int
  /// How many samples each file of many has, where they are read better file by file; nil if any order is as good.
  var shardCounts: [Int]? { get }
  /// What names a sample, in messages and caches. No other sample of the source has it, but damaged ones may.
  func key(at index: Int) -> String
  /// The image of a sample.
  func image(at index: Int) throws -> SampleImage
  /// The captions of a sample: one at least.
  func captions(at index: Int) throws -> [Caption]
}

extension ImageTextSource {
  /// ``count``.
  public var distinctCount: Int { count }

  /// The place.
  public func index(ofPlace place: Int, epoch: Int) -> Int { place }

  /// Nil.
  public var shardCounts: [Int]? { nil }

  /// All of a sample.
  ///
  /// - Throws: ``FileError`` where the sample is damaged.
  public func sample(at index: Int) throws -> ImageTextSample {
    ImageTextSample(key: key(at: index), image: try image(at: index), captions: try captions(at: index))
  }

  /// Stops the program at an index that the caller has wrong.
  func check(_ index: Int) {
    if index < 0 || index >= count { programmerError("\(Self.self): sample \(index) of \(count)") }
  }
}

/// An image with its captions.
public struct ImageTextSample: Sendable {
  /// What names it in its source.
  public let key: String
  /// The image.
  public let image: SampleImage
  /// The captions.
  public let captions: [Caption]

  /// A sample of these parts.
  public init(key: String, image: SampleImage, captions: [Caption]) {
    (self.key, self.image, self.captions) = (key, image, captions)
  }
}

/// A text that describes an image.
public struct Caption: Sendable, Hashable {
  /// The text.
  public let text: String
  /// Its language as the data name it, such as `de`; nil if they do not.
  public let language: String?

  /// A caption.
  public init(_ text: String, language: String? = nil) { (self.text, self.language) = (text, language) }
}

/// The image of a sample.
public enum SampleImage: Sendable {
  /// The bytes of an image file, and its name for messages.
  case encoded([UInt8], name: String)
  /// Pixels.
  case pixels(RGBImage)

  /// Its pixels.
  ///
  /// - Throws: ``FileError``.
  public func decoded(options: ImageReadingOptions = ImageReadingOptions()) throws -> RGBImage {
    switch self {
    case .encoded(let bytes, let name): try RGBImage(decoding: bytes, name: name, options: options)
    case .pixels(let image): image
    }
  }

  /// The bytes of a file, which no image of the usual limit exceeds.
  static func file(_ path: String) throws -> SampleImage {
    .encoded(try readFile(path, maximumBytes: ImageReadingOptions().maximumBytes), name: path)
  }
}
