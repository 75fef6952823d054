import SigLIPModel

/// A study of the paper at a small scale.
protocol Study: Sendable {
  /// As the command line has it.
  var name: String { get }
  /// What is asked, in a line.
  var question: String { get }
  /// What the paper found.
  var claim: String { get }

  /// All runs that are known to be needed, finished ones too. It is asked again when they are finished: runs of a later
  /// stage depend on the results of an earlier one, such as the choice of a learning rate.
  func runs(_ scale: StudyScale, after results: RunResults) -> [StudyRun]

  /// What the finished runs show; some may be missing.
  func findings(_ scale: StudyScale, of results: RunResults) -> Findings
}

/// A run of a study: a training of its own, which `siglip train` repeats.
struct StudyRun: Sendable {
  /// What tells it apart in the study, such as `sigmoid, batch 64, seed 1`.
  let name: String
  /// All that decides it.
  let configuration: TrainingConfiguration
  /// Whether other runs begin with its model, which otherwise is not kept.
  var keepsModel = false
}

/// How large a study is.
struct StudyScale: Sendable {
  /// The seeds of the runs that are reported.
  var seeds: [UInt64]
  /// Whether only the way is tried: models are hardly trained.
  var isQuick: Bool
  /// The folder of data.
  var data: String
  /// The folder of features of locked towers, for all runs.
  var features: String

  /// The seed of runs that choose a recipe: none of those that are reported.
  static let tuningSeed: UInt64 = 1000

  /// A value of the whole study or of the quick one.
  func of<Value>(_ full: Value, quick: Value) -> Value { isQuick ? quick : full }

  /// A run for each seed.
  func runs(_ name: String, _ configuration: TrainingConfiguration) -> [StudyRun] {
    seeds.map { StudyRun(name: "\(name), seed \($0)", configuration: configuration.with(seed: $0)) }
  }

  /// Runs that choose a learning rate, then those with the best one.
  func runs(
    _ name: String, choosingAmong candidates: [TrainingConfiguration], after results: RunResults
  ) -> [StudyRun] {
    candidates.map { tuningRun("\(name), learning rate \($0.optimizer.learningRate)", $0) }
      + (results.best(of: candidates).map { runs(name, $0) } ?? [])
  }

  /// The run by which a recipe is chosen, on validation alone.
  func tuningRun(_ name: String, _ configuration: TrainingConfiguration) -> StudyRun {
    StudyRun(name: "choosing: \(name)", configuration: configuration.forTuning)
  }
}

extension TrainingConfiguration {
  /// The same of another seed.
  func with(seed: UInt64) -> TrainingConfiguration {
    var configuration = self
    configuration.seed = seed
    return configuration
  }

  /// The same as a run that chooses a recipe: it sees nothing held out.
  fileprivate var forTuning: TrainingConfiguration {
    var configuration = with(seed: StudyScale.tuningSeed)
    configuration.evaluation.heldOut = nil
    return configuration
  }
}

/// Results of finished runs by their configurations.
struct RunResults: Sendable {
  private(set) var finished: [TrainingConfiguration: RunResult] = [:]

  subscript(configuration: TrainingConfiguration) -> RunResult? {
    get { finished[configuration] }
    set { finished[configuration] = newValue }
  }

  /// A number of the runs of a configuration, by seed.
  func values(
    of configuration: TrainingConfiguration, _ scale: StudyScale, _ measure: (RunResult) -> Double?
  ) -> SeedValues {
    SeedValues(scale.seeds.map { self[configuration.with(seed: $0)].flatMap(measure) })
  }

  /// The configuration whose tuning run is best on validation, the first of equal ones; nil while one is missing.
  func best(of configurations: [TrainingConfiguration]) -> TrainingConfiguration? {
    var best: (configuration: TrainingConfiguration, score: Double)?
    for configuration in configurations {
      guard let result = self[configuration.forTuning] else { return nil }
      let score = result.validationR1 ?? -1
      if best.map({ score > $0.score }) ?? true { best = (configuration, score) }
    }
    return best?.configuration
  }
}
