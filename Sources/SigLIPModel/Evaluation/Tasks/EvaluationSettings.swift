/// What all evaluations have in common.
public struct EvaluationSettings: Sendable, Hashable {
  /// Pictures on the page.
  public var pictures = 24
  /// What random choices depend on.
  public var seed: UInt64 = 1

  /// The usual settings.
  public init() {}
}

/// What is evaluated: a model on some data.
public protocol EvaluationTask: Sendable {
  /// What all evaluations have in common.
  var settings: EvaluationSettings { get set }

  /// Evaluates a model.
  ///
  /// - Throws: ``EvaluationError``, ``ClassesError``, ``FileError``, ``TooManyDamagedSamples``, ``Interrupted``.
  func run(on model: EvaluationModel) throws -> EvaluationResult
}

extension EvaluationSettings {
  /// Where the mean of a number that each image has would lie for other images.
  func interval(mean values: [Double]) throws -> ClosedRange<Double> {
    let interval = try Bootstrap(seed: seed).interval(mean: values)
    return interval.lower...interval.upper
  }
}
