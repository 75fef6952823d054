import Foundation
import NN
import Training

/// What a locked image tower sees in the images of some sources, each computed once.
struct LockedFeatures: Sendable {
  /// `[images, width]`, an image a row; those that are trained on first.
  let features: Tensor
  /// How many are trained on.
  let trainingCount: Int
  private let rows: [String: Int]
  private let options: ImageReadingOptions

  /// Computes the features of all images, those apart that cannot be read.
  ///
  /// - Parameters:
  ///   - training: Images that are trained on.
  ///   - others: Images that are looked at beside.
  ///   - features: Of images that went through the preprocessing.
  /// - Throws: ``Interrupted``; ``FileError`` when no image can be read.
  init(
    training: [any ImageTextSource], others: [any ImageTextSource], preprocessing: ImagePreprocessing,
    options: ImageReadingOptions, batchSize: Int = 16, features: (ImageBatch) -> Tensor
  ) throws {
    self.options = options
    let sources = training + others
    let progress = Progress(
      "embedding images", total: sources.reduce(0) { $0 + $1.count }, unit: "images")
    var rows: [String: Int] = [:]
    var parts: [Tensor] = []
    var pending: [RGBImage] = []
    func flush() {
      if !pending.isEmpty { parts.append(features(preprocessing.batch(ofFitted: pending))) }
      pending = []
    }
    var trainingCount = 0
    for (number, source) in sources.enumerated() {
      if number == training.count { trainingCount = rows.count }
      for start in stride(from: 0, to: source.count, by: batchSize) {
        try Interruption.check("stopped while embedding images: the same command goes on")
        let range = start..<min(start + batchSize, source.count)
        let read = parallelMap(Array(range), grain: 1) { index in
          try? LockedFeatures.read(source, index, preprocessing, options)
        }
        for case .some((let digest, let image)) in read where rows[digest] == nil {
          rows[digest] = rows.count
          pending.append(image)
          if pending.count == batchSize { flush() }
        }
        progress.advance(by: range.count)
      }
    }
    flush()
    if parts.isEmpty { throw FileError(.missing, sources[0].key(at: 0), "image that can be read") }
    self.trainingCount = others.isEmpty ? rows.count : trainingCount
    self.rows = rows
    self.features = .concatenate(parts)
  }

  private static func read(
    _ source: any ImageTextSource, _ index: Int, _ preprocessing: ImagePreprocessing,
    _ options: ImageReadingOptions
  ) throws -> (digest: String, image: RGBImage) {
    let image = try source.image(at: index)
    return (image.digest, preprocessing.fit(try image.decoded(options: options)))
  }

  /// The row of an image.
  ///
  /// - Throws: ``FileError`` for one that cannot be read, or has changed.
  func row(of image: SampleImage) throws -> Int {
    if let row = rows[image.digest] { return row }
    _ = try image.decoded(options: options)
    throw FileError(.unsupported, image.name, "it was changed after its features had been computed")
  }
}

extension SampleImage {
  /// SHA-256 of the file, or of size and pixels.
  var digest: String {
    var digest = SHA256()
    switch self {
    case .encoded(let bytes, _): digest.update(bytes)
    case .pixels(let image):
      digest.update("\(image.width) x \(image.height)\n".utf8)
      digest.update(image.pixels)
    }
    return digest.finish()
  }

  fileprivate var name: String {
    if case .encoded(_, let name) = self { name } else { "an image" }
  }
}

/// Stands for a locked tower whose features are the embeddings.
final class LockedEmbeddings: ImageTower {
  func callAsFunction(_ features: Variable) -> Variable { features }
}
