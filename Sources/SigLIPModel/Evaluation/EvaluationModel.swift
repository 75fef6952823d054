import Foundation
import NN
import Training

/// A model that is evaluated, and what stands between data and its towers.
///
///     let model = try EvaluationModel(SigLIPCheckpoint(path: "runs/photos/model"), cache: "runs/features")
///     let result = try ZeroShotTask(images: LabeledImages(ClassFolderSource("animals"))).run(on: model)
///
/// What the image tower makes of images is kept in a folder that evaluations share with each other and with trainings beside
/// a locked tower: a projection behind the tower is computed anew, as are texts.
/// Embeddings that are not finite are refused, and damaged samples tolerated as in training.
public final class EvaluationModel {
  /// The model with its files.
  public let model: EmbeddingModel
  /// The share of a source's samples that may be damaged.
  public let maximumDamagedShare: Double
  private let cacheFolder: String
  private lazy var cache = Result { try openCache() }

  /// A checkpoint to evaluate.
  ///
  /// - Parameters:
  ///   - cache: The folder of embeddings; it is made.
  ///   - batchSize: Images or texts that are embedded at a time.
  /// - Throws: ``FileError`` when the preprocessing cannot be read.
  public init(
    _ checkpoint: SigLIPCheckpoint, cache: String, options: ImageReadingOptions = ImageReadingOptions(),
    batchSize: Int = 64, maximumDamagedShare: Double = 0.01
  ) throws {
    model = try EmbeddingModel(checkpoint, options: options, batchSize: batchSize)
    self.maximumDamagedShare = maximumDamagedShare
    cacheFolder = cache
  }

  private var tower: any ImageTower { model.checkpoint.model.image }

  /// How image files are read.
  var options: ImageReadingOptions { model.options }

  private func openCache() throws -> EmbeddingCache {
    let vision = model.checkpoint.configuration.vision
    let key = EmbeddingCache.key(
      of: tower.unprojected, vision, preprocessing: model.preprocessing, options: options)
    return try EmbeddingCache(folder: cacheFolder, tower: key, width: vision.width)
  }

  /// Embeds a source's images, those apart that are damaged.
  ///
  /// - Throws: ``TooManyDamagedSamples``, ``Interrupted``; ``FileError`` when none can be read, or the model gives embeddings
  ///   that are not finite.
  public func embed(_ source: any ImageTextSource) throws -> EmbeddedImages {
    let cache = try cache.get()
    let reader = TolerantReader(source, maximumShare: maximumDamagedShare)
    let digests = try cache.fill(
      reader, preprocessing: model.preprocessing, options: options, batchSize: model.batchSize
    ) { images in try model.finite { images.embedded(by: tower.unprojected).value } }
    let samples = digests.indices.filter { digests[$0] != nil }
    if samples.isEmpty {
      throw FileError(.missing, source.count == 0 ? "data" : source.key(at: 0), "image that can be read")
    }
    guard let features = try cache.features(of: digests.compactMap { $0 }) else {
      throw FileError(.malformed, cache.path, "embeddings that were there a moment ago are damaged")
    }
    return EmbeddedImages(
      source: source, features: try project(features), samples: samples, reader: reader)
  }

  /// What stands behind the tower makes of its features what the whole gives.
  private func project(_ features: Tensor) throws -> Tensor {
    guard let projection = (tower as? ProjectedTower)?.features else { return features }
    return try model.finite { projection(Variable(features)).value }
  }

  /// Refuses a model without a tokenizer before its images are embedded.
  func checkTokenizer() throws { try model.checkTokenizer() }

  /// Embeddings of texts, ``EmbeddingModel/embed(texts:)``.
  public func embed(texts: [String]) throws -> Tensor { try model.embed(texts: texts) }

  /// Probabilities of pairs, ``EmbeddingModel/probabilities(_:)``.
  func probabilities(_ similarities: Tensor) -> Tensor { model.probabilities(similarities) }
}

/// Images of a source as a model sees them.
public struct EmbeddedImages {
  /// Where they come from.
  public let source: any ImageTextSource
  /// `[images, width]`, of any length, as the image tower gives them.
  public let features: Tensor
  /// `[images, width]`, of length 1, as they are compared with texts.
  public let embeddings: Tensor
  /// The sample of each in the source.
  public let samples: [Int]
  /// What read them, and knows which are damaged.
  public let reader: TolerantReader

  init(source: any ImageTextSource, features: Tensor, samples: [Int], reader: TolerantReader) {
    (self.source, self.features, self.samples, self.reader) = (source, features, samples, reader)
    embeddings = withoutGradients { Variable(features).normalized().value }
  }

  /// How many there are.
  public var count: Int { samples.count }

  /// Those images of which `value` is something, with what it is; a `DataError` makes a sample a damaged one.
  ///
  /// - Throws: ``TooManyDamagedSamples``, and what `value` throws beside.
  func keeping<Value>(_ value: (_ sample: Int) throws -> Value) throws -> (
    images: EmbeddedImages, values: [Value]
  ) {
    let values = try samples.map { sample in try reader.read(sample, value) }
    let kept = values.indices.filter { values[$0] != nil }
    if kept.count == values.count { return (self, values.compactMap { $0 }) }
    if kept.isEmpty { throw FileError(.missing, source.key(at: 0), "sample that can be read") }
    let images = EmbeddedImages(
      source: source, features: features.take(IndexTensor(kept), axis: 0), samples: kept.map { samples[$0] },
      reader: reader)
    return (images, values.compactMap { $0 })
  }
}
