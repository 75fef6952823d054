import CommandSupport
import Foundation
import SigLIPModel

/// The model, and how it learns from captions.
final class TrainingSession {
  private let recipe: Recipe
  private let features: Tensor
  private let captions: [EmojiData.Caption]
  private let tokens: [[Int32]]
  private let imagesInUse: [Int]
  private let allFeatures: Variable
  private let model: SigLIP
  private let trainer: Trainer

  /// Captions of a step: their tokens, and the images that they name.
  private struct Batch {
    let rows: IndexTensor
    let images: [Int]
  }

  /// - Parameter run: Where the run is kept; nowhere if not given.
  init(
    recipe: Recipe, text: TextConfiguration, features: Tensor, captions: [EmojiData.Caption],
    tokens: [[Int32]], run: RunFolder? = nil
  ) throws {
    (self.recipe, self.features, self.captions, self.tokens) = (recipe, features, captions, tokens)
    imagesInUse = Array(Set(captions.map(\.image))).sorted()
    allFeatures = Variable(features.take(IndexTensor(imagesInUse), axis: 0))
    var random = Random(seed: recipe.seed)
    let candidates = recipe.comparesAllImages ? imagesInUse.count : recipe.batchSize
    if candidates < 2 { throw CommandError("training needs at least two images with names to tell apart") }
    let width = features.shape[1]
    let model = SigLIP(
      image: Linear(weight: random.lecunNormal([text.outputWidth ?? text.width, width]), bias: nil),
      text: TextTransformer(text, random: &random), logitScale: recipe.logitScale,
      logitBias: recipe.logitBias ?? -log(Float(candidates - 1)))
    self.model = model
    trainer = Trainer(
      model, [recipe.makeOptimizer(model)], run: run, settings: .init(gradientNorm: recipe.gradientNorm))
    trainer.showsProgress = run != nil
    trainer.measureNorms(every: 10)
    trainer.metrics["temperature"] = { Double(exp(model.logitScale.value.item())) }
    if let bias = model.logitBias { trainer.metrics["bias"] = { Double(bias.value.item()) } }
  }

  /// Has the metrics written to one more place.
  func write(to writer: some MetricsWriter) { trainer.writers.append(writer) }

  /// Trains until `lastStep` steps are made, those of an earlier run counted.
  ///
  /// - Throws: `Interrupted`; ``CommandError`` when the loss or a gradient is no longer a number, before that gets into a
  ///   checkpoint; `FileError`.
  func train(_ order: BatchOrder, until lastStep: Int) throws {
    let (tokens, length) = (tokens, recipe.text.contextLength)
    let images = captions.map(\.image)
    let loader = DataLoader(order, workers: 0) { samples in
      Batch(
        rows: IndexTensor(samples.indices.flatMap { tokens[$0] }, shape: [samples.count, length]),
        images: samples.indices.map { images[$0] })
    }
    let loss = recipe.loss.pairLoss
    trainer.afterUpdate = { [model] in loss.limitTemperature(of: model) }
    do {
      try trainer.train(loader, until: lastStep) { batch in
        let known = recipe.comparesAllImages ? imagesInUse : batch.images
        return loss(
          model,
          images: model.embed(
            images: recipe.comparesAllImages ? allFeatures : Variable(features(of: batch.images))),
          texts: model.embed(texts: batch.rows),
          positives: .classes(images: IndexTensor(known), texts: IndexTensor(batch.images)))
      }
    } catch let error as NonFiniteError {
      throw CommandError("\(error.sentence); a smaller --learning-rate may help")
    } catch let error as Interrupted where trainer.step > 0 {
      throw Interrupted("\(error); the same command with --resume goes on")
    }
    model.evaluate()
  }

  private func features(of images: [Int]) -> Tensor { features.take(IndexTensor(images), axis: 0) }

  /// Embeddings of length 1.
  func embedImages(_ features: Tensor) -> Tensor {
    withoutGradients { model.embed(images: Variable(features)).value }
  }

  /// Embeddings of length 1 of rows of token ids.
  func embedTexts(_ rows: [[Int32]]) -> Tensor {
    withoutGradients {
      .concatenate(
        stride(from: 0, to: rows.count, by: 256).map { start in
          let part = rows[start..<min(start + 256, rows.count)]
          return model.embed(
            texts: IndexTensor(part.flatMap { $0 }, shape: [part.count, recipe.text.contextLength])
          ).value
        })
    }
  }
}

extension Recipe {
  /// What moves the weights of a model.
  fileprivate func makeOptimizer(_ model: SigLIP) -> any Optimizer {
    let schedule = Schedule(.cosine(), totalSteps: steps, warmUpSteps: min(warmUpSteps, steps / 2))
    let groups = [
      .decayOnlyKernels,
      ParameterGroup(/logit.*/, learningRateMultiplier: logitLearningRateMultiplier),
      ParameterGroup(
        /image.*|text\.tokenEmbedding.*/, learningRateMultiplier: embeddingLearningRateMultiplier),
    ]
    switch optimizer {
    case .adamw:
      return AdamW(
        model, learningRate: learningRate, beta2: 0.95, weightDecay: weightDecay, schedule: schedule,
        groups: groups)
    case .adafactor:
      // The same decay as AdamW's: big_vision's is not multiplied by the learning rate.
      return AdaFactor(
        model, learningRate: learningRate, beta2Cap: 0.95, weightDecay: weightDecay * learningRate,
        schedule: schedule, groups: groups)
    }
  }
}

extension LossKind {
  /// The sigmoid loss is divided by the number of captions, not by that of the images they are compared with.
  fileprivate var pairLoss: PairLoss {
    switch self {
    case .sigmoid: .sigmoid(divisor: .texts)
    case .softmax: .softmax
    }
  }
}
