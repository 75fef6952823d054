import Foundation
import NN
import Training

/// All that decides a training of a SigLIP model: what `siglip train --config FILE.json` reads, and what a run records.
///
///     {
///       "data": "photos.csv", "output": "runs/photos", "steps": 2000, "batchSize": 64,
///       "model": {"checkpoint": "siglip-base-patch16-224"},
///       "towers": {"image": {"training": "locked"}},
///       "optimizer": {"learningRate": 1e-4},
///       "evaluation": {"data": "held-out.csv"}
///     }
///
/// What is not given has the value that stands here; other keys are refused. Paths begin at the folder that the program was
/// started in.
public struct TrainingConfiguration: Sendable, Hashable, Codable {
  /// The version of these keys.
  public var version = 1
  /// The folder of the run: see ``RunFolder``; its `model` is the trained model.
  public var output = "runs/siglip"
  /// What weights, order and augmentation depend on.
  public var seed: UInt64 = 1
  /// Steps of the optimizer.
  public var steps = 1000
  /// Pairs in a step.
  public var batchSize = 64
  /// Pairs that towers embed at a time, for batches that do not fit into memory at once; all if not given. The step is the
  /// same.
  public var microbatchSize: Int?
  /// What products of matrices round their operands to, in steps, features and evaluations; weights and the optimizer are in
  /// single precision always. `Compute.matmulPrecision` if not given.
  public var precision: MatmulPrecision?
  /// What is learned from.
  public var data: DataConfiguration
  /// How samples are read.
  public var loader = LoaderConfiguration()
  /// What happens to images before they get the tower's size, in order.
  public var augmentations: [Augmentation] = []
  /// What is spoiled on purpose; nothing if not given.
  public var noise: NoiseConfiguration?
  /// What is trained.
  public var model = ModelConfiguration()
  /// How the towers take part.
  public var towers = TowersConfiguration()
  /// What is minimised.
  public var loss = LossConfiguration()
  /// What moves the weights.
  public var optimizer = OptimizerConfiguration()
  /// The course of the learning rate.
  public var schedule = ScheduleConfiguration()
  /// An average of the weights, which is what is evaluated and written in the end; none if not given.
  public var average: AverageConfiguration?
  /// What is measured on other data.
  public var evaluation = EvaluationConfiguration()
  /// Which checkpoints are made.
  public var checkpoints = CheckpointConfiguration()
  /// Which numbers are written down.
  public var metrics = MetricsConfiguration()
  /// How a batch is shared by processes that train together.
  public var distributed = DistributionConfiguration()

  /// A training on some data; all else as stands here.
  public init(data: DataConfiguration) { self.data = data }

  enum CodingKeys: CodingKey, CaseIterable {
    case version, output, seed, steps, batchSize, microbatchSize, precision, data, loader, augmentations,
      noise, model
    case towers, loss, optimizer, schedule, average, evaluation, checkpoints, metrics, distributed
  }

  /// Decodes a configuration.
  ///
  /// - Throws: ``ConfigurationError`` for keys and values that there are not.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.read(.version, into: &version)
    if version != 1 {
      throw ConfigurationError("version", "is \(version), expected 1: this program knows no other")
    }
    data = try fields.required(.data)
    try fields.read(.output, into: &output)
    if output.isEmpty { throw fields.problem(.output, "expected a folder, found nothing") }
    try fields.read(.seed, into: &seed)
    try fields.read(.steps, into: &steps, .steps)
    try fields.read(.batchSize, into: &batchSize, .range(2...1 << 24))
    try fields.readOptional(.microbatchSize, into: &microbatchSize, .range(1...1 << 24))
    try fields.readOptional(.precision, into: &precision)
    try fields.read(.loader, into: &loader)
    try fields.read(.augmentations, into: &augmentations)
    try fields.readOptional(.noise, into: &noise)
    try fields.read(.model, into: &model)
    try fields.read(.towers, into: &towers)
    try fields.read(.loss, into: &loss)
    try fields.read(.optimizer, into: &optimizer)
    try fields.read(.schedule, into: &schedule)
    try fields.readOptional(.average, into: &average)
    try fields.read(.evaluation, into: &evaluation)
    try fields.read(.checkpoints, into: &checkpoints)
    try fields.read(.metrics, into: &metrics)
    try fields.read(.distributed, into: &distributed)
    if let problem = problemOfShards { throw ConfigurationError(problem.key, problem.text) }
    if schedule.warmUpSteps(of: steps) + schedule.coolDownSteps > steps {
      throw fields.problem(
        .schedule,
        "\(schedule.warmUpSteps(of: steps)) steps of warm-up and \(schedule.coolDownSteps) of cool-down in \(steps) steps"
      )
    }
  }

  /// The same, as if it was read.
  ///
  /// - Throws: ``ConfigurationError`` for values that there are not.
  public func checked() throws -> TrainingConfiguration {
    try JSONDecoder().decode(TrainingConfiguration.self, from: JSONEncoder().encode(self))
  }
}

