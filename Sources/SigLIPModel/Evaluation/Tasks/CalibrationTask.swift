import NN
import Training

/// Whether of the pairs to which a model gives a probability of .7 seven in ten belong together.
///
/// The probability of a pair is sigmoid(t x·y + b). Temperature and bias learned from batches in which one pair in so many
/// belongs together, so that probabilities are too low where more do, and too high where fewer do.
public struct CalibrationTask: EvaluationTask {
  /// Which pairs there are.
  public enum Pairs: Sendable {
    /// Each image with each class, in the words of a template.
    case classes(LabeledImages, PromptTemplates)
    /// Each image with each caption of its language.
    case captions(any ImageTextSource)
  }

  /// Which pairs there are.
  public var pairs: Pairs
  /// Bins of equal width.
  public var binCount = 15
  /// What all evaluations have in common.
  public var settings = EvaluationSettings()

  /// Calibration on some pairs.
  public init(_ pairs: Pairs) { self.pairs = pairs }

  /// Evaluates a model.
  public func run(on model: EvaluationModel) throws -> EvaluationResult {
    try model.checkTokenizer()
    var result = EvaluationResult(task: "calibration")
    var groups: [Group]
    let images: EmbeddedImages
    switch pairs {
    case .classes(let labeled, let templates):
      let (embedded, labels) = try model.embed(labeled.source).keeping { try labeled.labels(at: $0) }
      let classifier = try zeroShotClassifier(
        classes: labeled.classes, templates: templates, embed: model.embed(texts:))
      groups = [
        Group(
          name: "", images: Array(0..<embedded.count), own: labels.map(Set.init), texts: labeled.classes,
          probabilities: model.probabilities(matmul(embedded.embeddings, classifier.transpose())))
      ]
      result.counts = [("images", embedded.count), ("classes", labeled.classes.count)]
      images = embedded
    case .captions(let source):
      let data = try CaptionedImages(source, on: model)
      let languages = try CaptionRetrieval.byLanguage(
        images: data.images.embeddings, texts: data.texts, captions: data.captions)
      groups = languages.sorted { $0.key < $1.key }.map { name, language in
        let seen = data.images.embeddings.take(IndexTensor(language.images), axis: 0)
        let read = data.texts.take(IndexTensor(language.texts), axis: 0)
        return Group(
          name: name, images: language.images, own: language.textsOfImages.map(Set.init),
          texts: language.texts.map { data.captions[$0].caption.text },
          probabilities: model.probabilities(matmul(seen, read.transpose())))
      }
      result.counts = [
        ("images", data.images.count), ("captions", data.captions.count), ("languages", groups.count),
      ]
      images = data.images
    }
    try measure(groups, images, model, to: &result)
    return result
  }

  /// Images and texts that make pairs.
  private struct Group {
    /// The language.
    let name: String
    /// Rows of images.
    let images: [Int]
    /// The texts of each of these images.
    let own: [Set<Int>]
    let texts: [String]
    /// `[images, texts]`.
    let probabilities: Tensor

    /// The answer for each image: the probability of the likeliest text, and whether it is one of its own. Of equal
    /// probabilities a wrong one is taken.
    func answers() -> [(probability: Float, text: Int, isRight: Bool)] {
      probabilities.withUnsafeScalars { scalars in
        own.enumerated().map { row, own in
          var best = (probability: -Float.infinity, text: 0, isRight: false)
          for text in texts.indices {
            let (value, isRight) = (scalars[row * texts.count + text], own.contains(text))
            if value > best.probability || value == best.probability && best.isRight && !isRight {
              best = (value, text, isRight)
            }
          }
          return best
        }
      }
    }

    /// Whether each pair belongs together, row by row.
    var isTrue: [Bool] { own.flatMap { own in texts.indices.map { own.contains($0) } } }
  }

