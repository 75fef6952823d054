import NN

/// The loss of a step's batch.
struct StepLoss {
  /// The whole model, or what stands behind its locked tower.
  let model: SigLIP
  let configuration: TrainingConfiguration
  let features: LockedFeatures?

  func callAsFunction(_ batch: PairBatch) -> Variable {
    switch batch.images {
    case .features(let rows): loss(batch, rows, features!)
    case .images(let images): loss(batch, images)
    case .none: programmerError("a step of a batch without images")
    }
  }

  private func loss(_ batch: PairBatch, _ images: ImageBatch) -> Variable {
    let classes = batch.classes
    let positives =
      classes == Array(classes.indices)
      ? PairLabels.diagonal : .classes(images: IndexTensor(classes), texts: IndexTensor(classes))
    return loss(batch, images: batch.count, positives) { range in
      switch images {
      case .pixels(let pixels): model.embed(images: Variable(pixels[range]))
      case .patches(let patches): model.embed(patches: patches[range])
      }
    }
  }

  /// The loss beside features that a locked tower has computed.
  private func loss(_ batch: PairBatch, _ rows: [Int], _ features: LockedFeatures) -> Variable {
    let comparesAll = configuration.loss.candidates == .all
    let candidates = comparesAll ? Array(0..<features.trainingCount) : rows
    // Where all images are candidates, those outside the batch belong to no caption of it.
    let classOfRow = Dictionary(zip(rows, batch.classes)) { first, _ in first }
    let imageClasses = comparesAll ? candidates.map { classOfRow[$0] ?? batch.count + $0 } : batch.classes
    return loss(
      batch, images: candidates.count,
      .classes(images: IndexTensor(imageClasses), texts: IndexTensor(batch.classes))
    ) { range in
      let rows = IndexTensor(Array(candidates[range]))
      return model.embed(images: Variable(features.features.take(rows, axis: 0)))
    }
  }

  /// The loss in one piece, or exactly that with towers that see a part at a time.
  private func loss(
    _ batch: PairBatch, images: Int, _ positives: PairLabels, embedImages: @escaping (Range<Int>) -> Variable
  ) -> Variable {
    let loss = configuration.loss.loss(batch.random)
    let logitPrecision = configuration.loss.logitPrecision ?? .float32
    guard let size = configuration.microbatchSize else {
      // Texts first: see `SigLIP.loss`.
      let texts = model.embed(texts: batch.tokens)
      return loss(
        model, images: embedImages(0..<images), texts: texts, positives: positives,
        logitPrecision: logitPrecision)
    }
    return model.loss(
      images: images, texts: batch.count, atATime: (size, size), positives: positives, loss: loss,
      logitPrecision: logitPrecision, embedImages: embedImages,
      embedTexts: { model.embed(texts: batch.tokens[$0]) })
  }
}
