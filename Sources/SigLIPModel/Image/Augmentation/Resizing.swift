import NN

/// The whole image stretched or squeezed to one size, whatever its proportions: what SigLIP's image towers are trained on.
public struct SquashResize: ImageAugmentation {
  /// "squashResize".
  public static let name = "squashResize"

  /// Pixels in a row of the result.
  public let width: Int
  /// Rows of the result.
  public let height: Int
  /// How pixels are made.
  public let filter: ResizeFilter

  /// Images of one size; traps on values that have a ``problem``.
  public init(width: Int, height: Int, filter: ResizeFilter = .bilinearWithoutAntialiasing) {
    (self.width, self.height, self.filter) = (width, height, filter)
    check()
  }

  /// Decodes the values.
  ///
  /// - Throws: ``AugmentationError``.
  public init(from decoder: any Decoder) throws {
    var fields = try AugmentationFields(decoder)
    width = try fields.required("width")
    height = try fields.required("height")
    filter = try fields.value("filter", default: .bilinearWithoutAntialiasing)
    try fields.finish()
  }

  /// What is wrong with the values, in words; nil if nothing is.
  public var problem: String? { sizeProblem(width: width, height: height) }

  /// The resized image.
  public func callAsFunction(_ image: RGBImage, random: inout Random) -> RGBImage {
    image.resized(width: width, height: height, filter: filter)
  }
}

/// The image resized until its shorter side has a length, then a part cut out, as torchvision's `Resize` and `CenterCrop`
/// or `RandomCrop`.
public struct ShortestSideCrop: ImageAugmentation {
  /// "shortestSideCrop".
  public static let name = "shortestSideCrop"

  /// Where the part is.
  public enum Position: String, Sendable, CaseIterable, Codable {
    /// In the middle.
    case center
    /// Anywhere.
    case random
  }

  /// Length of the shorter side.
  public let side: Int
  /// Pixels in a row of the part, at most ``side``.
  public let width: Int
  /// Rows of the part, at most ``side``.
  public let height: Int
  /// Where the part is.
  public let position: Position
  /// How pixels are made.
  public let filter: ResizeFilter

  /// Parts of resized images; traps on values that have a ``problem``.
  public init(
    side: Int, width: Int, height: Int, position: Position = .random, filter: ResizeFilter = .bicubic
  ) {
    (self.side, self.width, self.height, self.position, self.filter) = (side, width, height, position, filter)
    check()
  }

  /// Decodes the values.
  ///
  /// - Throws: ``AugmentationError``.
  public init(from decoder: any Decoder) throws {
    var fields = try AugmentationFields(decoder)
    side = try fields.required("side")
    width = try fields.required("width")
    height = try fields.required("height")
    position = try fields.value("position", default: .random)
    filter = try fields.value("filter", default: .bicubic)
    try fields.finish()
  }

  private var geometry: ImagePreprocessing.Geometry {
    .shortestSide(side, cropWidth: width, cropHeight: height)
  }

  /// What is wrong with the values, in words; nil if nothing is.
  public var problem: String? {
    ImagePreprocessing(geometry: geometry, filter: filter, normalization: .siglip).problem
  }

  /// The part of the resized image; no other part is computed.
  public func callAsFunction(_ image: RGBImage, random: inout Random) -> RGBImage {
    if position == .center {
      return ImagePreprocessing(geometry: geometry, filter: filter, normalization: .siglip).fit(image)
    }
    let size = image.size(shortestSide: side)
    let top = random.nextInt(below: size.height - height + 1)
    let left = random.nextInt(below: size.width - width + 1)
    return image.resized(
      width: size.width, height: size.height, filter: filter, columns: left..<left + width,
      rows: top..<top + height)
  }
}

/// Left and right exchanged, with some probability.
public struct HorizontalFlip: ImageAugmentation {
  /// "horizontalFlip".
  public static let name = "horizontalFlip"

  /// How likely an image is flipped.
  public let probability: Double

  /// A flip of some images; traps on a probability that is none.
  public init(probability: Double = 0.5) {
    self.probability = probability
    check()
  }

  /// Decodes the values.
  ///
  /// - Throws: ``AugmentationError``.
  public init(from decoder: any Decoder) throws {
    var fields = try AugmentationFields(decoder)
    probability = try fields.value("probability", default: 0.5)
    try fields.finish()
  }

  /// What is wrong with the values, in words; nil if nothing is.
  public var problem: String? {
    0...1 ~= probability ? nil : "a probability of \(probability), expected 0 to 1"
  }

  /// The image or its mirror image.
  public func callAsFunction(_ image: RGBImage, random: inout Random) -> RGBImage {
    random.isHit(probability) ? image.mirrored() : image
  }
}

extension RGBImage {
  /// Left and right exchanged.
  package func mirrored() -> RGBImage {
    RGBImage(width: width, height: height) { out in
      withPixels { pixels in
        for y in 0..<height {
          var (source, target) = (y * width * 3, (y + 1) * width * 3 - 3)
          for _ in 0..<width {
            copyPixel(pixels, source, out, target)
            (source, target) = (source + 3, target - 3)
          }
        }
      }
    }
  }
}
