import Foundation
import NN
import SigLIPModel
import TestSupport
import Testing

/// Tasks beside the measures that they are made of, on embeddings that are computed image by image.
@Suite struct EvaluationTaskTests {
  private let place: EvaluationPlace

  init() throws { place = try EvaluationPlace() }

  private static let templates = try! PromptTemplates(["a photo of a {}.", "{}"])

  /// Unit embeddings of the classes' texts, averaged.
  private func classifier(_ classes: [String]) throws -> Tensor {
    try zeroShotClassifier(classes: classes, templates: Self.templates) { try place.texts($0) }
  }

  private func expectInterval(
    _ measure: EvaluationResult.Measure?, sourceLocation: SourceLocation = #_sourceLocation
  )
    throws
  {
    let measure = try #require(measure, sourceLocation: sourceLocation)
    let interval = try #require(measure.interval, sourceLocation: sourceLocation)
    #expect(interval.contains(measure.value), sourceLocation: sourceLocation)
    #expect(interval.lowerBound < interval.upperBound, sourceLocation: sourceLocation)
  }

  @Test func zeroShot() throws {
    let source = try place.classFolders()
    let scores = matmul(try place.images(source), try classifier(source.classNames).transpose())
    let labels = (0..<source.count).map(source.label)
    let expected = try ClassificationEvaluation(scores: scores, labels: labels)
    let result = try ZeroShotTask(images: LabeledImages(source), templates: Self.templates).run(
      on: place.model())
    #expect(result["accuracy@1"]?.value == expected.accuracy)
    #expect(result["accuracy@5"]?.value == expected.accuracyAt5)
    #expect(result["accuracy@1"]?.chance == 1 / 6.0)
    try expectInterval(result["accuracy@1"])
    // Classes of different sizes: a mean of images, weighted.
    let mean = try #require(result["mean per class"])
    #expect(mean.value == expected.meanPerClass && mean.value != expected.accuracy)
    try expectInterval(mean)
    #expect(result.tables[0].rows.map(\.name) == ["a dog", "b cat", "c", "d", "e", "f"])
    #expect(result.tables[0].rows.map { $0.values[1] } == expected.classes.map(\.accuracy))
    // Each image is on the page once.
    #expect(result.html().components(separatedBy: "<div class=\"card").count - 1 == source.count)
    #expect(
      result.html().components(separatedBy: "card missed").count - 1
        == Int((Double(source.count) * (1 - expected.accuracy)).rounded()))
  }

  @Test func multiLabel() throws {
    let source = try place.table(captionsPerImage: 2)
    let classes = ["red", "green", "blue", "none of them", "dark"]
    let labels = (0..<source.count).map { index in
      let captions = try! source.captions(at: index).map(\.text)
      return classes.indices.filter { captions.contains(classes[$0]) }
    }
    #expect(labels.contains([]) && labels.contains { $0.count == 2 })
    let scores = matmul(try place.images(source), try classifier(classes).transpose())
    let expected = try MultiLabelEvaluation(scores: scores, labels: labels)
    let result = try MultiLabelTask(
      images: LabeledImages(source, classes: classes), templates: Self.templates
    )
    .run(on: place.model())
    let measure = try #require(result["mean average precision"])
    #expect(measure.value == expected.meanAveragePrecision)
    #expect(result.counts.first { $0.name == "classes without images" }?.count == 1)
    // The interval, drawn by counting how often each image comes, is that of the images drawn.
    let drawn = try Bootstrap(seed: 1).interval(count: labels.count) { rows in
      let chosen = scores.take(IndexTensor(rows), axis: 0)
      return (try? MultiLabelEvaluation(scores: chosen, labels: rows.map { labels[$0] }).meanAveragePrecision)
        ?? .nan
    }
    #expect(abs(measure.interval!.lowerBound - drawn.lower) < 1e-9)
    #expect(abs(measure.interval!.upperBound - drawn.upper) < 1e-9)
  }

  @Test func retrieval() throws {
    let source = try place.table(captionsPerImage: 3, languages: ["en", "de"])
    let captions = (0..<source.count).flatMap { index in
      try! source.captions(at: index).map { (caption: $0, image: index) }
    }
    let expected = try RetrievalEvaluation(
      images: place.images(source), texts: place.texts(captions.map(\.caption.text)), captions: captions)
    let result = try RetrievalTask(source: source).run(on: place.model())
    let mean = expected.retrieval
    for (name, recall) in [("image to text", mean.imageToText), ("text to image", mean.textToImage)] {
      #expect(result["\(name) R@1"]?.value == recall.r1)
      #expect(result["\(name) R@5"]?.value == recall.r5)
      #expect(result["\(name) R@10"]?.value == recall.r10)
      #expect(result["\(name) mAP"]?.value == recall.meanAveragePrecision)
      #expect(result["\(name) median rank"]?.value == recall.medianRank)
      try expectInterval(result["\(name) mAP"])
    }
    let languages = try #require(result.tables.first)
    #expect(languages.rows.map(\.name) == ["de", "en"])
    #expect(languages.rows[1].values[0] == expected.languages["en"]?.imageToText.r1)
    #expect(languages.rows[0].values[6] == expected.languages["de"]?.textToImage.r5)

    // Of six captions an image has three, of twelve images a caption six: the share of pairs.
    let shared = Double(captions.count) / Double(2 * 6 * 12)
    #expect(abs(result["image to text R@1"]!.chance! - shared) < 1e-12)
    #expect(abs(result["text to image R@1"]!.chance! - shared) < 1e-12)
    #expect(abs(result["text to image R@10"]!.chance! - 1) < 1e-12)

    // In one language, of images that each have one caption, images are drawn as anybody would.
    let single = try place.table(captionsPerImage: 1, languages: ["en"])
    let ranks = try retrievalRanks(
      queries: place.images(single),
      candidates: place.texts((0..<single.count).map { try! single.captions(at: $0)[0].text }),
      targets: Array(0..<single.count))
    let interval = try Bootstrap(seed: 1).interval(mean: ranks.map { $0 < 5 ? 1 : 0 })
    let found = try #require(try RetrievalTask(source: single).run(on: place.model())["image to text R@5"])
    #expect(abs(found.interval!.lowerBound - interval.lower) < 1e-9)
    #expect(abs(found.interval!.upperBound - interval.upper) < 1e-9)
  }

  @Test func neighbors() throws {
    let (training, test) = (try place.classFolders(), try place.classFolders(shift: 7))
    let votes = try nearestNeighborVotes(
      queries: place.images(test), samples: place.images(training),
      labels: (0..<training.count).map(training.label), classes: 6, k: 4)
    let expected = try ClassificationEvaluation(scores: votes, labels: (0..<test.count).map(test.label))
    let result = try NeighborsTask(
      training: LabeledImages(training), images: LabeledImages(test), neighbors: 4
    ).run(on: place.model())
    #expect(result["accuracy@1"]?.value == expected.accuracy && expected.accuracy > 1 / 6.0)
    #expect(result.tables[0].rows.count == 3)
  }

  @Test func fewShot() throws {
    let (training, test) = (try place.classFolders(), try place.classFolders(shift: 7))
    func split(_ source: ClassFolderSource) throws -> FewShotEvaluation.Split {
      .init(features: try place.features(source), labels: (0..<source.count).map(source.label))
    }
    let expected = try FewShotEvaluation(
      training: split(training), test: split(test), classes: 6, shots: [2, 1], seeds: 3)
    let result = try FewShotTask(
      training: LabeledImages(training), images: LabeledImages(test), shots: [2, 1]
    ).run(on: place.model())
    #expect(result.measures.map(\.name) == ["2-shot accuracy", "1-shot accuracy"])
    #expect(result.measures.map(\.value) == expected.results.map(\.accuracy))
    try expectInterval(result["2-shot accuracy"])
    #expect(result.tables[0].rows[0].values == expected.results[0].accuracies + [1024])
  }

  @Test func probe() throws {
    let (training, test) = (try place.classFolders(perClass: 5), try place.classFolders(shift: 7))
    let result = try ProbeTask(training: LabeledImages(training), images: LabeledImages(test)).run(
      on: place.model())
    // Every fifth of a class decides: one of the five of each, of the six of the last class.
    let counts = Dictionary(uniqueKeysWithValues: result.counts.map { ($0.name, $0.count) })
    #expect(counts["training images"] == 25 && counts["validation images"] == 6)
    let power = try #require(result["chosen C"]).value
    let all = try LogisticRegression(
      features: place.features(training), labels: (0..<training.count).map(training.label), classes: 6,
      inverseRegularization: power)
    let expected = try ClassificationEvaluation(
      scores: all.classifier.scores(place.features(test)), labels: (0..<test.count).map(test.label))
    #expect(abs(result["accuracy@1"]!.value - expected.accuracy) < 0.1)
    #expect(result["accuracy@1"]!.value > 1 / 6.0)
  }

  @Test func calibrationOfClasses() throws {
    let source = try place.classFolders()
    let labels = (0..<source.count).map(source.label)
    let scores = matmul(try place.images(source), try classifier(source.classNames).transpose())
    let model = place.checkpoint.model
    let (scale, bias) = (exp(model.logitScale.value.item()), try #require(model.logitBias).value.item())
    let probabilities = Tensor(
      scores.scalars.map { 1 / (1 + exp(-($0 * scale + bias))) }, shape: scores.shape)
    let expected = try Calibration(
      probabilities: probabilities, isTrue: labels.flatMap { label in (0..<6).map { $0 == label } },
      binCount: 10)
    var task = CalibrationTask(.classes(try LabeledImages(source), Self.templates))
    task.binCount = 10
    let result = try task.run(on: place.model())
    #expect(abs(result["expected calibration error of pairs"]!.value - expected.expectedError) < 1e-6)
    #expect(abs(result["maximum calibration error of pairs"]!.value - expected.maximumError) < 1e-6)
    #expect(abs(result["Brier score of pairs"]!.value - expected.brierScore) < 1e-6)
    #expect(result["share of pairs that belong together"]!.value == 1 / 6.0)
    #expect(result.tables[0].rows.map { $0.values[0] } == expected.bins.map { Double($0.count) })
    let accuracy = try ClassificationEvaluation(scores: scores, labels: labels).accuracy
    #expect(abs(result["share of answers that are right"]!.value - accuracy) < 1e-9)
    #expect(result.html().contains("<circle"))
  }

  @Test func calibrationOfCaptionsIsThatOfAllLanguages() throws {
    let source = try place.table(captionsPerImage: 1, languages: ["en", "de"])
    let result = try CalibrationTask(.captions(source)).run(on: place.model())
    let byLanguage = try #require(result.tables.last)
    #expect(byLanguage.title == "by language" && byLanguage.rows.map(\.name) == ["de", "en"])
    let pairs = result.tables[0].rows.reduce(0) { $0 + $1.values[0]! }
    #expect(pairs == Double(2 * source.count * source.count))
    // As many pairs in both.
    let brier = byLanguage.rows.map { $0.values[2]! }
    #expect(abs(result["Brier score of pairs"]!.value - (brier[0] + brier[1]) / 2) < 1e-9)
    #expect(result["share of pairs that belong together"]!.value == 1 / Double(source.count))
  }
}
