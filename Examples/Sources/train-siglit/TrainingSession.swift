import CommandSupport
import Foundation
import SigLIPModel

/// The model, its optimizer, and the captions they learn from.
final class TrainingSession {
  private let identity: RunIdentity
  private var recipe: Recipe { identity.recipe }
  private let features: Tensor
  private let captions: [EmojiData.Caption]
  private let tokens: [[Int32]]
  private let imagesInUse: [Int]
  private let allFeatures: Variable
  private let model: SigLIP
  private let optimizer: any Optimizer
  /// Steps made.
  private(set) var step = 0

  init(
    identity: RunIdentity, text: TextConfiguration, features: Tensor, captions: [EmojiData.Caption],
    tokens: [[Int32]]
  ) throws {
    self.identity = identity
    let recipe = identity.recipe
    self.features = features
    self.captions = captions
    self.tokens = tokens
    imagesInUse = Array(Set(captions.map(\.image))).sorted()
    allFeatures = Variable(features.take(IndexTensor(imagesInUse), axis: 0))
    var random = Random(seed: recipe.seed)
    let candidates = recipe.comparesAllImages ? imagesInUse.count : recipe.batchSize
    if candidates < 2 { throw CommandError("training needs at least two images with names to tell apart") }
    let width = features.shape[1]
    model = SigLIP(
      image: Linear(weight: random.lecunNormal([text.outputWidth ?? text.width, width]), bias: nil),
      text: TextTransformer(text, random: &random), logitScale: recipe.logitScale,
      logitBias: recipe.logitBias ?? -log(Float(candidates - 1)))
    let schedule = Schedule(
      .cosine(), totalSteps: recipe.steps, warmUpSteps: min(recipe.warmUpSteps, recipe.steps / 2))
    let groups = [
      .decayOnlyKernels,
      ParameterGroup(/logit.*/, learningRateMultiplier: recipe.logitLearningRateMultiplier),
      ParameterGroup(
        /image.*|text\.tokenEmbedding.*/, learningRateMultiplier: recipe.embeddingLearningRateMultiplier),
    ]
    switch recipe.optimizer {
    case .adamw:
      optimizer = AdamW(
        model, learningRate: recipe.learningRate, beta2: 0.95, weightDecay: recipe.weightDecay,
        schedule: schedule,
        groups: groups)
    case .adafactor:
      // The same decay as AdamW's: big_vision's is not multiplied by the learning rate.
      optimizer = AdaFactor(
        model, learningRate: recipe.learningRate, beta2Cap: 0.95,
        weightDecay: recipe.weightDecay * recipe.learningRate, schedule: schedule, groups: groups)
    }
  }

  /// Trains until `lastStep` steps are made; writes a checkpoint there, every hundred steps, and when it is interrupted.
  ///
  /// - Throws: `Interrupted`; ``CommandError`` when the loss or a gradient is no longer a number, before that gets into a
  ///   checkpoint.
  func train(until lastStep: Int, metrics: MetricsLog, checkpoint: String) throws {
    let progress = Progress("training", total: lastStep - step, unit: "steps")
    model.train()
    while step < lastStep {
      if Interruption.isRequested {
        if step > 0 { try save(to: checkpoint) }
        throw Interrupted(
          step == 0
            ? "stopped before the first step: the same command begins anew"
            : "stopped: \(checkpoint) holds step \(step) of \(lastStep); the same command with --resume goes on"
        )
      }
      let loss = try trainOneStep(batch(at: step))
      step += 1
      let entry = MetricsLog.Entry(
        step: step, loss: loss, temperature: exp(model.logitScale.value.item()),
        bias: model.logitBias.value.item())
      if ![entry.loss, entry.temperature, entry.bias].allSatisfy(\.isFinite) {
        throw CommandError(
          "step \(step): training has diverged, with loss \(entry.loss), temperature \(entry.temperature) and bias "
            + "\(entry.bias); a smaller --learning-rate may help")
      }
      try metrics.append(entry)
      progress.advance(String(format: "loss %.3f", loss))
      if step % 100 == 0 || step == lastStep { try save(to: checkpoint) }
    }
    model.evaluate()
  }

