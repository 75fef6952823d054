import Foundation
import SigLIPModel

/// What the locked tower sees in every image, computed once and kept beside the output.
enum ImageFeatures {
  /// Features `[images, 1280]`, from the file if it holds those of the same images, weights and size.
  static func load(
    images: [RGBImage], weights: URL, size: Int, cache: URL, showProgress: Bool = true
  ) throws -> Tensor {
    let key = fingerprint(images: images, weights: weights, size: size)
    if let file = try? SafetensorsFile(cache.path), file.metadata["key"] == key,
      let features = try? file.tensor(named: "features"),
      features.shape == [images.count, EfficientNetLite0.featureWidth]
    {
      return features
    }
    let features = try compute(images: images, weights: weights, size: size)
    var writer = SafetensorsWriter(metadata: ["key": key])
    writer.add(features, named: "features")
    try writer.write(to: cache.path)
    return features
  }

  private static func compute(images: [RGBImage], weights: URL, size: Int) throws -> Tensor {
    let tower = try EfficientNetLite0(path: weights.path)
    let progress = Progress("embedding images", total: images.count, unit: "images")
    var parts: [Tensor] = []
    for start in stride(from: 0, to: images.count, by: 16) {
      let batch = images[start..<min(start + 16, images.count)].map {
        $0.paddedToSquare().resized(width: size, height: size, filter: .bicubic)
      }
      let pixels = PixelNormalization.efficientNetLite.tensor(batch)
      parts.append(withoutGradients { tower(Variable(pixels)).value })
      progress.advance(by: batch.count)
    }
    return .concatenate(parts)
  }

  /// A number that changes with the images, the weights file's size and the image size (FNV-1a).
  private static func fingerprint(images: [RGBImage], weights: URL, size: Int) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for image in images {
      for byte in image.pixels { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
    let bytes = (try? FileManager.default.attributesOfItem(atPath: weights.path)[.size] as? Int) ?? 0
    return "\(String(hash, radix: 16)) \(images.count) \(size) \(bytes)"
  }
}
