import Foundation
import NN

extension SigLIPTraining {
  /// What a locked tower sees in all images, where that is computed once.
  func lockedFeatures() throws -> LockedFeatures? {
    guard configuration.cachesFeatures else { return nil }
    let tower = (parts.model.image as? ProjectedTower)?.tower ?? parts.model.image
    parts.model.evaluate()
    return try LockedFeatures(
      training: data.images, others: evaluationData?.images ?? [], preprocessing: parts.preprocessing,
      options: options
    ) { images in
      withoutGradients {
        switch images {
        case .pixels(let pixels): tower(Variable(pixels)).value
        case .patches(let patches): tower(patches).value
        }
      }
    }
  }

  /// What makes batches of the samples that a reader reads.
  func batchMaker(_ reader: TolerantReader, _ features: LockedFeatures?) -> PairBatchMaker {
    PairBatchMaker(
      reader: reader, augmentations: configuration.augmentations, preprocessing: parts.preprocessing,
      encoder: parts.encoder, options: options,
      joinsEqualCaptions: configuration.loss.positives == .same, features: features)
  }

  /// The model that steps are made of: the whole one, or what stands behind its locked tower.
  func trainedModel(_ features: LockedFeatures?) -> SigLIP {
    guard let features else { return parts.model }
    guard let tower = parts.model.image as? ProjectedTower else {
      return parts.model.replacingImageTower(LockedEmbeddings())
    }
    if let normalization = tower.normalization {
      let known = FeatureNormalization(
        of: features.features.slice(0..<features.trainingCount, axis: 0))
      (normalization.mean.value, normalization.deviation.value) = (known.mean.value, known.deviation.value)
    }
    return parts.model.replacingImageTower(tower.features)
  }

  /// Writes a model that was trained, with its locked tower, to a folder that every command reads; one that is there is
  /// replaced.
  func write(_ model: SigLIP, to path: String) throws {
    let whole =
      parts.model.image is ProjectedTower || configuration.cachesFeatures
      ? model.replacingImageTower(parts.model.image) : model
    let checkpoint = SigLIPCheckpoint(
      model: whole, configuration: parts.configuration, format: .pairwise, preprocessing: parts.preprocessing,
      tokenizer: parts.tokenizerPath)
    let temporary = "\(path).\(UUID().uuidString).tmp"
    try checkpoint.write(to: temporary, format: .pairwise)
    try? FileManager.default.removeItem(atPath: path)
    guard rename(temporary, path) == 0 else {
      try? FileManager.default.removeItem(atPath: temporary)
      throw FileError(.unwritable, path, systemReason())
    }
  }
}

extension RetrievalEvaluation {
  /// Embeds the samples of a source, those apart that are damaged, and ranks them.
  ///
  /// - Throws: ``TooManyDamagedSamples``, ``Interrupted``, ``RetrievalError``; ``FileError`` when there is nothing.
  init(
    model: SigLIP, _ reader: TolerantReader, parts: ModelForTraining, features: LockedFeatures?,
    options: ImageReadingOptions, batchSize: Int, maximumSamples: Int?
  ) throws {
    let source = reader.source
    var images: [Tensor] = []
    var captions: [(caption: Caption, image: Int)] = []
    let count = min(source.count, maximumSamples ?? .max)
    var imageCount = 0
    for start in stride(from: 0, to: count, by: batchSize) {
      let range = Array(start..<min(start + batchSize, count))
      let read = try parallelMap(range, grain: 1) { index in
        Result {
          try reader.read(index) { index in
            let captions = try source.captions(at: index)
            let image = try source.image(at: index)
            if let features {
              return (captions, RGBImage?.none, try features.row(of: image))
            }
            return (captions, parts.preprocessing.fit(try image.decoded(options: options)), -1)
          }
        }
      }.compactMap { try $0.get() }
      if read.isEmpty { continue }
      for (place, sample) in read.enumerated() {
        captions += sample.0.map { ($0, imageCount + place) }
      }
      imageCount += read.count
      let embedding =
        if let features {
          model.embed(
            images: Variable(features.features.take(IndexTensor(read.map(\.2)), axis: 0)))
        } else {
          switch parts.preprocessing.batch(ofFitted: read.compactMap(\.1)) {
          case .pixels(let pixels): model.embed(images: Variable(pixels))
          case .patches(let patches): model.embed(patches: patches)
          }
        }
      images.append(embedding.value)
    }
    if images.isEmpty { throw FileError(.missing, "evaluation.data", "sample that can be read") }
    let texts = stride(from: 0, to: captions.count, by: batchSize).map { start in
      let part = captions[start..<min(start + batchSize, captions.count)]
      return model.embed(texts: parts.encoder(part.map(\.caption.text))).value
    }
    try self.init(
      images: .concatenate(images), texts: .concatenate(texts), captions: captions)
  }

  /// A table for a report.
  var html: String {
    func row(_ name: String, _ recall: Recall) -> String {
      "<tr><td>\(name)</td>"
        + [recall.r1, recall.r5, recall.r10].map { "<td>\(String(format: "%.3f", $0))</td>" }.joined()
        + "</tr>"
    }
    func rows(_ name: String, _ retrieval: Retrieval) -> String {
      "<tr><th>\(escapedForHTML(name)), \(retrieval.candidates) candidates</th><th>R@1</th><th>R@5</th><th>R@10</th></tr>"
        + row("image to text", retrieval.imageToText) + row("text to image", retrieval.textToImage)
        + row("chance", .chance(candidates: retrieval.candidates))
    }
    let parts = languages.sorted { $0.key < $1.key }.map { rows($0.key, $0.value) }
    let all = rows(languages.count > 1 ? "mean of \(languages.count) languages" : "retrieval", retrieval)
    let details =
      parts.count > 1
      ? "<details><summary>By language</summary><table>\(parts.joined())</table></details>" : ""
    return
      "<h2>Retrieval of the evaluation's data</h2><div class=\"table\"><table>\(all)</table>\(details)</div>"
  }
}
