import Foundation
import NN

extension SigLIPTraining {
  /// What a locked tower sees in all images, where that is computed once.
  func lockedFeatures() throws -> LockedFeatures? {
    guard configuration.cachesFeatures else { return nil }
    let tower = parts.model.image.unprojected
    parts.model.evaluate()
    let vision = parts.configuration.vision
    let cache = try EmbeddingCache(
      folder: configuration.loader.featureCache ?? configuration.outputFolder("features"),
      tower: EmbeddingCache.key(of: tower, vision, preprocessing: parts.preprocessing, options: options),
      width: vision.width)
    return try LockedFeatures(
      cache, training: data.images, others: [evaluationData, heldOutData].flatMap { $0?.images ?? [] },
      noise: configuration.noise.map { _ in NoisePictures(side: vision.imageSize) },
      preprocessing: parts.preprocessing, options: options
    ) { images in
      withoutGradients { images.embedded(by: tower).value }
    }
  }

  /// What makes batches of the samples that a reader reads.
  func batchMaker(_ reader: TolerantReader, _ features: LockedFeatures?) -> PairBatchMaker {
    var maker = PairBatchMaker(
      reader: reader, augmentations: configuration.augmentations, preprocessing: parts.preprocessing,
      encoder: parts.encoder, options: options,
      joinsEqualCaptions: configuration.loss.positives == .same)
    maker.features = features.map { FeatureRows($0, of: reader.source) }
    maker.noise = configuration.noise.map { PairNoise($0, seed: configuration.seed) }
    maker.shards = shards
    return maker
  }

  /// The model that steps are made of: the whole one, or what stands behind its locked tower.
  ///
  /// - Throws: ``TooManyDamagedSamples``, ``Interrupted``; ``FileError`` when no image can be read.
  func trainedModel(_ features: LockedFeatures?) throws -> SigLIP {
    guard let features else {
      if let normalization = parts.newNormalization { try learn(normalization) }
      return parts.model
    }
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

  /// Gives a normalisation the mean and the deviation of what the tower sees in a few hundred images before it learns.
  private func learn(_ normalization: FeatureNormalization) throws {
    let source = data.images[0]
    let reader = TolerantReader(source, maximumShare: 1)
    let tower = parts.model.image.unprojected
    parts.model.evaluate()
    let samples = stride(from: 0, to: source.count, by: max(source.count / 512, 1)).map { $0 }
    var features: [Tensor] = []
    for start in stride(from: 0, to: samples.count, by: 16) {
      try Interruption.check("stopped: nothing was trained")
      let images = try samples[start..<min(start + 16, samples.count)].compactMap { sample in
        try reader.read(sample) {
          parts.preprocessing.fit(try source.image(at: $0).decoded(options: options))
        }
      }
      if images.isEmpty { continue }
      features.append(
        withoutGradients { parts.preprocessing.batch(ofFitted: images).embedded(by: tower).value })
    }
    if features.isEmpty { throw FileError(.missing, source.key(at: 0), "image that can be read") }
    let known = FeatureNormalization(of: .concatenate(features))
    normalization.mean.value = known.mean.value
    // A feature that is hardly there yet may grow: it is not made larger than others that are alike.
    let deviation = known.deviation.value
    normalization.deviation.value = deviation.maximum(deviation.mean() * 0.1)
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

extension TrainingConfiguration {
  /// The path of a folder beside that of the run, which other runs share.
  fileprivate func outputFolder(_ name: String) -> String {
    URL(filePath: output).deletingLastPathComponent().appending(path: name).path
  }
}
