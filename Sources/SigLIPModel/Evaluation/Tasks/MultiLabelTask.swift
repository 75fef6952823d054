import NN

/// Which of several classes an image shows, by the sigmoid probability of each: mean average precision.
public struct MultiLabelTask: EvaluationTask {
  /// The images, each of any number of classes.
  public var images: LabeledImages
  /// What is said of each class.
  public var templates: PromptTemplates
  /// What all evaluations have in common.
  public var settings = EvaluationSettings()

  /// Classes of images.
  public init(images: LabeledImages, templates: PromptTemplates = .openAI80) {
    (self.images, self.templates) = (images, templates)
  }

  /// Evaluates a model.
  public func run(on model: EvaluationModel) throws -> EvaluationResult {
    try model.checkTokenizer()
    let (embedded, labels) = try model.embed(images.source).keeping { try images.labels(at: $0) }
    let classifier = try zeroShotClassifier(
      classes: images.classes, templates: templates, embed: model.embed(texts:))
    // Their order is that of the probabilities, which round to equal numbers where similarities differ.
    let similarities = matmul(embedded.embeddings, classifier.transpose())
    let evaluation = try MultiLabelEvaluation(scores: similarities, labels: labels)
    let present = evaluation.classes.filter { $0.images > 0 }

    var result = EvaluationResult(task: "multi-label")
    result.counts = [
      ("images", embedded.count), ("classes", images.classes.count),
      ("classes without images", evaluation.classesWithoutImages),
      ("labels", labels.reduce(0) { $0 + $1.count }),
    ]
    result.measures.append(
      .init(
        "mean average precision", evaluation.meanAveragePrecision,
        interval: try DrawnPrecision(similarities, labels).interval(seed: settings.seed),
        // A constant score has the share of right ones.
        chance: present.reduce(0) { $0 + Double($1.images) } / Double(present.count * embedded.count)))
    result.tables.append(
      .init(
        "by class", columns: ["images", "average precision"],
        rows: zip(images.classes, evaluation.classes).map {
          .init($0, [Double($1.images), $1.averagePrecision])
        }))
    result.damaged = embedded.reader.damaged
    addCards(to: &result, similarities, labels, embedded, model)
    return result
  }

  /// Images with the classes that are most probable; right is one whose own classes come first.
  private func addCards(
    to result: inout EvaluationResult, _ similarities: Tensor, _ labels: [[Int]], _ embedded: EmbeddedImages,
    _ model: EvaluationModel
  ) {
    func card(_ image: Int) -> AnswerCards.Card {
      let (row, own) = (similarities[image].scalars, Set(labels[image]))
      let probabilities = model.probabilities(similarities[image]).scalars
      let order = AnswerCards.order(row, own: own, count: max(5, own.count))
      return AnswerCards.Card(
        image: image, isRight: order.prefix(own.count).allSatisfy(own.contains),
        answers: order.prefix(8).map {
          .init(text: images.classes[$0], isOwn: own.contains($0), score: percent(probabilities[$0]))
        })
    }
    let all = labels.indices.filter { !labels[$0].isEmpty }
    let cards = all.count > 2_000 ? nil : all.map(card)
    let shown =
      cards.map { cards in
        AnswerCards.chosen(cards.map(\.isRight), count: settings.pictures).map { cards[$0] }
      }
      ?? (0..<settings.pictures).map { card(all[$0 * all.count / settings.pictures]) }
    result.sections += AnswerCards(embedded, options: model.options).sections(
      shown, wrong: "A class that it does not have comes before one that it has",
      right: "Its own classes come first")
  }
}

/// Mean average precision of images that are drawn several times each, in one pass over an order that is made once.
private struct DrawnPrecision: Sendable {
  /// Of each class: images by falling score, where the groups of equal scores end, and which images have it.
  private let classes: [(order: [Int32], isLast: [Bool], isRight: [Bool])]
  private let imageCount: Int

  init(_ scores: Tensor, _ labels: [[Int]]) {
    imageCount = labels.count
    let columns = scores.transpose().contiguous()
    let imageCount = imageCount
    classes = parallelMap(Array(0..<scores.shape[1]), grain: 1) { label in
      columns[label].withUnsafeScalars { scores in
        let order = (0..<imageCount).sorted { scores[$0] > scores[$1] }
        let isLast = order.indices.map {
          $0 + 1 == imageCount || scores[order[$0 + 1]] < scores[order[$0]]
        }
        return (order.map { Int32($0) }, isLast, order.map { labels[$0].contains(label) })
      }
    }
  }

  /// Where the mean average precision of other images would lie; with fewer draws where there are very many scores.
  func interval(seed: UInt64) throws -> ClosedRange<Double> {
    let draws = min(max(4_000_000_000 / max(imageCount * classes.count, 1), 200), 2_000)
    let interval = try Bootstrap(resamples: draws, seed: seed).interval(count: imageCount) { drawn in
      var times = [Int](repeating: 0, count: imageCount)
      for image in drawn { times[image] += 1 }
      let precisions = classes.compactMap { precision($0.order, $0.isLast, $0.isRight, times) }
      return precisions.isEmpty ? .nan : precisions.reduce(0, +) / Double(precisions.count)
    }
    return interval.lower...interval.upper
  }

  /// Nil where no image was drawn that has the class.
  private func precision(_ order: [Int32], _ isLast: [Bool], _ isRight: [Bool], _ times: [Int]) -> Double? {
    var (sum, all, right, rightOfGroup) = (0.0, 0, 0, 0)
    for (place, image) in order.enumerated() {
      let count = times[Int(image)]
      all += count
      if isRight[place] { rightOfGroup += count }
      if isLast[place] && rightOfGroup > 0 {
        right += rightOfGroup
        sum += Double(rightOfGroup) * Double(right) / Double(all)
        rightOfGroup = 0
      }
    }
    return right == 0 ? nil : sum / Double(right)
  }
}
