import NN
import Synchronization
import Training

/// What a locked image tower sees in the images of some sources, each computed once.
struct LockedFeatures: Sendable {
  /// `[images, width]`, an image a row; those that are trained on first.
  let features: Tensor
  /// How many are trained on.
  let trainingCount: Int
  /// The rows of ``NoisePictures``, if there are any.
  let noiseRows: [Int]
  private let rows: [ContentDigest: Int]
  private let options: ImageReadingOptions

  /// Takes the features of all images from a cache, in which those that are not there are computed first. Images that cannot
  /// be read have none.
  ///
  /// - Parameters:
  ///   - training: Images that are trained on.
  ///   - others: Images that are looked at beside.
  ///   - noise: Pictures of noise.
  ///   - compute: Features of images that went through the preprocessing.
  /// - Throws: ``Interrupted``; ``FileError``, also when no image can be read.
  init(
    _ cache: EmbeddingCache, training: [any ImageTextSource], others: [any ImageTextSource],
    noise: NoisePictures? = nil, preprocessing: ImagePreprocessing, options: ImageReadingOptions,
    compute: (ImageBatch) -> Tensor
  ) throws {
    self.options = options
    func images(_ sources: [any ImageTextSource]) throws -> [ContentDigest] {
      try sources.flatMap { source in
        // Those that are damaged are counted where samples are made of them.
        try cache.fill(
          TolerantReader(source, maximumShare: 1), preprocessing: preprocessing, options: options,
          compute: compute
        ).compactMap { $0 }
      }
    }
    var rows: [ContentDigest: Int] = [:]
    var all: [ContentDigest] = []
    func add(_ images: [ContentDigest]) {
      for image in images where rows[image] == nil {
        rows[image] = all.count
        all.append(image)
      }
    }
    add(try images(training))
    trainingCount = all.count
    add(try images(others))
    let noisePictures = try noise.map { try images([$0]) } ?? []
    add(noisePictures)
    noiseRows = noisePictures.map { rows[$0]! }
    if trainingCount == 0 { throw FileError(.missing, training[0].key(at: 0), "image that can be read") }
    guard let features = try cache.features(of: all) else {
      throw FileError(.malformed, cache.path, "features that were there a moment ago are damaged")
    }
    (self.features, self.rows) = (features, rows)
  }

  /// The row of an image.
  ///
  /// - Throws: ``FileError`` for one that cannot be read, or has changed.
  func row(of image: SampleImage) throws -> Int {
    if let row = rows[image.contentDigest] { return row }
    _ = try image.decoded(options: options)
    throw FileError(.unsupported, image.name, "it was changed after its features had been computed")
  }
}

/// The rows of a source's samples, for which each image is read once.
final class FeatureRows: Sendable {
  let features: LockedFeatures
  private let source: any ImageTextSource
  /// By sample; those of later passes of a mixture are not remembered, as there is no end of them.
  private let rows = Mutex<[Int: Int]>([:])

  init(_ features: LockedFeatures, of source: any ImageTextSource) {
    (self.features, self.source) = (features, source)
  }

  /// The row of a sample's image.
  ///
  /// - Throws: ``FileError`` for one that cannot be read.
  func row(of sample: Int) throws -> Int {
    if let row = rows.withLock({ $0[sample] }) { return row }
    let row = try features.row(of: source.image(at: sample))
    if sample < source.count { rows.withLock { $0[sample] = row } }
    return row
  }
}

extension SampleImage {
  fileprivate var name: String {
    if case .encoded(_, let name) = self { name } else { "an image" }
  }
}

/// Stands for a locked tower whose features are the embeddings.
final class LockedEmbeddings: ImageTower {
  func callAsFunction(_ features: Variable) -> Variable { features }
}
