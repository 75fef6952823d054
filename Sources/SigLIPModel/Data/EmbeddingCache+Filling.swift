import Foundation
import NN
import Training

extension EmbeddingCache {
  /// All that decides what a tower makes of an image, beside the image: weights, how they are rounded, sizes, what is done to images before,
  /// and how the process rounds (``Compute/rounding``).
  ///
  /// - Parameters:
  ///   - tower: Without a projection behind it that is trained.
  ///   - configuration: The tower's sizes, of which its weights do not say all.
  ///   - preprocessing: What happens to images before the tower sees them.
  ///   - options: How image files are read.
  public static func key(
    of tower: some Module, _ configuration: VisionConfiguration, preprocessing: ImagePreprocessing,
    options: ImageReadingOptions = ImageReadingOptions()
  ) -> ContentDigest {
    ContentDigest { digest in
      digest.update("\(configuration)\n\(preprocessing)\n".utf8)
      digest.update("\(options.transparency) \(options.appliesOrientation) \(Compute.rounding)\n".utf8)
      let parameters = tower.namedParameters().map { ($0.path, $0.parameter.value) }
      for (path, value) in parameters + tower.namedBuffers().map({ ($0.path, $0.buffer.value) }) {
        digest.update("\(path) \(value.shape)\(value.isPackedInBytes ? " int8" : "")\n".utf8)
        value.withUnsafeScalars { digest.update(UnsafeRawBufferPointer($0)) }
      }
    }
  }

  /// Computes the features of a source's images that are not there yet or damaged, each image once. Each batch is written
  /// when it is computed: a program that is stopped or killed goes on behind the last of them.
  ///
  /// - Parameters:
  ///   - reader: Reads the samples, and counts those that are damaged.
  ///   - preprocessing: What happens to images before the tower sees them.
  ///   - options: How image files are read.
  ///   - batchSize: Images that are computed, and kept in memory, at a time.
  ///   - compute: The features of images, `[images, width]`.
  /// - Returns: Which image each sample of the source has; nil for those that are damaged.
  /// - Throws: ``Interrupted``; ``TooManyDamagedSamples``; ``FileError`` when features cannot be written; what `compute`
  ///   throws.
  public func fill(
    _ reader: TolerantReader, preprocessing: ImagePreprocessing,
    options: ImageReadingOptions = ImageReadingOptions(), batchSize: Int = 16,
    compute: (ImageBatch) throws -> Tensor
  ) throws -> [ContentDigest?] {
    if batchSize < 1 { programmerError("EmbeddingCache: a batch of \(batchSize) images") }
    try lookForRecordsOfOthers()
    let source = reader.source
    let progress = Progress("embedding images", total: source.count, unit: "images")
    var digests: [ContentDigest?] = []
    var waiting: [(digest: ContentDigest, image: RGBImage)] = []
    func computeWaiting() throws {
      if waiting.isEmpty { return }
      try append(
        compute(preprocessing.batch(ofFitted: waiting.map(\.image))), of: waiting.map(\.digest))
      waiting = []
    }
    for start in stride(from: 0, to: source.count, by: batchSize) {
      try Interruption.check(
        "stopped while embedding images: \(path) holds \(count) of them, and the same command goes on")
      let samples = Array(start..<min(start + batchSize, source.count))
      let read = parallelMap(samples, grain: 1) { sample in
        Result {
          try reader.read(sample) { sample -> (ContentDigest, RGBImage?) in
            let image = try source.image(at: sample)
            let digest = image.contentDigest
            return (
              digest, try verifies(digest) ? nil : preprocessing.fit(try image.decoded(options: options))
            )
          }
        }
      }
      for sample in read {
        let found = try sample.get()
        digests.append(found?.0)
        // An image may be there twice among those that were read together.
        guard let (digest, image) = found, let image, !contains(digest),
          !waiting.contains(where: { $0.digest == digest })
        else { continue }
        waiting.append((digest, image))
        if waiting.count == batchSize { try computeWaiting() }
      }
      progress.advance(by: samples.count)
    }
    try computeWaiting()
    return digests
  }
}
