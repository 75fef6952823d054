import Foundation
import NN

/// Images with embeddings and the classes that they belong to.
struct ClassifiedImages {
  let images: EmbeddedImages
  let labels: [Int]
  let classes: [String]

  /// Embeds images of which each belongs to one class.
  init(_ labeled: LabeledImages, on model: EvaluationModel) throws {
    // A wrong label is a mistake of who gives the classes, and not a damaged sample; it is told before images are embedded.
    for sample in 0..<labeled.source.count {
      if let labels = try? labeled.labels(at: sample), labels.count != 1 { _ = try labeled.label(at: sample) }
    }
    let (images, labels) = try model.embed(labeled.source).keeping { try labeled.label(at: $0) }
    (self.images, self.labels) = (images, labels)
    classes = labeled.classes
  }

  /// How many images there are.
  var count: Int { labels.count }

  /// What a classifier learns from, or is measured on.
  var split: FewShotEvaluation.Split { .init(features: images.features, labels: labels) }
}

extension EvaluationResult {
  /// Adds what scores of classes say: accuracies with intervals, a table by class, and pictures.
  ///
  /// - Parameters:
  ///   - scores: `[images, classes]`.
  ///   - shownScores: What is shown of each image and class on the page; the scores if not given.
  ///   - shown: How a number of it is shown.
  mutating func add(
    scores: Tensor, of test: ClassifiedImages, _ model: EvaluationModel, _ settings: EvaluationSettings,
    shownScores: Tensor? = nil, shown: (Float) -> String
  ) throws {
    let count = test.classes.count
    let ranks = try classificationRanks(scores: scores, labels: test.labels)
    let evaluation = try ClassificationEvaluation(ranks: ranks, labels: test.labels, classes: count)
    counts += [("images", test.count), ("classes", count)]
    measures.append(
      Measure(
        "accuracy@1", evaluation.accuracy,
        interval: try settings.interval(mean: ranks.map { $0 == 0 ? 1 : 0 }), chance: 1 / Double(count)))
    if count > 5 {
      measures.append(
        Measure(
          "accuracy@5", evaluation.accuracyAt5,
          interval: try settings.interval(mean: ranks.map { $0 < 5 ? 1 : 0 }),
          chance: 5 / Double(count)))
    }
    // The mean of the classes' means is one of images, of which those of small classes weigh more.
    let present = evaluation.classes.count { $0.images > 0 }
    let weights = evaluation.classes.map { Double(test.count) / Double(max($0.images, 1) * present) }
    measures.append(
      Measure(
        "mean per class", evaluation.meanPerClass,
        interval: try settings.interval(mean: zip(ranks, test.labels).map { $0 == 0 ? weights[$1] : 0 }),
        chance: 1 / Double(count)))
    tables.append(
      Table(
        "by class", columns: ["images", "accuracy"],
        rows: zip(test.classes, evaluation.classes).map { .init($0, [Double($1.images), $1.accuracy]) }))
    damaged += test.images.reader.damaged
    addCards(scores, shownScores ?? scores, ranks, test, model, settings, shown: shown)
  }

  private mutating func addCards(
    _ scores: Tensor, _ shownScores: Tensor, _ ranks: [Int], _ test: ClassifiedImages,
    _ model: EvaluationModel,
    _ settings: EvaluationSettings, shown: (Float) -> String
  ) {
    let chosen = AnswerCards.chosen(ranks.map { $0 == 0 }, count: settings.pictures)
    let cards = chosen.map { image in
      let (label, numbers) = (test.labels[image], shownScores[image].scalars)
      return AnswerCards.Card(
        image: image, isRight: ranks[image] == 0,
        answers: AnswerCards.order(scores[image].scalars, own: [label], count: 5).map {
          .init(text: test.classes[$0], isOwn: $0 == label, score: shown(numbers[$0]))
        }, note: test.classes[label])
    }
    sections += AnswerCards(test.images, options: model.options).sections(cards)
  }
}

/// Probabilities for people.
func percent(_ probability: Float) -> String {
  String(format: probability < 0.1 ? "%.1f%%" : "%.0f%%", probability * 100)
}
