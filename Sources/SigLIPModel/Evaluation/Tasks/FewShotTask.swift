import NN

/// What a few labelled images of each class are worth: a linear regression on their features, as in big_vision.
public struct FewShotTask: EvaluationTask {
  /// What images are chosen from.
  public var training: LabeledImages
  /// What decides among regularizations; without it there is one.
  public var validation: LabeledImages?
  /// The images to classify.
  public var images: LabeledImages
  /// Images of each class.
  public var shots: [Int]
  /// How often they are chosen.
  public var choices = 3
  /// What all evaluations have in common.
  public var settings = EvaluationSettings()

  /// Classification with so many images of each class.
  public init(
    training: LabeledImages, validation: LabeledImages? = nil, images: LabeledImages,
    shots: [Int] = [1, 5, 10, 25]
  ) {
    (self.training, self.validation, self.images, self.shots) = (training, validation, images, shots)
  }

  /// Evaluates a model.
  public func run(on model: EvaluationModel) throws -> EvaluationResult {
    try images.check(sameClassesAs: training, called: "training")
    try images.check(sameClassesAs: validation, called: "validation")
    let known = try ClassifiedImages(training, on: model)
    let judge = try validation.map { try ClassifiedImages($0, on: model) }
    let test = try ClassifiedImages(images, on: model)
    let count = test.classes.count
    let evaluation = try FewShotEvaluation(
      training: known.split, test: test.split, validation: judge?.split, classes: count, shots: shots,
      seeds: choices, regularizations: judge == nil ? [1024] : [1, 32, 1024, 32_768])

    var result = EvaluationResult(task: "few-shot")
    result.counts = [("training images", known.count), ("choices of images", choices)]
    result.damaged = known.images.reader.damaged + (judge?.images.reader.damaged ?? [])
    var means: [EvaluationResult.Measure] = []
    for shots in evaluation.results {
      let ranks = try shots.scores.map { try classificationRanks(scores: $0, labels: test.labels) }
      // Of other images, with the same choices.
      let hits = test.labels.indices.map { image in
        Double(ranks.count { $0[image] == 0 }) / Double(choices)
      }
      means.append(
        .init(
          "\(shots.shots)-shot accuracy", shots.accuracy, interval: try settings.interval(mean: hits),
          chance: 1 / Double(count)))
      if shots.shots == self.shots.max() {
        try result.add(scores: shots.scores[0], of: test, model, settings) { number(Double($0)) }
      }
    }
    // What is above is the first choice of the most images.
    result.tables.insert(
      .init(
        "by shots and choice", columns: (1...choices).map { "\($0)" } + ["regularization"],
        rows: evaluation.results.map { .init("\($0.shots)", $0.accuracies + [$0.regularization]) }), at: 0)
    result.measures = means
    return result
  }
}
