import Foundation
import SigLIPModel
import Testing

/// Every measure beside the library that the field takes it from, to a millionth, on data with ties and without.
@Suite struct EvaluationReferenceTests {
  /// scikit-learn, with the right class behind its ties.
  @Test func classification() throws {
    for reference in try EvaluationReference.cases("classification") {
      let evaluation = try ClassificationEvaluation(
        scores: reference.tensor("scores"), labels: reference.integers("labels"))
      try reference.expect([evaluation.accuracy], equals: "accuracy")
      try reference.expect([evaluation.accuracyAt5], equals: "accuracyAt5")
      try reference.expect([evaluation.meanPerClass], equals: "meanPerClass")
    }
  }

  /// CLIP_benchmark.
  @Test func zeroShot() throws {
    for reference in try EvaluationReference.cases("zeroShot") {
      let (texts, templates) = (try reference.tensor("texts"), try reference.integer("templates"))
      let sentences = try PromptTemplates((0..<templates).map { "{} \($0)" })
      let names = (0..<texts.shape[0] / templates).map { "\($0)" }
      let classifier = try zeroShotClassifier(classes: names, templates: sentences) { some in
        let rows = some.map { text in
          let numbers = text.split(separator: " ").map { Int($0)! }
          return numbers[0] * templates + numbers[1]
        }
        return texts.take(IndexTensor(rows), axis: 0)
      }
      try reference.expect(classifier, equals: "classifier")
    }
  }

  /// open_clip.
  @Test func templates() throws {
    for reference in try EvaluationReference.cases("templates") {
      for (templates, name) in [(PromptTemplates.openAI80, "openAI80"), (.openAI7, "openAI7")] {
        #expect(templates.texts(for: "great auk").joined(separator: "\n") == (try reference.text(name)))
      }
    }
  }

  /// Recall is CLIP_benchmark's, with right answers behind their ties; precision is scikit-learn's, which reaches ties
  /// together.
  @Test func retrieval() throws {
    for reference in try EvaluationReference.cases("retrieval") {
      let (images, texts) = (try reference.tensor("images"), try reference.tensor("texts"))
      let right = try reference.places("right")
      let other = (0..<texts.shape[0]).map { text in right.indices.filter { right[$0].contains(text) } }
      func expect(_ queries: Tensor, _ candidates: Tensor, _ right: [[Int]], equals name: String) throws {
        let recall = Recall(
          try retrievalRankings(queries: queries, candidates: candidates, rightAnswers: right))
        let (median, precision) = (try #require(recall.medianRank), try #require(recall.meanAveragePrecision))
        try reference.expect([recall.r1, recall.r5, recall.r10, median, precision], equals: name)
      }
      try expect(images, texts, right, equals: "imageToText")
      try expect(texts, images, other, equals: "textToImage")
    }
  }

  /// scikit-learn.
  @Test func multiLabel() throws {
    for reference in try EvaluationReference.cases("multiLabel") {
      let evaluation = try MultiLabelEvaluation(
        scores: reference.tensor("scores"), labels: reference.places("has"))
      try reference.expect([evaluation.meanAveragePrecision], equals: "mean")
      let expected = try reference.doubles("precisions")
      #expect(evaluation.classesWithoutImages == expected.count(where: \.isNaN))
      for (one, precision) in zip(evaluation.classes, expected) {
        #expect((one.averagePrecision == nil) == precision.isNaN)
        #expect(precision.isNaN || abs(one.averagePrecision! - precision) < 1e-6, "\(reference)")
      }
    }
  }

  /// scikit-learn, whose weights are those of DINO the second time. Of classes with as many votes both answer the first.
  @Test func neighbors() throws {
    for reference in try EvaluationReference.cases("neighbors") {
      func votes(_ weighting: NeighborWeighting) throws -> Tensor {
        try nearestNeighborVotes(
          queries: reference.tensor("queries"), samples: reference.tensor("samples"),
          labels: reference.integers("labels"), classes: reference.integer("classes"),
          k: reference.integer("k"),
          weighting: weighting)
      }
      let shares = try votes(.majority)
      try reference.expect(shares, equals: "shares")
      #expect(shares.argmax(axis: 1).values.map { Int($0) } == (try reference.integers("answers")))
      try reference.expect(try votes(.exponential()), equals: "weighted")
    }
  }

  /// scikit-learn's `Ridge` on features prepared as big_vision does.
  @Test func ridge() throws {
    for reference in try EvaluationReference.cases("ridge") {
      let probe = try RidgeProbe(
        features: reference.tensor("features"), labels: reference.integers("labels"),
        classes: reference.integer("classes"))
      let classifier = try probe.classifier(regularization: reference.double("penalty"))
      try reference.expect(try classifier.scores(reference.tensor("queries")), equals: "scores")
    }
  }

  /// scikit-learn, by Newton's method.
  @Test func logistic() throws {
    for reference in try EvaluationReference.cases("logistic") {
      let regression = try LogisticRegression(
        features: reference.tensor("features"), labels: reference.integers("labels"),
        classes: reference.integer("classes"), inverseRegularization: reference.double("c"),
        minimizer: LBFGS(gradientTolerance: 1e-11, historySize: 100))
      #expect(regression.isConverged, "\(reference) after \(regression.iterations) steps")
      try reference.expect([regression.loss], equals: "loss", within: 1e-12)
      let scores = try regression.classifier.scores(reference.tensor("queries"))
      try reference.expect(scores.softmax(axis: 1), equals: "probabilities")
    }
  }

  @Test func sweep() throws {
    for reference in try EvaluationReference.cases("sweep") {
      let sweep = try RegularizationSweep(
        features: reference.tensor("features"), labels: reference.integers("labels"),
        validationFeatures: reference.tensor("others"), validationLabels: reference.integers("truth"),
        classes: reference.integer("classes"), minimizer: LBFGS(gradientTolerance: 1e-10, historySize: 100))
      let places = sweep.attempts.map { Int((8 * log10($0.inverseRegularization)).rounded()) + 48 }
      #expect(places == (try reference.integers("places")))
      try reference.expect(sweep.attempts.map(\.accuracy), equals: "accuracies")
      let best = try #require(sweep.attempts.map(\.accuracy).max())
      #expect(sweep.best == sweep.attempts.first { $0.accuracy == best })
    }
  }

  /// scikit-learn's `calibration_curve` and `brier_score_loss`.
  @Test func calibration() throws {
    for reference in try EvaluationReference.cases("calibration") {
      let calibration = try Calibration(
        probabilities: reference.tensor("probabilities"), isTrue: reference.flags("came"),
        binCount: reference.integer("bins"))
      #expect(calibration.bins.map(\.count) == (try reference.integers("counts")))
      try reference.expect(calibration.bins.compactMap(\.shareTrue), equals: "shareTrue")
      try reference.expect(calibration.bins.compactMap(\.meanProbability), equals: "meanProbability")
      try reference.expect([calibration.expectedError], equals: "expectedError")
      try reference.expect([calibration.maximumError], equals: "maximumError")
      try reference.expect([calibration.brierScore], equals: "brierScore")
    }
  }

  /// scipy draws other queries: both ends agree to what 20,000 draws leave open.
  @Test func interval() throws {
    for reference in try EvaluationReference.cases("interval") {
      let interval = try Bootstrap(resamples: 20_000).interval(mean: reference.doubles("values"))
      let (ends, error) = (try reference.doubles("ends"), try reference.double("error"))
      #expect(abs(interval.lower - ends[0]) < 0.12 * error && abs(interval.upper - ends[1]) < 0.12 * error)
    }
  }
}
