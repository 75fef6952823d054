import NN

/// Classification by the nearest training images, as the features of DINO are evaluated: no text and no training.
public struct NeighborsTask: EvaluationTask {
  /// Images whose classes are known to the classifier.
  public var training: LabeledImages
  /// The images to classify.
  public var images: LabeledImages
  /// How many neighbours vote.
  public var neighbors: Int
  /// What all evaluations have in common.
  public var settings = EvaluationSettings()

  /// Classification by so many neighbours.
  public init(training: LabeledImages, images: LabeledImages, neighbors: Int = 20) {
    (self.training, self.images, self.neighbors) = (training, images, neighbors)
  }

  /// Evaluates a model.
  public func run(on model: EvaluationModel) throws -> EvaluationResult {
    try images.check(sameClassesAs: training, called: "training")
    let known = try ClassifiedImages(training, on: model)
    let test = try ClassifiedImages(images, on: model)
    func votes(_ k: Int, _ weighting: NeighborWeighting) throws -> Tensor {
      try nearestNeighborVotes(
        queries: test.images.embeddings, samples: known.images.embeddings, labels: known.labels,
        classes: test.classes.count, k: k, weighting: weighting)
    }
    let weighted = try votes(neighbors, .exponential())
    var result = EvaluationResult(task: "neighbors")
    result.counts = [("training images", known.count), ("neighbors", neighbors)]
    result.damaged = known.images.reader.damaged
    try result.add(scores: weighted, of: test, model, settings, shown: percent)
    func accuracy(_ scores: Tensor) throws -> Double {
      try ClassificationEvaluation(scores: scores, labels: test.labels).accuracy
    }
    result.tables.insert(
      .init(
        "accuracy by votes", columns: ["accuracy"],
        rows: [
          .init("\(neighbors), weighted", [try accuracy(weighted)]),
          .init("\(neighbors), each the same", [try accuracy(votes(neighbors, .majority))]),
          .init("the nearest alone", [try accuracy(votes(1, .majority))]),
        ]), at: 0)
    return result
  }
}