  private func trainOneStep(_ batch: [Int]) throws -> Float {
    let rows = IndexTensor(batch.flatMap { tokens[$0] }, shape: [batch.count, recipe.text.contextLength])
    let named = batch.map { captions[$0].image }
    let known = recipe.comparesAllImages ? imagesInUse : named
    let texts = model.embed(texts: rows)
    let images = model.embed(images: recipe.comparesAllImages ? allFeatures : Variable(features(of: named)))
    let positives = PairLabels.classes(images: IndexTensor(known), texts: IndexTensor(named))
    let scale = model.logitScale.variable
    let loss =
      switch recipe.loss {
      case .sigmoid:
        // Divided by the number of captions, not by that of the images they are compared with.
        sigmoidPairwiseLoss(
          images: images, texts: texts, logScale: scale, bias: model.logitBias.variable, positives: positives)
          * (Float(known.count) / Float(named.count))
      case .softmax:
        softmaxPairwiseLoss(images: images, texts: texts, logScale: scale, positives: positives)
      }
    var gradients = loss.backward()
    guard optimizer.clipGlobalNorm(&gradients, to: recipe.gradientNorm).isFinite else {
      // The sign of NaN, which is printed, says nothing.
      let value = loss.item().isNaN ? .nan : loss.item()
      throw CommandError(
        "step \(step + 1): training has diverged, with loss \(value) and a gradient that is not finite; a smaller "
          + "--learning-rate may help")
    }
    optimizer.step(gradients)
    return loss.item()
  }

  private func features(of images: [Int]) -> Tensor { features.take(IndexTensor(images), axis: 0) }

  /// The captions of a step: epochs of all captions in an order that depends on seed and epoch alone.
  private func batch(at step: Int) -> [Int] {
    let batches = captions.count / recipe.batchSize
    var random = Random(seed: recipe.seed &+ 0x9E37_79B9 &* UInt64(1 + step / batches))
    let order = random.permutation(captions.count)
    let start = step % batches * recipe.batchSize
    return Array(order[start..<(start + recipe.batchSize)])
  }

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

  private func save(to path: String) throws {
    let parameters = model.stateDictionary()
    if let damaged = parameters.filter({ !$0.value.isFinite }).keys.min() {
      throw CommandError(
        "step \(step): training has diverged, \(damaged) is not finite; a smaller --learning-rate may help")
    }
    let record = String(decoding: try JSONEncoder.readable.encode(identity), as: UTF8.self)
    var writer = SafetensorsWriter(
      metadata: ["step": "\(step)", "format": "pairwise-siglit", "trained with": record])
    for (name, tensor) in parameters { writer.add(tensor, named: "model." + name) }
    optimizer.stateDictionary().add(to: &writer, prefix: "optimizer.")
    try writer.write(to: path)
  }

  /// A checkpoint from which a run can go on.
  ///
  /// - Throws: ``CommandError`` when it is of another run, naming each difference; ``FileError``.
  static func checkpoint(_ path: String, of identity: RunIdentity) throws -> (
    file: SafetensorsFile, step: Int
  ) {
    let file = try SafetensorsFile(path)
    guard file.metadata["format"] == "pairwise-siglit", let step = file.metadata["step"].flatMap({ Int($0) })
    else {
      throw CommandError("\(path): is not a checkpoint of train-siglit")
    }
    try identity.check(isThatOf: path, recording: file.metadata["trained with"])
    guard (1...identity.recipe.steps).contains(step) else {
      throw CommandError("\(path): is at step \(step), expected 1 to \(identity.recipe.steps)")
    }
    return (file, step)
  }

  /// Continues from a checkpoint of the same run.
  func restore(from path: String) throws {
    let (file, step) = try TrainingSession.checkpoint(path, of: identity)
    let prefix = "model."
    let state = try file.names.filter { $0.hasPrefix(prefix) }.map {
      (String($0.dropFirst(prefix.count)), try file.tensor(named: $0))
    }
    do {
      try model.load(Dictionary(uniqueKeysWithValues: state))
      try optimizer.load(OptimizerStateDictionary(file, prefix: "optimizer."))
    } catch let error as StateError {
      throw CommandError("\(path): \(error)")
    }
    self.step = step
  }
}
