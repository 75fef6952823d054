import Foundation
import NN
import Optim
import Training

/// One run of a training in its folder.
final class TrainingSession {
  private let training: SigLIPTraining
  private var configuration: TrainingConfiguration { training.configuration }
  private let run: RunFolder
  private let reader: TolerantReader
  private let evaluationReader: TolerantReader?
  private let heldOutReader: TolerantReader?
  private let features: LockedFeatures?
  /// The model that steps are made of: the whole one, or what stands behind its locked tower.
  private let model: SigLIP
  private let trainer: Trainer
  private let average: WeightAverage?
  private let loader: DataLoader<PairBatch>
  /// Samples of the last batch that were damaged.
  private var leftOut = 0

  init(_ training: SigLIPTraining, run: RunFolder, showsProgress: Bool) throws {
    let (configuration, parts) = (training.configuration, training.parts)
    (self.training, self.run) = (training, run)
    let share = configuration.loader.maximumDamagedShare
    func tolerant(_ data: OpenedData) -> TolerantReader { TolerantReader(data.source, maximumShare: share) }
    reader = tolerant(training.data)
    evaluationReader = training.evaluationData.map(tolerant)
    heldOutReader = training.heldOutData.map(tolerant)
    // One process computes what is not in the cache.
    let communicator = training.communicator
    features = try communicator.leaderFirst { try training.lockedFeatures() }
    model = try training.trainedModel(features)
    // Reading the model and computing features needed memory of other sizes than steps do.
    MemoryPool.shared.releaseUnused()
    let optimizer = configuration.optimizer.optimizer(
      of: model, schedule: configuration.schedule.schedule(of: configuration.steps),
      groups: try configuration.parameterGroups(of: model, parts.configuration))
    average = configuration.average.map { [model] in
      WeightAverage(of: model, decay: $0.decay, start: $0.start)
    }
    trainer = Trainer(
      model, [optimizer], average: average, run: run,
      settings: .init(
        gradientNorm: configuration.optimizer.gradientNorm == 0 ? nil : configuration.optimizer.gradientNorm,
        logEvery: configuration.metrics.every,
        saveEvery: configuration.checkpoints.every),
      communicator: communicator)
    let maker = training.batchMaker(reader, features)
    loader = DataLoader(
      training.order, workers: configuration.loader.workers, ahead: configuration.loader.ahead
    ) { try maker($0) }
    prepareTrainer(showsProgress)
    if configuration.metrics.tensorBoard && communicator.isLeader {
      trainer.writers.append(
        try TensorBoardWriter(folder: URL(filePath: run.path("tensorboard"))))
    }
  }

  private func prepareTrainer(_ showsProgress: Bool) {
    trainer.showsProgress = showsProgress
    trainer.shardsOptimizerState = configuration.distributed.shardsOptimizerState
    if let every = configuration.metrics.normsEvery { trainer.measureNorms(every: every) }
    let (model, loss) = (model, configuration.loss.loss(Random(seed: 0)))
    trainer.metrics["temperature"] = { Double(exp(model.logitScale.value.item())) }
    if let bias = model.logitBias { trainer.metrics["bias"] = { Double(bias.value.item()) } }
    // Of the step's batch: how many were found in all depends on how far ahead the workers are.
    trainer.metrics["damaged samples"] = { [unowned self] in Double(leftOut) }
    trainer.afterUpdate = { loss.limitTemperature(of: model) }
    if let every = configuration.evaluation.every, evaluationReader != nil {
      trainer.validate(every: every) { [unowned self] in
        try embed(evaluationReader)?.evaluation().metrics ?? [:]
      }
    }
  }

  /// Makes the steps that are left.
  func train() throws {
    do {
      if let shards = training.shards {
        let step = ShardedStep(
          model, width: training.modelConfiguration.embeddingWidth, configuration, features, shards,
          training.communicator)
        try trainer.train(
          loader, until: configuration.steps,
          gradients: { batch in
            defer { leftOut = training.order.batchSize - step.pairCount }
            return try step(batch)
          })
      } else {
        let loss = StepLoss(model: model, configuration: configuration, features: features)
        try trainer.train(loader, until: configuration.steps) { batch in
          leftOut = training.order.batchSize - batch.count
          return loss(batch)
        }
      }
    } catch let error as Interrupted where trainer.step > 0 {
      throw Interrupted("\(error); the same command with --resume goes on")
    }
    model.evaluate()
  }

  // MARK: Evaluation

  /// Embeddings of data beside those that are trained on, by the averaged weights if there are any.
  private func embed(_ reader: TolerantReader?) throws -> EmbeddedSamples? {
    guard let reader else { return nil }
    func embed() throws -> EmbeddedSamples {
      try EmbeddedSamples(
        reader, model: model, parts: training.parts, features: features, options: training.options,
        batchSize: configuration.evaluation.batchSize,
        maximumSamples: configuration.evaluation.maximumSamples)
    }
    return try withoutGradients { try average?.withAveragedWeights(embed) ?? embed() }
  }

  /// Evaluates, and writes the model and the report, to which something may be added.
  func finish(_ addToReport: (inout TrainingReport) throws -> Void) throws -> RetrievalEvaluation? {
    var report = try TrainingReport(
      title: URL(filePath: configuration.output).lastPathComponent, of: run, order: training.order)
    var evaluation: RetrievalEvaluation?
    if let samples = try embed(evaluationReader), let evaluationReader {
      let results = try samples.evaluation()
      try write(results, to: "evaluation.json")
      let page = RetrievalPage(evaluation: results, samples: samples, source: evaluationReader.source)
      (report.introduction, report.style) = (page.table, RetrievalPage.style)
      let count = configuration.evaluation.pictures
      if count > 0 { report.sections = [page.pictures(count, options: training.options)] }
      evaluation = results
    }
    if let results = try embed(heldOutReader)?.evaluation() {
      try write(results, to: "held-out.json")
      report.introduction += RetrievalPage.table(of: results, title: "Retrieval of the held-out data")
      report.style = RetrievalPage.style
    }
    try writeModel()
    try addToReport(&report)
    try report.write(to: run.path("report.html"))
    return evaluation
  }

  private func write(_ results: RetrievalEvaluation, to name: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try (encoder.encode(results) + Data("\n".utf8)).writeWhole(to: run.path(name))
  }

  private func writeModel() throws {
    func write() throws { try training.write(model, to: run.path("model")) }
    try average?.withAveragedWeights(write) ?? write()
  }

  /// Writes the list of samples that were left out, where any were.
  func writeDamaged() throws {
    let all = try training.communicator.allGather(JSONEncoder().encode(reader.damaged)).map {
      try JSONDecoder().decode([DamagedSample].self, from: $0)
    }
    if !training.communicator.isLeader { return }
    // Each once, though several ranks may have met it.
    var found: [String: DamagedSample] = [:]
    for sample in all.joined() where sample.index < found[sample.key]?.index ?? .max {
      found[sample.key] = sample
    }
    let damaged = found.values.sorted { $0.index < $1.index }
    if !damaged.isEmpty { try damaged.write(to: run.path("damaged.tsv")) }
  }
}
