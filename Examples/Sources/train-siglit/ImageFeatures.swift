import Foundation
import SigLIPModel

/// Pictures by themselves.
private struct Pictures: ImageTextSource {
  let data: EmojiData

  var count: Int { data.images.count }
  func key(at index: Int) -> String { data.codes[index] }
  func image(at index: Int) -> SampleImage { .pixels(data.images[index]) }
  func captions(at index: Int) -> [Caption] { [Caption(data.codes[index])] }
}

/// What the locked tower sees in every image, `[images, 1280]`: computed once, and kept in a folder.
func imageFeatures(of data: EmojiData, weights: String, size: Int, folder: String) throws -> Tensor {
  let tower = try EfficientNetLite0(path: weights, hasClassifier: false)
  let preprocessing = ImagePreprocessing.efficientNetLite(imageSize: size)
  let cache = try EmbeddingCache(
    folder: folder,
    tower: EmbeddingCache.key(of: tower, .efficientNetLite0(imageSize: size), preprocessing: preprocessing),
    width: EfficientNetLite0.featureWidth)
  let images = try cache.fill(TolerantReader(Pictures(data: data)), preprocessing: preprocessing) { images in
    guard case .pixels(let pixels) = images else { preconditionFailure("pictures without pixels") }
    return withoutGradients { tower(Variable(pixels)).value }
  }
  guard let features = try cache.features(of: images.compactMap { $0 }) else {
    throw FileError(.malformed, cache.path, "features that were there a moment ago are damaged")
  }
  return features
}
