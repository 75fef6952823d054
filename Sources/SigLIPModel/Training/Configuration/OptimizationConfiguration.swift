import NN
import Optim

/// What is minimised.
public struct LossConfiguration: Sendable, Hashable, Codable {
  /// Which images a caption belongs to.
  public enum Positives: String, Sendable, CaseIterable, Codable, CaseNames {
    /// Its own alone, as in the paper.
    case own
    /// All with the same caption, and its own once more where a batch has it: for data whose captions repeat.
    case same
  }

  /// Which images each caption is compared with.
  public enum Candidates: String, Sendable, CaseIterable, Codable, CaseNames {
    /// Those of its batch.
    case batch
    /// All there are: only where the image tower is locked and sees no image twice.
    case all
  }

  /// Which loss; that by which the model's checkpoint or preset learned if not given, else the sigmoid loss.
  public var kind: PairObjective?
  /// Which images a caption belongs to.
  public var positives = Positives.same
  /// Which images each caption is compared with.
  public var candidates = Candidates.batch
  /// Which of the pairs that do not belong together count; all if not given.
  public var negatives: NegativesConfiguration?
  /// t before the first step; the checkpoint's if not given, without one 10, and 1 / 0.07 for the softmax loss.
  public var temperature: Float?
  /// b before the first step; the checkpoint's if not given, without one -log(n - 1) for n candidates: the odds of a match.
  public var bias: Float?
  /// What products of embeddings, and those in their gradients, round their operands to; single precision if not given.
  public var logitPrecision: MatmulPrecision?

  /// The model's loss.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable {
    case kind, positives, candidates, negatives, temperature, bias, logitPrecision
  }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.readOptional(.kind, into: &kind)
    try fields.read(.positives, into: &positives)
    try fields.read(.candidates, into: &candidates)
    try fields.readOptional(.negatives, into: &negatives)
    try fields.readOptional(.temperature, into: &temperature, .positive)
    try fields.readOptional(.bias, into: &bias, .finite)
    try fields.readOptional(.logitPrecision, into: &logitPrecision)
    if let problem { throw fields.problem(problem.key, problem.text) }
  }

  /// What does not go with the loss.
  var problem: (key: CodingKeys, text: String)? {
    guard kind == .softmax else { return nil }
    if negatives != nil { return (.negatives, "only the sigmoid loss can leave negatives out") }
    return bias == nil ? nil : (.bias, "the softmax loss has none")
  }

  /// The loss of a batch.
  ///
  /// - Parameter random: What the choice of its negatives depends on.
  func loss(_ random: Random) -> PairLoss {
    switch kind ?? .sigmoid {
    // Divided by captions where they are not as many as images.
    case .sigmoid:
      .sigmoid(
        negatives: negatives?.selection(random) ?? .all, divisor: candidates == .all ? .texts : .images)
    case .softmax: .softmax
    }
  }
}

/// Which negatives the sigmoid loss is made of, for each image: see ``NegativeSelection``.
public struct NegativesConfiguration: Sendable, Hashable, Codable {
  /// Which of them stay.
  public enum Kind: String, Sendable, CaseIterable, Codable, CaseNames {
    case random, hardest, easiest
  }

  /// Which of them stay.
  public var kind: Kind
  /// The share that stays.
  public var share: Double

  /// A share of the negatives.
  public init(_ kind: Kind, share: Double) { (self.kind, self.share) = (kind, share) }

  enum CodingKeys: CodingKey, CaseIterable { case kind, share }

  /// Decodes what is given; both have to be.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    (kind, share) = (try fields.required(.kind), try fields.required(.share))
    if !(share > 0 && share <= 1) {
      throw fields.problem(.share, "is \(share), expected above 0 and at most 1")
    }
  }

  fileprivate func selection(_ random: Random) -> NegativeSelection {
    switch kind {
    case .random: .random(share: share, random)
    case .hardest: .hardest(share: share)
    case .easiest: .easiest(share: share)
    }
  }
}

/// What moves the weights.
public struct OptimizerConfiguration: Sendable, Hashable, Codable {
  /// Which optimizer.
  public enum Kind: String, Sendable, CaseIterable, Codable, CaseNames {
    case adamw, adafactor, lion
  }

  /// Which optimizer.
  public var kind = Kind.adamw
  /// The largest learning rate.
  public var learningRate: Float = 1e-3
  /// Multiplied by the learning rate, whatever the optimizer; on the weights of linear layers and convolutions alone.
  public var weightDecay: Float = 1e-4
  /// The momentum; the optimizer's usual one if not given, none for AdaFactor.
  public var beta1: Float?
  /// How slowly squares of gradients are forgotten; 0.95 if not given, for Lion 0.99. AdaFactor's largest value.
  public var beta2: Float?
  /// The largest length of all gradients together, longer ones are scaled; 0 for any length.
  public var gradientNorm: Float = 1
  /// How much faster t′ and b learn.
  public var logitLearningRateMultiplier: Float = 1
  /// More settings by regular expressions of whole paths: see ``ParameterGroup/Configuration``.
  public var groups: [ParameterGroup.Configuration] = []

