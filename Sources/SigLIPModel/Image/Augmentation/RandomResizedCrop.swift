import Foundation
import NN

/// A part of random size, shape and place, stretched to one size (Szegedy et al. 2015), chosen as torchvision's
/// `RandomResizedCrop` chooses it.
public struct RandomResizedCrop: ImageAugmentation {
  /// "randomResizedCrop".
  public static let name = "randomResizedCrop"

  /// Pixels in a row of the result.
  public let width: Int
  /// Rows of the result.
  public let height: Int
  /// The part's area, as a share of the image's.
  public let scale: ClosedRange<Double>
  /// The part's width by its height.
  public let ratio: ClosedRange<Double>
  /// How pixels are made.
  public let filter: ResizeFilter

  /// Random parts stretched to a size; traps on values that have a ``problem``.
  public init(
    width: Int, height: Int, scale: ClosedRange<Double> = 0.08...1,
    ratio: ClosedRange<Double> = 3 / 4...4 / 3,
    filter: ResizeFilter = .bicubic
  ) {
    (self.width, self.height, self.scale, self.ratio, self.filter) = (width, height, scale, ratio, filter)
    check()
  }

  /// Decodes the values.
  ///
  /// - Throws: ``AugmentationError``.
  public init(from decoder: any Decoder) throws {
    var fields = try AugmentationFields(decoder)
    width = try fields.required("width")
    height = try fields.required("height")
    scale = try fields.value("scale", default: 0.08...1)
    ratio = try fields.value("ratio", default: 3 / 4...4 / 3)
    filter = try fields.value("filter", default: .bicubic)
    try fields.finish()
  }

  /// What is wrong with the values, in words; nil if nothing is.
  public var problem: String? {
    if let problem = sizeProblem(width: width, height: height) { return problem }
    if !(scale.lowerBound > 0 && scale.upperBound <= 1) {
      return "a scale of \(scale), expected above 0 and at most 1"
    }
    if !(ratio.lowerBound >= 0.01 && ratio.upperBound <= 100) {
      return "a ratio of \(ratio), expected 0.01 to 100"
    }
    return nil
  }

  /// A random part of the image.
  public func callAsFunction(_ image: RGBImage, random: inout Random) -> RGBImage {
    let part = part(
      width: image.width, height: image.height, number: { random.number(in: $0) },
      place: { random.nextInt(below: $0) })
    return image.cropped(left: part.left, top: part.top, width: part.width, height: part.height)
      .resized(width: width, height: height, filter: filter)
  }

  /// The part that is taken of an image of a size.
  ///
  /// - Parameters:
  ///   - number: Draws a number of a range.
  ///   - place: Draws a whole number below a bound.
  package func part(
    width: Int, height: Int, number: (ClosedRange<Double>) -> Double, place: (Int) -> Int
  ) -> (left: Int, top: Int, width: Int, height: Int) {
    for _ in 0..<10 {
      let area = Double(width * height) * number(scale)
      let ratio = exp(number(log(ratio.lowerBound)...log(ratio.upperBound)))
      let partWidth = Int((area * ratio).squareRoot().rounded(.toNearestOrEven))
      let partHeight = Int((area / ratio).squareRoot().rounded(.toNearestOrEven))
      guard 1...width ~= partWidth, 1...height ~= partHeight else { continue }
      let top = place(height - partHeight + 1)
      return (place(width - partWidth + 1), top, partWidth, partHeight)
    }
    // None fitted: the largest of an allowed shape, in the middle.
    let shape = Double(width) / Double(height)
    var (partWidth, partHeight) = (width, height)
    if shape < ratio.lowerBound {
      partHeight = max(1, Int((Double(width) / ratio.lowerBound).rounded(.toNearestOrEven)))
    } else if shape > ratio.upperBound {
      partWidth = max(1, Int((Double(height) * ratio.upperBound).rounded(.toNearestOrEven)))
    }
    return ((width - partWidth) / 2, (height - partHeight) / 2, partWidth, partHeight)
  }
}

/// What is wrong with the size of a result, in words.
func sizeProblem(width: Int, height: Int) -> String? {
  ConfigurationBounds.problem([
    ("a width", width, ConfigurationBounds.imageSize), ("a height", height, ConfigurationBounds.imageSize),
  ])
}
