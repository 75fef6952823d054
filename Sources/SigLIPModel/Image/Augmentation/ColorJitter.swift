import NN

/// Brightness, contrast, saturation and hue changed by random amounts in random order: torchvision's `ColorJitter` of
/// Pillow's images.
public struct ColorJitter: ImageAugmentation {
  /// "colorJitter".
  public static let name = "colorJitter"

  /// How far the factor of brightness may be from 1.
  public let brightness: Double
  /// How far the factor of contrast may be from 1.
  public let contrast: Double
  /// How far the factor of saturation may be from 1.
  public let saturation: Double
  /// How far hues may turn, as a share of the circle; at most a half.
  public let hue: Double

  /// Random colours; traps on values that have a ``problem``.
  public init(brightness: Double = 0, contrast: Double = 0, saturation: Double = 0, hue: Double = 0) {
    (self.brightness, self.contrast, self.saturation, self.hue) = (brightness, contrast, saturation, hue)
    check()
  }

  /// Decodes the values.
  ///
  /// - Throws: ``AugmentationError``.
  public init(from decoder: any Decoder) throws {
    var fields = try AugmentationFields(decoder)
    brightness = try fields.value("brightness", default: 0)
    contrast = try fields.value("contrast", default: 0)
    saturation = try fields.value("saturation", default: 0)
    hue = try fields.value("hue", default: 0)
    try fields.finish()
  }

  /// What is wrong with the values, in words; nil if nothing is.
  public var problem: String? {
    let amounts = [("brightness", brightness), ("contrast", contrast), ("saturation", saturation)]
    for (name, amount) in amounts where !(amount >= 0 && amount.isFinite) {
      return "a \(name) of \(amount), expected at least 0"
    }
    return 0...0.5 ~= hue ? nil : "a hue of \(hue), expected 0 to 0.5"
  }

  /// The image in other colours.
  public func callAsFunction(_ image: RGBImage, random: inout Random) -> RGBImage {
    let order = random.permutation(4)
    func factor(_ amount: Double) -> Double { random.number(in: max(0, 1 - amount)...1 + amount) }
    let factors = (factor(brightness), factor(contrast), factor(saturation), random.number(in: -hue...hue))
    return order.reduce(image) { image, change in
      switch change {
      case 0: brightness == 0 ? image : image.brightened(by: factors.0)
      case 1: contrast == 0 ? image : image.contrasted(by: factors.1)
      case 2: saturation == 0 ? image : image.saturated(by: factors.2)
      default: hue == 0 ? image : image.turnedHue(by: factors.3)
      }
    }
  }
}
