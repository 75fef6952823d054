import Foundation
import SigLIPModel
import TestSupport
import Testing

/// The operations of RandAugment against TensorFlow's.
@Suite struct RandAugmentTests {
  private static let counts: [RandAugmentOperation: Int] = [
    .autoContrast: 1, .equalize: 1, .invert: 1, .rotate: 4, .posterize: 3, .solarize: 3, .solarizeAdd: 2,
    .color: 3,
    .contrast: 2, .brightness: 2, .sharpness: 2, .shearX: 3, .shearY: 3, .translateX: 3, .translateY: 3,
    .cutout: 3,
  ]

  @Test(arguments: RandAugmentOperation.allCases)
  func operationsAreTensorFlowsBitForBit(_ operation: RandAugmentOperation) throws {
    let sources = try SafetensorsFile(fixture("augmentation.safetensors"))
    let expectations = try SafetensorsFile(fixture("randaugment.safetensors"))
    let names = expectations.names.filter {
      $0.split(separator: "/").dropFirst().first ?? "" == operation.rawValue
    }
    #expect(names.count == 5 * RandAugmentTests.counts[operation]!)
    for name in names {
      let parts = name.split(separator: "/").map(String.init)
      func image(_ name: String, in file: SafetensorsFile) throws -> RGBImage {
        let shape = try #require(file[name]).shape
        return RGBImage(width: shape[1], height: shape[0], pixels: try file.bytes(named: name))
      }
      let source = try image(parts[0], in: parts[0] == "narrow" ? expectations : sources)
      let result = operation.applied(to: source, try parts.dropFirst(2).map { try #require(Double($0)) })
      let expected = try image(name, in: expectations)
      let differing = zip(result.pixels, expected.pixels).count { $0 != $1 }
      #expect(result == expected, "\(name): \(differing) of \(expected.pixels.count) values differ")
    }
  }

  /// Arguments at magnitude 10, as the definition computes them.
  @Test func magnitudesAreThoseOfTheDefinition() {
    let arguments: [RandAugmentOperation: Double] = [
      .rotate: 30, .posterize: 4, .solarize: 256, .solarizeAdd: 110, .color: 1.9, .contrast: 1.9,
      .brightness: 1.9,
      .sharpness: 1.9, .shearX: 0.3, .shearY: 0.3, .translateX: 100, .translateY: 100, .cutout: 40,
    ]
    for operation in RandAugmentOperation.allCases {
      #expect(abs(operation.argument(1) - arguments[operation, default: 0]) < 1e-12, "\(operation)")
    }
    #expect(RandAugmentOperation.posterize.argument(0.7) == 2)
    #expect(abs(RandAugmentOperation.color.argument(0.5) - 1) < 1e-12)
  }

  /// One layer is one operation, each drawn as often as the others, geometry in both directions.
  @Test func operationsAreDrawnEvenly() {
    // Large enough that no cutout and no translation leaves nothing.
    var random = Random(seed: 8)
    let pixels = (0..<70 * 64 * 3).map { _ in UInt8(random.nextInt(below: 200)) }
    let image = RGBImage(width: 70, height: 64, pixels: pixels)
    var results: [RGBImage: Set<String>] = [:]
    for operation in RandAugmentOperation.allCases where operation != .cutout {
      for sign in [1.0, -1] {
        results[
          operation.applied(
            to: image,
            [sign * operation.argument(0.6).magnitude].map {
              operation.isDirected ? $0 : $0.magnitude
            }), default: []
        ].insert(operation.isDirected ? "\(operation) \(sign)" : "\(operation)")
      }
    }
    var counts: [Set<String>: Int] = [:]
    for _ in 0..<1600 {
      let result = RandAugment(layers: 1, magnitude: 6)(image, random: &random)
      counts[results[result] ?? ["cutout"], default: 0] += 1
    }
    for (names, count) in counts {
      let expected = names.reduce(0) { $0 + ($1.contains(" ") ? 50 : 100) }
      #expect(abs(count - expected) < 35, "\(names): \(count)")
    }
    #expect(Set(counts.keys.joined()) == Set(results.values.joined()).union(["cutout"]))
    #expect(RandAugment(layers: 0)(image, random: &random) == image)
  }
}

extension RandAugmentOperation {
  /// Whether chance decides the sign.
  fileprivate var isDirected: Bool {
    [.rotate, .shearX, .shearY, .translateX, .translateY].contains(self)
  }
}
