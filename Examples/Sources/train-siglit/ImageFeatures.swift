import CommandSupport
import Foundation
import SigLIPModel

/// What the locked tower sees in every image, computed once and kept beside the output.
struct ImageFeatures {
  let images: [RGBImage]
  /// The tower's file.
  let weights: String
  /// Height and width at which the tower sees an image.
  let size: Int

  /// Features `[images, 1280]`, from a file if it holds those of the same images, weights and size, whole; otherwise they
  /// are computed, and the file is written anew.
  func load(cache: String) throws -> Tensor {
    let key = try key()
    if FileManager.default.fileExists(atPath: cache) {
      do { return try stored(in: cache, key: key) } catch {
        printError("\(error); embedding the images anew")
      }
    }
    let features = try compute()
    var writer = SafetensorsWriter(metadata: ["key": key, "sha256": ImageFeatures.digest(features)])
    writer.add(features, named: "features")
    try writer.write(to: cache)
    return features
  }

  private func stored(in cache: String, key: String) throws -> Tensor {
    let file = try SafetensorsFile(cache)
    guard file.metadata["key"] == key else {
      throw CommandError("\(cache) is not of these images and weights")
    }
    let features = try file.tensor(named: "features")
    guard features.shape == [images.count, EfficientNetLite0.featureWidth],
      file.metadata["sha256"] == ImageFeatures.digest(features)
    else { throw CommandError("\(cache) is damaged") }
    return features
  }

  private func compute() throws -> Tensor {
    let tower = try EfficientNetLite0(path: weights)
    let progress = Progress("embedding images", total: images.count, unit: "images")
    var parts: [Tensor] = []
    for start in stride(from: 0, to: images.count, by: 16) {
      try Interruption.check("stopped while embedding images: nothing is kept, the same command begins anew")
      let batch = images[start..<min(start + 16, images.count)].map {
        $0.paddedToSquare().resized(width: size, height: size, filter: .bicubic)
      }
      let pixels = PixelNormalization.efficientNetLite.tensor(batch)
      parts.append(withoutGradients { tower(Variable(pixels)).value })
      progress.advance(by: batch.count)
    }
    return .concatenate(parts)
  }

  /// All that decides the features: pixels, weights, what is done to images before the tower sees them, and the
  /// instructions, whose rounding differs.
  func key() throws -> String {
    var digest = SHA256()
    digest.update(
      "padded to a square, bicubic to \(size), EfficientNet-Lite0 on \(Compute.instructionSet)\n".utf8)
    digest.update("\(try SHA256.digest(ofFile: weights)) \(images.count)\n".utf8)
    for image in images {
      digest.update("\(image.width) x \(image.height)\n".utf8)
      digest.update(image.pixels)
    }
    return digest.finish()
  }

  private static func digest(_ features: Tensor) -> String {
    features.withUnsafeScalars { scalars in
      var digest = SHA256()
      digest.update(UnsafeRawBufferPointer(scalars))
      return digest.finish()
    }
  }
}