extension MatmulPrecision: CaseNames {}

/// How samples are read.
public struct LoaderConfiguration: Sendable, Hashable, Codable {
  /// Threads that read, decode and change images beside those that compute. The batches are the same for any number.
  public var workers = 1
  /// Batches that are made before they are asked for; twice the workers if not given.
  public var ahead: Int?
  /// The share of samples that may be damaged before a run stops.
  public var maximumDamagedShare = 0.01
  /// The folder in which features of locked towers are kept, for all runs that have the same tower and images; `features`
  /// beside the run's own folder if not given. See ``EmbeddingCache``.
  public var featureCache: String?

  /// One worker.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable { case workers, ahead, maximumDamagedShare, featureCache }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.read(.workers, into: &workers, .range(0...256))
    try fields.readOptional(.ahead, into: &ahead, .range(1...4096))
    try fields.read(.maximumDamagedShare, into: &maximumDamagedShare, .range(0...1))
    try fields.readOptional(.featureCache, into: &featureCache)
  }
}

/// What is measured on data that are not trained on.
public struct EvaluationConfiguration: Sendable, Hashable, Codable {
  /// The data, by which recipes are chosen; nothing is measured if not given.
  public var data: DataConfiguration?
  /// Data that are measured once, when all steps are made: what nothing was chosen by.
  public var heldOut: DataConfiguration?
  /// Steps from one measurement to the next; the last step has one too, and only that if not given.
  public var every: Int?
  /// Images or texts that are embedded at a time.
  public var batchSize = 64
  /// Samples that are measured at most, the first of them; all if not given.
  public var maximumSamples: Int?
  /// Pictures that the report shows with the captions they like best.
  public var pictures = 20

  /// No evaluation.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable {
    case data, heldOut, every, batchSize, maximumSamples, pictures
  }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.readOptional(.data, into: &data)
    try fields.readOptional(.heldOut, into: &heldOut)
    try fields.readOptional(.every, into: &every, .steps)
    try fields.read(.batchSize, into: &batchSize, .range(1...4096))
    try fields.readOptional(.maximumSamples, into: &maximumSamples, .range(2...1 << 30))
    try fields.read(.pictures, into: &pictures, .range(0...1000))
  }
}

/// Which checkpoints are made and stay.
public struct CheckpointConfiguration: Sendable, Hashable, Codable {
  /// Steps from one to the next.
  public var every = 500
  /// How many of the last ones stay.
  public var keepLast = 1

  /// The last one, every 500 steps.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable { case every, keepLast }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.read(.every, into: &every, .steps)
    try fields.read(.keepLast, into: &keepLast, .range(1...1_000_000))
  }
}

/// Which numbers are written down.
public struct MetricsConfiguration: Sendable, Hashable, Codable {
  /// Steps from one line to the next.
  public var every = 1
  /// Steps from one line with lengths of parameters, gradients and updates to the next; none if not given.
  public var normsEvery: Int?
  /// Whether TensorBoard's files are written too.
  public var tensorBoard = false

  /// A line for each step.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable { case every, normsEvery, tensorBoard }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.read(.every, into: &every, .steps)
    try fields.readOptional(.normsEvery, into: &normsEvery, .steps)
    try fields.read(.tensorBoard, into: &tensorBoard)
  }
}
