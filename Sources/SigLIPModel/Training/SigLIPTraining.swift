import Foundation
import NN
import Optim
import Training

/// A training of a SigLIP model as a configuration describes it, from data to a folder with the trained model.
///
///     let training = try SigLIPTraining(configuration)
///     let evaluation = try training.run()
///
/// The folder of the run holds what ``RunFolder`` says, and:
///
///     model/            the trained model, for every `siglip` command
///     evaluation.json   retrieval of the evaluation's data
///     held-out.json     the same of its held-out data, if there are any
///     report.html       curves and results
///     damaged.tsv       samples that were left out, if any were
public final class SigLIPTraining {
  /// All that decides it; the loss is that of the model where none was asked for.
  public let configuration: TrainingConfiguration
  /// The sizes of the model.
  public var modelConfiguration: SigLIPConfiguration { parts.configuration }
  /// The order in which samples are seen.
  public let order: BatchOrder
  let parts: ModelForTraining
  let data: OpenedData
  let evaluationData: OpenedData?
  let heldOutData: OpenedData?
  let options = ImageReadingOptions()
  let precision: MatmulPrecision
  /// Who trains the same model on other processes.
  public let communicator: any Communicator
  /// How batches are cut; nil if they are not.
  let shards: Shards?

  /// Opens data and model; nothing is written.
  ///
  /// - Parameter communicator: The processes that train together, each of which does this.
  /// - Throws: ``ConfigurationError``, ``FileError``, `StateError`, and what else sources throw.
  public init(_ configuration: TrainingConfiguration, communicator: any Communicator = SingleProcess()) throws
  {
    var configuration = configuration
    if configuration.distributed.shards == nil && !(communicator is SingleProcess) {
      configuration.distributed.shards = Shards.usualCount(ranks: communicator.size)
    }
    configuration = try configuration.checked()
    self.communicator = communicator
    let count = configuration.distributed.shards ?? 1
    if count < communicator.size {
      throw ConfigurationError(
        "distributed.shards", "is \(count), but there are \(communicator.size) processes")
    }
    shards = count > 1 ? try Shards(count, communicator) : nil
    data = try configuration.data.open(seed: configuration.seed)
    evaluationData = try configuration.evaluation.data?.open(seed: configuration.seed)
    heldOutData = try configuration.evaluation.heldOut?.open(seed: configuration.seed)
    do {
      order = try data.order(batchSize: configuration.batchSize, seed: configuration.seed)
    } catch let error as BatchOrder.SizeError {
      throw ConfigurationError("data", error.sentence)
    }
    if configuration.loss.candidates == .all && !configuration.cachesFeatures {
      throw ConfigurationError(
        "loss.candidates", "all images are compared only where towers.image is locked and sees none twice")
    }
    if configuration.loss.candidates == .all, let noise = configuration.noise, noise.images > 0 {
      throw ConfigurationError(
        "noise.images", "all images are candidates, of which none is noise; use loss.candidates batch")
    }
    parts = try ModelForTraining(
      configuration,
      candidates: configuration.loss.candidates == .all ? data.imageCount : configuration.batchSize)
    // What the model brought along decides the course too.
    configuration.loss.kind = parts.configuration.objective
    if let problem = configuration.loss.problem {
      throw ConfigurationError("loss.\(problem.key.stringValue)", problem.text)
    }
    if let problem = configuration.problemOfShards { throw ConfigurationError(problem.key, problem.text) }
    // What is recorded says it only where it is not the usual one.
    precision = configuration.precision ?? Compute.matmulPrecision
    configuration.precision = precision == .float32 ? nil : precision
    if configuration.loss.logitPrecision == .float32 { configuration.loss.logitPrecision = nil }
    self.configuration = configuration
  }

  /// Trains, evaluates and writes the model.
  ///
  /// - Parameters:
  ///   - start: Whether to go on.
  ///   - allowed: Keys of the configuration whose values may differ from the checkpoint's.
  ///   - showsProgress: Whether the console shows how far it has come.
  ///   - warn: Told what is not as expected, a line each.
  ///   - finish: Called when the model is written, while no other run can use the folder: for evaluations of one's own, and
  ///     what the report says of them.
  /// - Returns: The retrieval of the evaluation's data, if there are any, to the leader of several processes.
  /// - Throws: ``Interrupted``, ``NonFiniteError``, ``TooManyDamagedSamples``, ``FileError`` and more.
  @discardableResult
  public func run(
    start: RunFolder.Start = .new, allowing allowed: Set<String> = [], showsProgress: Bool = false,
    warn: @escaping (String) -> Void = RunFolder.printWarning,
    finish: (inout TrainingReport) throws -> Void = { _ in }
  ) throws -> RetrievalEvaluation? {
    try Compute.withMatmulPrecision(precision) {
      try runInPrecision(start, allowed, showsProgress, warn, finish)
    }
  }

  private func runInPrecision(
    _ start: RunFolder.Start, _ allowed: Set<String>, _ showsProgress: Bool,
    _ warn: @escaping (String) -> Void,
    _ finish: (inout TrainingReport) throws -> Void
  ) throws -> RetrievalEvaluation? {
    let run = try RunFolder.open(
      URL(filePath: configuration.output), configuration: try identity(), start: start, allowing: allowed,
      retention: .init(last: configuration.checkpoints.keepLast), warn: warn, communicator)
    if communicator.isLeader { try run.remove("evaluation.json", "held-out.json", "report.html") }
    let session = try TrainingSession(self, run: run, showsProgress: showsProgress)
    defer { if communicator.size == 1 { try? session.writeDamaged() } }
    try session.train()
    if communicator.size > 1 { try session.writeDamaged() }
    let evaluation = try communicator.isLeader ? session.finish(finish) : nil
    try communicator.waitForLeader()
    return evaluation
  }

  /// What decides the course: the configuration, and SHA-256 of the files that can be read at once.
  private func identity() throws -> RunConfiguration {
    struct Identity: Encodable {
      let configuration: TrainingConfiguration
      let files: [String: String]
      enum CodingKeys: CodingKey { case files }
      func encode(to encoder: any Encoder) throws {
        try configuration.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(files, forKey: .files)
      }
    }
    let paths = Set(
      configuration.data.sources.flatMap(\.files) + [parts.tokenizerPath] + configuration.lockedWeights
    ).filter { path in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
    }
    return try RunConfiguration(
      Identity(
        configuration: configuration,
        files: Dictionary(uniqueKeysWithValues: try paths.map { ($0, try SHA256.digest(ofFile: $0)) })),
      mayChange: [
        "steps", "output", "loader", "evaluation", "checkpoints", "metrics", "distributed.texts",
        "distributed.shardsOptimizerState",
      ])
  }
}

extension TrainingConfiguration {
  /// Files of weights that no checkpoint of a run holds: those of a tower that only its features stand for.
  fileprivate var lockedWeights: [String] {
    guard cachesFeatures else { return [] }
    if let path = model.image?.efficientNetLite0 { return [path] }
    guard let path = model.image?.checkpoint ?? model.checkpoint else { return [] }
    let names = try? FileManager.default.contentsOfDirectory(atPath: path)
    return names?.map { "\(path)/\($0)" } ?? [path]
  }
}