  /// AdamW.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable {
    case kind, learningRate, weightDecay, beta1, beta2, gradientNorm, logitLearningRateMultiplier, groups
  }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.read(.kind, into: &kind)
    try fields.read(.learningRate, into: &learningRate, .positive)
    try fields.read(.weightDecay, into: &weightDecay, .fromZero)
    try fields.readOptional(.beta1, into: &beta1, .belowOne)
    try fields.readOptional(.beta2, into: &beta2, .belowOne)
    try fields.read(.gradientNorm, into: &gradientNorm, .fromZero)
    try fields.read(.logitLearningRateMultiplier, into: &logitLearningRateMultiplier, .fromZero)
    var given: [StrictGroup] = []
    try fields.read(.groups, into: &given)
    groups = given.map(\.group)
  }

  /// Numbers that are kept for each one that is trained, about.
  var statesPerParameter: Double {
    switch kind {
    case .adamw: 2
    // A momentum of half the precision, and two vectors for a matrix.
    case .adafactor: beta1 == 0 ? 0 : 0.5
    case .lion: 1
    }
  }

  /// The optimizer of a model.
  func optimizer(
    of model: some Module, schedule: Schedule, groups: [ParameterGroup]
  ) -> any Optimizer {
    switch kind {
    case .adamw:
      return AdamW(
        model, learningRate: learningRate, beta1: beta1 ?? 0.9, beta2: beta2 ?? 0.95,
        weightDecay: weightDecay, schedule: schedule, groups: groups)
    case .adafactor:
      var preset = AdaFactor.Preset.bigVision
      if let beta1 { preset.beta1 = beta1 }
      preset.beta2Cap = beta2 ?? 0.95
      // big_vision's decay is not multiplied by the learning rate.
      return AdaFactor(
        model, preset: preset, learningRate: learningRate, weightDecay: weightDecay * learningRate,
        schedule: schedule, groups: groups)
    case .lion:
      return Lion(
        model, learningRate: learningRate, beta1: beta1 ?? 0.9, beta2: beta2 ?? 0.99,
        weightDecay: weightDecay, schedule: schedule, groups: groups)
    }
  }
}

/// A group without keys that there are not.
private struct StrictGroup: Decodable {
  let group: ParameterGroup.Configuration

  private enum CodingKeys: CodingKey, CaseIterable {
    case pattern, learningRateMultiplier, weightDecayMultiplier, isFrozen, factoredView
  }

  init(from decoder: any Decoder) throws {
    _ = try ConfigurationFields<CodingKeys>(decoder)
    group = try ParameterGroup.Configuration(from: decoder)
  }
}

/// The course of the learning rate.
public struct ScheduleConfiguration: Sendable, Hashable, Codable {
  /// What happens after the warm-up.
  public enum Kind: String, Sendable, CaseIterable, Codable, CaseNames {
    case constant, linear, cosine, rsqrt
  }

  /// What happens after the warm-up.
  public var kind = Kind.cosine
  /// Length of the rise from 0; a twentieth of all steps if not given, 10,000 at most.
  public var warmUpSteps: Int?
  /// Length of the fall to 0 at the end.
  public var coolDownSteps = 0
  /// The share of the learning rate at which `linear` and `cosine` end.
  public var end: Float = 0
  /// See ``Schedule/Decay/rsqrt(timescale:)``.
  public var timescale = 10_000

  /// A cosine to 0.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable { case kind, warmUpSteps, coolDownSteps, end, timescale }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.read(.kind, into: &kind)
    try fields.readOptional(.warmUpSteps, into: &warmUpSteps, .range(0...1_000_000_000))
    try fields.read(.coolDownSteps, into: &coolDownSteps, .range(0...1_000_000_000))
    try fields.read(.end, into: &end, .range(0...1))
    try fields.read(.timescale, into: &timescale, .steps)
  }

  /// Length of the rise in a run of so many steps.
  func warmUpSteps(of steps: Int) -> Int { warmUpSteps ?? min(steps / 20, 10_000) }

  /// The schedule of a run of so many steps.
  func schedule(of steps: Int) -> Schedule {
    let decay: Schedule.Decay =
      switch kind {
      case .constant: .constant
      case .linear: .linear(end: end)
      case .cosine: .cosine(end: end)
      case .rsqrt: .rsqrt(timescale: timescale)
      }
    return Schedule(
      decay, totalSteps: steps, warmUpSteps: warmUpSteps(of: steps), coolDownSteps: coolDownSteps)
  }
}

/// An average of the weights: see ``WeightAverage``.
public struct AverageConfiguration: Sendable, Hashable, Codable {
  /// How much of the average is kept at each step.
  public var decay: Float = 0.999
  /// Steps that are left out.
  public var start = 0

  /// An average over about a thousand steps.
  public init() {}

  enum CodingKeys: CodingKey, CaseIterable { case decay, start }

  /// Decodes what is given.
  public init(from decoder: any Decoder) throws {
    let fields = try ConfigurationFields<CodingKeys>(decoder)
    try fields.read(.decay, into: &decay, .belowOne)
    try fields.read(.start, into: &start, .range(0...1_000_000_000))
  }
}
