import SigLIPModel
import Testing

@Suite struct EvaluationClassificationTests {
  private static let scores = Tensor([
    [0.9, 0.1, 0.3, 0.2, 0.4, 0.5, 0.6],  // right
    [0.9, 0.1, 0.3, 0.2, 0.4, 0.5, 0.6],  // last
    [0.5, 0.4, 0.3, 0.2, 0.1, 0.0, -1.0],  // fifth
    [0.5, 0.4, 0.3, 0.2, 0.1, 0.0, -1.0],  // sixth
  ])

  @Test func accuracies() throws {
    let evaluation = try ClassificationEvaluation(scores: Self.scores, labels: [0, 1, 4, 5])
    #expect(evaluation.accuracy == 0.25 && evaluation.accuracyAt5 == 0.5 && evaluation.images == 4)
    #expect(try classificationRanks(scores: Self.scores, labels: [0, 1, 4, 5]) == [0, 6, 4, 5])
  }

  /// Class 0 is found two times of three, class 1 never, and of the others there is no image.
  @Test func classesCountEquallyWhateverTheirSize() throws {
    let scores = Tensor([[2, 1, 0], [2, 1, 0], [1, 2, 0], [2, 1, 0]])
    let evaluation = try ClassificationEvaluation(scores: scores, labels: [0, 0, 0, 1])
    #expect(evaluation.accuracy == 0.5)
    #expect(evaluation.classes.map(\.accuracy) == [2.0 / 3, 0, nil])
    #expect(evaluation.classes.map(\.images) == [3, 1, 0])
    #expect(abs(evaluation.meanPerClass - 1.0 / 3) < 1e-15)
    #expect(evaluation.accuracyAt5 == 1)
  }

  /// A model that says the same of everything is never right.
  @Test func aTieCountsAgainstTheModel() throws {
    let evaluation = try ClassificationEvaluation(scores: .ones([12, 6]), labels: (0..<12).map { $0 % 6 })
    #expect(evaluation.accuracy == 0 && evaluation.accuracyAt5 == 0 && evaluation.meanPerClass == 0)
    #expect(try classificationRanks(scores: Tensor([[0.5, 0.2, 0.5]]), labels: [0]) == [1])
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func whatIsNotFiniteIsNamed(_ value: Float) {
    let scores = Tensor([[0, 1], [1, 0], [0, value]])
    let error = #expect(throws: EvaluationError.self) {
      try ClassificationEvaluation(scores: scores, labels: [0, 0, 0])
    }
    #expect(error == .notFinite("a score of image", row: 2))
    #expect(error?.description == "evaluation: a score of image 2 is not finite")
  }

  @Test func labelsHaveToBeClasses() {
    for label in [-1, 7] {
      #expect(throws: EvaluationError.label(label, row: 1, classes: 7)) {
        try ClassificationEvaluation(scores: Self.scores, labels: [0, label, 0, 0])
      }
    }
    #expect(throws: EvaluationError.nothing("images")) {
      try ClassificationEvaluation(scores: .zeros([0, 3]), labels: [])
    }
  }
}

@Suite struct ZeroShotClassifierTests {
  /// Texts as vectors of another length each, in the direction that their template says.
  private static func embed(_ texts: [String]) -> Tensor {
    Tensor(
      texts.map { text in
        let scale = Float(text.count)
        return text.hasPrefix("a photo")
          ? [scale, 0] : text.hasSuffix("drawn") ? [0, 2 * scale] : [-scale, 0]
      })
  }

  @Test func everyTextCountsEqually() throws {
    let templates = try PromptTemplates(["a photo of a {}.", "{}, drawn"])
    let classifier = try zeroShotClassifier(classes: ["dog", "elephant"], templates: templates) {
      Self.embed($0)
    }
    #expect(classifier.shape == [2, 2])
    for value in classifier.scalars { #expect(abs(value - Float(0.5).squareRoot()) < 1e-7) }
  }

  @Test func classesStayInOrderHoweverManyThereAre() throws {
    var calls = 0
    let names = (0..<700).map { "\($0)" }
    let classifier = try zeroShotClassifier(classes: names, templates: .name) { texts in
      calls += 1
      return Tensor(texts.map { [1, Float($0)!] })
    }
    #expect(calls == 3 && classifier.shape == [700, 2])
    for number in [0, 255, 256, 511, 699] {
      #expect(abs(classifier[number, 1].item() / classifier[number, 0].item() - Float(number)) < 1e-3)
    }
  }

  @Test func templatesOfTheField() {
    #expect(PromptTemplates.name.texts(for: "dog") == ["dog"])
    #expect(PromptTemplates.openAI7.sentences.count == 7)
    #expect(Set(PromptTemplates.openAI80.sentences).count == 80)
    #expect(
      Set(PromptTemplates.openAI7.sentences).isSubset(
        of: PromptTemplates.openAI80.sentences + ["itap of a {}."])
    )
    #expect(PromptTemplates.openAI80.texts(for: "great auk").contains("a origami great auk."))
  }

  @Test func whatHasNoDirectionIsNamed() throws {
    #expect(throws: EvaluationError.noDirection("the embedding of text", row: 3)) {
      try zeroShotClassifier(classes: ["a", "b", "c", "d"], templates: .name) { texts in
        Tensor(texts.map { $0 == "d" ? [0, 0] : [1, 0] })
      }
    }
    // Two texts in opposite directions have no mean.
    let templates = try PromptTemplates(["a photo of a {}.", "no {}"])
    #expect(throws: EvaluationError.noDirection("the mean embedding of class", row: 0)) {
      try zeroShotClassifier(classes: ["dog"], templates: templates) { Self.embed($0) }
    }
    #expect(throws: EvaluationError.nothing("classes")) {
      try zeroShotClassifier(classes: [], templates: .name) { Self.embed($0) }
    }
    #expect(throws: EvaluationError.template("a photo")) { try PromptTemplates(["{}", "a photo"]) }
    #expect(throws: EvaluationError.nothing("prompt templates")) { try PromptTemplates([]) }
  }
}