  private func measure(
    _ groups: [Group], _ images: EmbeddedImages, _ model: EvaluationModel, to result: inout EvaluationResult
  ) throws {
    var pairs = DrawnCalibration(imageCount: images.count, binCount: binCount)
    var answers = DrawnCalibration(imageCount: images.count, binCount: binCount)
    var all: [Calibration] = []
    var rows: [EvaluationResult.Table.Row] = []
    var cards: [(group: Group, row: Int, answer: (probability: Float, text: Int, isRight: Bool))] = []
    for group in groups {
      let isTrue = group.isTrue
      let calibration = try Calibration(
        probabilities: group.probabilities, isTrue: isTrue, binCount: binCount)
      all.append(calibration)
      group.probabilities.withUnsafeScalars { scalars in
        for (row, image) in group.images.enumerated() {
          for text in row * group.texts.count..<(row + 1) * group.texts.count {
            pairs.add(scalars[text], isTrue[text], image: image)
          }
        }
      }
      for (row, answer) in group.answers().enumerated() {
        answers.add(answer.probability, answer.isRight, image: group.images[row])
        cards.append((group, row, answer))
      }
      let share = Double(isTrue.count { $0 }) / Double(isTrue.count)
      let mean = Double(group.probabilities.mean().item())
      rows.append(
        .init(
          group.name.isEmpty ? "-" : group.name,
          [calibration.expectedError, calibration.maximumError, calibration.brierScore, mean, share]))
    }
    let (ofPairs, ofAnswers) = (pairs.bins(all[0].bins), answers.bins(all[0].bins))
    let pairCount = Double(all.reduce(0) { $0 + $1.count })
    result.measures = [
      .init(
        "expected calibration error of pairs", pairs.expectedError,
        interval: try pairs.interval(seed: settings.seed)),
      .init("maximum calibration error of pairs", ofPairs.map(\.gap).max()!),
      .init("Brier score of pairs", all.reduce(0) { $0 + $1.brierScore * Double($1.count) } / pairCount),
      .init("share of pairs that belong together", pairs.shareTrue),
      .init("mean probability of pairs", pairs.meanProbability),
      .init(
        "expected calibration error of answers", answers.expectedError,
        interval: try answers.interval(seed: settings.seed)),
      .init("share of answers that are right", answers.shareTrue),
      .init("mean probability of answers", answers.meanProbability),
    ]
    result.tables.append(table("pairs by probability", ofPairs))
    result.tables.append(table("answers by probability", ofAnswers))
    if groups.count > 1 {
      result.tables.append(
        .init(
          "by language", columns: ["expected", "maximum", "Brier", "mean probability", "share true"],
          rows: rows))
    }
    result.damaged = images.reader.damaged
    result.sections.append(
      TrainingReport.Section(
        title: "Reliability",
        html: """
          <p>Of the pairs in a bin the share that belongs together, over their mean probability; on the broken line both \
          are equal. Bars are the share of pairs that are in the bin.</p><div class="grid wide">\
          \(ReliabilityChart(title: "pairs", bins: ofPairs).html)\
          \(ReliabilityChart(title: "answers: the likeliest text of each image", bins: ofAnswers).html)</div>
          """))
    addCards(cards, images, model, to: &result)
  }

  private func table(_ title: String, _ bins: [Calibration.Bin]) -> EvaluationResult.Table {
    .init(
      title, columns: ["count", "mean probability", "share true"],
      rows: bins.map {
        .init(
          "\(number($0.lower)) to \(number($0.upper))", [Double($0.count), $0.meanProbability, $0.shareTrue])
      })
  }

  /// The wrong answers that are most certain, and the right ones that are least.
  private func addCards(
    _ answers: [(group: Group, row: Int, answer: (probability: Float, text: Int, isRight: Bool))],
    _ images: EmbeddedImages, _ model: EvaluationModel, to result: inout EvaluationResult
  ) {
    let certain = answers.indices.filter { !answers[$0].answer.isRight }.sorted {
      (-answers[$0].answer.probability, $0) < (-answers[$1].answer.probability, $1)
    }
    let doubtful = answers.indices.filter { answers[$0].answer.isRight }.sorted {
      (answers[$0].answer.probability, $0) < (answers[$1].answer.probability, $1)
    }
    let shown = certain.prefix(settings.pictures / 2) + doubtful.prefix(settings.pictures / 2)
    let cards = shown.map { place in
      let (group, row, answer) = answers[place]
      let probabilities = group.probabilities[row].scalars
      return AnswerCards.Card(
        image: group.images[row], isRight: answer.isRight,
        answers: AnswerCards.order(probabilities, own: group.own[row], count: 5).map {
          .init(text: group.texts[$0], isOwn: group.own[row].contains($0), score: percent(probabilities[$0]))
        }, note: group.name)
    }
    result.sections += AnswerCards(images, options: model.options).sections(
      cards, wrong: "The most certain of the wrong answers", right: "The least certain of the right answers")
  }
}
