import NN

/// Classification by the names of classes alone: the class whose texts resemble an image most.
///
/// A class is the mean of the embeddings of its name in all templates, as in CLIP's and SigLIP's evaluations.
public struct ZeroShotTask: EvaluationTask {
  /// The images, each of one class.
  public var images: LabeledImages
  /// What is said of each class.
  public var templates: PromptTemplates
  /// What all evaluations have in common.
  public var settings = EvaluationSettings()

  /// Classification of images.
  public init(images: LabeledImages, templates: PromptTemplates = .openAI80) {
    (self.images, self.templates) = (images, templates)
  }

  /// Evaluates a model.
  public func run(on model: EvaluationModel) throws -> EvaluationResult {
    try model.checkTokenizer()
    let test = try ClassifiedImages(images, on: model)
    let classifier = try zeroShotClassifier(
      classes: test.classes, templates: templates, embed: model.embed(texts:))
    let similarities = matmul(test.images.embeddings, classifier.transpose())
    var result = EvaluationResult(task: "zero-shot")
    // Similarities decide: probabilities round to equal numbers where similarities differ.
    try result.add(
      scores: similarities, of: test, model, settings, shownScores: model.probabilities(similarities),
      shown: percent)
    return result
  }
}
