import NN

/// Some operations, drawn from sixteen, one after the other (Cubuk et al. 2019), as big_vision's `randaug(2, 10)` does them.
///
/// The definition is that of big_vision's `pp/autoaugment.py`, in TensorFlow's arithmetic: magnitude decides the strength,
/// chance the direction of geometry, and what geometry uncovers is gray. Two of its oddities are kept. `contrast` turns
/// around the number of pixels by 256 instead of the mean brightness: 196 for 224 x 224, 255 from 65,280 pixels on. And
/// magnitude 10 solarizes values from 256 on: none. (There TensorFlow wraps 256 to 0 or refuses it, by version.)
public struct RandAugment: ImageAugmentation {
  /// "randAugment".
  public static let name = "randAugment"

  /// How many operations an image gets.
  public let layers: Int
  /// How strong they are, 0 to 10: beyond, the definition's operations leave the range of bytes.
  public let magnitude: Double

  /// Random operations; traps on values that have a ``problem``.
  public init(layers: Int = 2, magnitude: Double = 10) {
    (self.layers, self.magnitude) = (layers, magnitude)
    check()
  }

  /// Decodes the values.
  ///
  /// - Throws: ``AugmentationError``.
  public init(from decoder: any Decoder) throws {
    var fields = try AugmentationFields(decoder)
    layers = try fields.value("layers", default: 2)
    magnitude = try fields.value("magnitude", default: 10)
    try fields.finish()
  }

  /// What is wrong with the values, in words; nil if nothing is.
  public var problem: String? {
    if !(0...16 ~= layers) { return "\(layers) layers, expected 0 to 16" }
    return 0...10 ~= magnitude ? nil : "a magnitude of \(magnitude), expected 0 to 10"
  }

  /// The image after the operations.
  public func callAsFunction(_ image: RGBImage, random: inout Random) -> RGBImage {
    let operations = RandAugmentOperation.allCases
    return (0..<layers).reduce(image) { image, _ in
      operations[random.nextInt(below: operations.count)].applied(
        to: image, level: magnitude / 10, random: &random)
    }
  }
}

/// What ``RandAugment`` draws from.
package enum RandAugmentOperation: String, CaseIterable {
  case autoContrast, equalize, invert, rotate, posterize, solarize, color, contrast, brightness, sharpness
  case shearX, shearY, translateX, translateY, cutout, solarizeAdd

  /// - Parameter level: Strength, 0 to 1.
  func applied(to image: RGBImage, level: Double, random: inout Random) -> RGBImage {
    switch self {
    case .cutout:
      let (y, x) = (random.nextInt(below: image.height), random.nextInt(below: image.width))
      return applied(to: image, [Double(x), Double(y), argument(level)])
    case .rotate, .shearX, .shearY, .translateX, .translateY:
      return applied(to: image, [random.isHit(0.5) ? argument(level) : -argument(level)])
    default: return applied(to: image, [argument(level)])
    }
  }

  /// What a level means for the operation.
  package func argument(_ level: Double) -> Double {
    switch self {
    case .autoContrast, .equalize, .invert: 0
    case .rotate: level * 30
    case .posterize: (level * 4).rounded(.down)
    case .solarize: (level * 256).rounded(.down)
    case .solarizeAdd: (level * 110).rounded(.down)
    case .color, .contrast, .brightness, .sharpness: level * 1.8 + 0.1
    case .shearX, .shearY: level * 0.3
    case .translateX, .translateY: level * 100
    case .cutout: (level * 40).rounded(.down)
    }
  }

  /// - Parameter values: The argument; of a cutout, column and row of its centre before.
  package func applied(to image: RGBImage, _ values: [Double]) -> RGBImage {
    let value = values.last ?? 0
    return switch self {
    case .autoContrast: image.autoContrasted()
    case .equalize: image.equalized()
    case .invert: image.mapped((0...255).map { 255 - $0 })
    case .rotate: image.moved(.rotation(degrees: Float(value), width: image.width, height: image.height))
    case .posterize: image.mapped((0...255).map { $0 & ~(0xFF >> UInt8(max(1, value))) })
    case .solarize: image.mapped((0...255).map { Double($0) < value ? $0 : 255 - $0 })
    case .solarizeAdd: image.mapped((0...255).map { $0 < 128 ? UInt8(min(Int($0) + Int(value), 255)) : $0 })
    case .color: image.colored(by: Float(value))
    case .contrast: image.contrastedByCount(Float(value))
    case .brightness: image.mapped((0...255).map { blended(0, $0, Float(value)) })
    case .sharpness: image.sharpened(by: Float(value))
    case .shearX: image.moved(NearestTransform(xFromY: Float(value)))
    case .shearY: image.moved(NearestTransform(yFromX: Float(value)))
    case .translateX: image.moved(NearestTransform(left: Float(value)))
    case .translateY: image.moved(NearestTransform(top: Float(value)))
    case .cutout: image.cutOut(x: Int(values[0]), y: Int(values[1]), half: Int(value))
    }
  }
}
