import NN

/// What a few labelled images of each class are worth: the accuracy of a ``RidgeProbe`` on them, as big_vision's few-shot
/// evaluation has it.
public struct FewShotEvaluation: Sendable, Codable {
  /// What so many images of each class are worth.
  public struct Shots: Sendable, Codable {
    /// Images of each class; of some there may be fewer.
    public var shots: Int
    /// The penalty of squared weights.
    public var regularization: Double
    /// Accuracy for each choice of images.
    public var accuracies: [Double]
    /// Their mean.
    public var accuracy: Double
    /// For each choice the scores of the test samples, `[samples, classes]`; they are not written.
    public var scores: [Tensor] = []

    enum CodingKeys: CodingKey { case shots, regularization, accuracies, accuracy }
  }

  /// By the number of images, in the order they were asked for.
  public var results: [Shots]

  /// Samples with their classes.
  public struct Split: Sendable {
    /// `[samples, width]`.
    public var features: Tensor
    /// The class of each sample.
    public var labels: [Int]

    /// Samples with their classes.
    public init(features: Tensor, labels: [Int]) {
      (self.features, self.labels) = (features, labels)
    }
  }

  /// Fits and counts.
  ///
  /// - Parameters:
  ///   - training: What images are chosen from; the seeds 0, 1, ... choose.
  ///   - test: What accuracy is counted on, once for each seed and number of shots.
  ///   - validation: What decides among several regularisations, by the mean accuracy over seeds.
  ///   - classes: Number of classes.
  ///   - shots: Images of each class.
  ///   - seeds: Number of choices.
  ///   - regularizations: Penalties to choose from; 2¹⁰ is big_vision's. Several need a validation split.
  /// - Throws: ``EvaluationError`` for features that are not finite, labels that are no class, and for a split without any.
  public init(
    training: Split, test: Split, validation: Split? = nil, classes: Int, shots: [Int] = [1, 5, 10, 25],
    seeds: Int = 3, regularizations: [Double] = [1024]
  ) throws {
    if regularizations.isEmpty || (regularizations.count > 1 && validation == nil) || seeds < 1 {
      programmerError(
        "few-shot evaluation: \(regularizations.count) regularizations, \(seeds) seeds; one seed at least, and a "
          + "validation split for more than one regularization")
    }
    func mean(_ numbers: [Double]) -> Double { numbers.reduce(0, +) / Double(numbers.count) }
    results = try shots.map { count in
      let probes = try (0..<seeds).map { seed in
        let chosen = fewShotSamples(
          labels: training.labels, classes: classes, shots: count, seed: UInt64(seed))
        return try RidgeProbe(
          features: training.features.take(IndexTensor(chosen), axis: 0),
          labels: chosen.map { training.labels[$0] }, classes: classes)
      }
      func scores(_ split: Split, _ regularization: Double) throws -> [Tensor] {
        try probes.map { try $0.classifier(regularization: regularization).scores(split.features) }
      }
      func accuracies(_ scores: [Tensor], _ split: Split) throws -> [Double] {
        try scores.map { try ClassificationEvaluation(scores: $0, labels: split.labels).accuracy }
      }
      var chosen = regularizations[0]
      if let validation, regularizations.count > 1 {
        let found = try regularizations.map { mean(try accuracies(scores(validation, $0), validation)) }
        chosen = regularizations[found.firstIndex(of: found.max()!)!]
      }
      let scores = try scores(test, chosen)
      let found = try accuracies(scores, test)
      return Shots(
        shots: count, regularization: chosen, accuracies: found, accuracy: mean(found), scores: scores)
    }
  }
}

/// Some samples of each class, in the order of classes: the first ones of a random order of the class, so that the five of
/// a seed are among its ten. Of a class with fewer samples, all.
///
/// The seed chooses as big_vision's does, though not the same samples: its generator is numpy's.
///
/// - Parameters:
///   - labels: The class of each sample.
///   - classes: Number of classes.
///   - shots: Samples of each class.
///   - seed: What the choice depends on, with the number of samples of the class.
public func fewShotSamples(labels: [Int], classes: Int, shots: Int, seed: UInt64) -> [Int] {
  let samples = Dictionary(grouping: labels.indices) { labels[$0] }
  return (0..<classes).flatMap { label in
    let own = samples[label] ?? []
    var random = Random(seed: seed, stream: UInt64(label), of: 0x7368_6F74)
    return random.permutation(own.count).prefix(shots).map { own[$0] }
  }
}
