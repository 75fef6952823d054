import NN
import Optim

/// Logistic regression on a model's features, the linear probe of CLIP: regularization is chosen on a validation split, the
/// classifier then fitted to both.
public struct ProbeTask: EvaluationTask {
  /// What the classifier learns from.
  public var training: LabeledImages
  /// What decides how strongly it is regularized; if not given, every fifth training image of each class.
  public var validation: LabeledImages?
  /// The images to classify.
  public var images: LabeledImages
  /// When a fit ends.
  public var minimizer = LBFGS()
  /// What all evaluations have in common.
  public var settings = EvaluationSettings()

  /// A probe that learns from some images.
  public init(training: LabeledImages, validation: LabeledImages? = nil, images: LabeledImages) {
    (self.training, self.validation, self.images) = (training, validation, images)
  }

  /// Evaluates a model.
  public func run(on model: EvaluationModel) throws -> EvaluationResult {
    try images.check(sameClassesAs: training, called: "training")
    try images.check(sameClassesAs: validation, called: "validation")
    let known = try ClassifiedImages(training, on: model)
    let test = try ClassifiedImages(images, on: model)
    var result = EvaluationResult(task: "probe")
    result.damaged = known.images.reader.damaged
    let (fit, judge) =
      try validation.map { validation in
        let judge = try ClassifiedImages(validation, on: model)
        result.damaged += judge.images.reader.damaged
        return (known.split, judge.split)
      } ?? ProbeTask.divided(known.split)
    let count = test.classes.count
    let sweep = try RegularizationSweep(
      features: fit.features, labels: fit.labels, validationFeatures: judge.features,
      validationLabels: judge.labels, classes: count, minimizer: minimizer)
    let final = try LogisticRegression(
      features: .concatenate([fit.features, judge.features]), labels: fit.labels + judge.labels,
      classes: count,
      inverseRegularization: sweep.best.inverseRegularization, minimizer: minimizer,
      start: sweep.regression.classifier)

    result.counts = [
      ("training images", fit.labels.count), ("validation images", judge.labels.count),
      ("steps of L-BFGS", final.iterations),
    ]
    let scores = try final.classifier.scores(test.images.features)
    // Of the classes of an image, which add up to 1.
    let shares = withoutGradients { Variable(scores).softmax(axis: -1).value }
    try result.add(scores: scores, of: test, model, settings, shownScores: shares, shown: percent)
    result.measures += [
      .init("accuracy@1 on validation", sweep.best.accuracy),
      .init("chosen C", sweep.best.inverseRegularization),
    ]
    result.tables.insert(
      .init(
        "validation by C", columns: ["accuracy", "converged"],
        rows: sweep.attempts.map {
          .init("\(Float($0.inverseRegularization))", [$0.accuracy, $0.isConverged ? 1 : 0])
        }), at: 0)
    return result
  }

  /// Every fifth sample of each class apart from the others.
  ///
  /// - Throws: ``EvaluationError`` where that leaves one of the two empty.
  private static func divided(
    _ all: FewShotEvaluation.Split
  ) throws -> (FewShotEvaluation.Split, FewShotEvaluation.Split) {
    var seen: [Int: Int] = [:]
    let isApart = all.labels.map { label in
      seen[label, default: 0] += 1
      return seen[label]! % 5 == 0
    }
    func part(_ apart: Bool) throws -> FewShotEvaluation.Split {
      let rows = isApart.indices.filter { isApart[$0] == apart }
      if rows.isEmpty {
        throw EvaluationError.nothing("images to choose the regularization by: expected 5 of a class")
      }
      return .init(
        features: all.features.take(IndexTensor(rows), axis: 0), labels: rows.map { all.labels[$0] })
    }
    return (try part(false), try part(true))
  }
}
