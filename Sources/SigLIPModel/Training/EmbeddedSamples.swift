import Foundation
import NN
import Training

/// Embeddings of a source's images and captions.
struct EmbeddedSamples {
  /// `[images, width]`.
  let images: Tensor
  /// `[captions, width]`.
  let texts: Tensor
  /// What each text is, and the row of its image.
  let captions: [(caption: Caption, image: Int)]
  /// The sample of each image in the source.
  let samples: [Int]

  /// Embeds the samples of a source, those apart that are damaged.
  ///
  /// - Throws: ``TooManyDamagedSamples``, ``Interrupted``; ``FileError`` when there is nothing.
  init(
    _ reader: TolerantReader, model: SigLIP, parts: ModelForTraining, features: LockedFeatures?,
    options: ImageReadingOptions, batchSize: Int, maximumSamples: Int?
  ) throws {
    let source = reader.source
    var images: [Tensor] = []
    var captions: [(caption: Caption, image: Int)] = []
    var samples: [Int] = []
    let count = min(source.count, maximumSamples ?? .max)
    for start in stride(from: 0, to: count, by: batchSize) {
      let read = try parallelMap(Array(start..<min(start + batchSize, count)), grain: 1) { index in
        Result { try reader.read(index) { try Sample(source, $0, parts, features, options) } }
      }.compactMap { try $0.get() }
      if read.isEmpty { continue }
      for sample in read {
        captions += sample.captions.map { ($0, samples.count) }
        samples.append(sample.index)
      }
      let embedding =
        if let features {
          model.embed(
            images: Variable(features.features.take(IndexTensor(read.compactMap(\.row)), axis: 0)))
        } else {
          parts.preprocessing.batch(ofFitted: read.compactMap(\.image)).embedded(by: model.image).normalized()
        }
      images.append(embedding.value)
    }
    if images.isEmpty { throw FileError(.missing, "evaluation.data", "sample that can be read") }
    self.images = .concatenate(images)
    texts = .concatenate(
      stride(from: 0, to: captions.count, by: batchSize).map { start in
        let part = captions[start..<min(start + batchSize, captions.count)]
        return model.embed(texts: parts.encoder(part.map(\.caption.text))).value
      })
    (self.captions, self.samples) = (captions, samples)
  }

  private struct Sample {
    let index: Int
    let captions: [Caption]
    let image: RGBImage?
    let row: Int?

    init(
      _ source: any ImageTextSource, _ index: Int, _ parts: ModelForTraining, _ features: LockedFeatures?,
      _ options: ImageReadingOptions
    ) throws {
      (self.index, captions) = (index, try source.captions(at: index))
      let image = try source.image(at: index)
      row = try features?.row(of: image)
      self.image =
        features == nil ? parts.preprocessing.fit(try image.decoded(options: options)) : nil
    }
  }

  /// How well they find each other.
  ///
  /// - Throws: ``EvaluationError``.
  func evaluation() throws -> RetrievalEvaluation {
    try RetrievalEvaluation(images: images, texts: texts, captions: captions)
  }
}
