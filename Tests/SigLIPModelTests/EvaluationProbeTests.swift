import Foundation
import Kernels
import SigLIPModel
import TestSupport
import Testing

@Suite struct EvaluationProbeTests {
  /// Classes on the corners of a square, far from the origin, with a feature that says nothing and one that never changes.
  private static func square(_ count: Int, seed: UInt64) -> (features: Tensor, labels: [Int]) {
    var random = Random(seed: seed)
    let noise = random.normal([count, 3]).scalars
    let labels = (0..<count).map { $0 % 4 }
    let rows = labels.enumerated().map { place, label in
      [
        50 + Float(label % 2) * 8 + noise[3 * place], 20 + Float(label / 2) * 8 + noise[3 * place + 1],
        noise[3 * place + 2], 7,
      ]
    }
    return (Tensor(rows), labels)
  }

  @Test func aFewSamplesTellCornersApart() throws {
    let (features, labels) = Self.square(400, seed: 1)
    let test = Self.square(100, seed: 2)
    let evaluation = try FewShotEvaluation(
      training: .init(features: features, labels: labels),
      test: .init(features: test.features, labels: test.labels),
      classes: 4, shots: [1, 25], regularizations: [1])
    #expect(
      evaluation.results.map(\.shots) == [1, 25] && evaluation.results.map(\.regularization) == [1, 1])
    #expect(evaluation.results.allSatisfy { $0.accuracies.count == 3 })
    #expect(evaluation.results[1].accuracy > 0.97, "\(evaluation)")
    #expect(evaluation.results[1].accuracy == evaluation.results[1].accuracies.reduce(0, +) / 3)
  }

  /// Everything is shrunk away by a huge penalty; which one is taken, the validation split says.
  @Test func validationChoosesThePenalty() throws {
    let (features, labels) = Self.square(60, seed: 3)
    let split = FewShotEvaluation.Split(features: features, labels: labels)
    // Labels of the validation split that only the bias fits: all are of the class that most samples have.
    let uneven = FewShotEvaluation.Split(features: features, labels: labels.map { _ in 0 })
    func chosen(_ validation: FewShotEvaluation.Split) throws -> Double {
      try FewShotEvaluation(
        training: FewShotEvaluation.Split(
          features: Tensor.concatenate([features, features[0..<1].expand(to: [9, 4])]),
          labels: labels + [Int](repeating: 0, count: 9)),
        test: split, validation: validation, classes: 4, shots: [1000], regularizations: [1e9, 1]
      ).results[0].regularization
    }
    #expect(try chosen(split) == 1)
    #expect(try chosen(uneven) == 1e9)
  }

  /// The system of the samples and that of the features have one solution.
  @Test func fewSamplesAndManyAreOneRegression() throws {
    let (features, labels) = Self.square(8, seed: 4)
    let queries = Self.square(20, seed: 5).features
    func scores(_ repetitions: Int) throws -> Tensor {
      let all = Tensor.concatenate([Tensor](repeating: features, count: repetitions))
      let probe = try RidgeProbe(
        features: all, labels: [[Int]](repeating: labels, count: repetitions).flatMap { $0 }, classes: 4)
      return try probe.classifier(regularization: Double(repetitions)).scores(queries)
    }
    // With 4 samples a class there are more samples than features, without fewer.
    let four = try RidgeProbe(features: features[0..<4], labels: Array(labels[0..<4]), classes: 4)
    let eight = try RidgeProbe(
      features: Tensor.concatenate([features[0..<4], features[0..<4]]),
      labels: Array(labels[0..<4] + labels[0..<4]),
      classes: 4)
    let one = try four.classifier(regularization: 3).scores(queries)
    let other = try eight.classifier(regularization: 6).scores(queries)
    #expect((one - other).abs().max().item() < 1e-4)
    #expect((try scores(1) - scores(5)).abs().max().item() < 1e-4)
  }

  @Test func samplesOfEachClass() {
    let labels = [2, 0, 1, 0, 0, 2, 0, 2]
    let chosen = fewShotSamples(labels: labels, classes: 4, shots: 2, seed: 0)
    #expect(chosen.map { labels[$0] } == [0, 0, 1, 2, 2] && Set(chosen).count == 5)
    #expect(fewShotSamples(labels: labels, classes: 4, shots: 2, seed: 0) == chosen)
    // Who has one image has it among five.
    for seed in 0..<20 {
      let one = fewShotSamples(labels: labels, classes: 4, shots: 1, seed: UInt64(seed))
      #expect(Set(one).isSubset(of: fewShotSamples(labels: labels, classes: 4, shots: 3, seed: UInt64(seed))))
    }
    let choices = Set((0..<40).map { fewShotSamples(labels: labels, classes: 4, shots: 1, seed: $0) })
    #expect(choices.count > 6)
  }

  @Test func regressionIsTheSameForAnyNumberOfThreads() throws {
    let (features, labels) = Self.square(100, seed: 6)
    func weights(_ threads: Int) throws -> [Double] {
      try ThreadPool.withThreadCount(threads) {
        try LogisticRegression(features: features, labels: labels, classes: 4).classifier.weights
          + RidgeProbe(features: features, labels: labels, classes: 4).classifier().weights
          + [Bootstrap(resamples: 100).interval(mean: labels.map(Double.init)).upper]
      }
    }
    #expect(try weights(1) == weights(3))
  }

  @Test func aStartAtTheMinimumStaysThere() throws {
    let (features, labels) = Self.square(100, seed: 7)
    let first = try LogisticRegression(features: features, labels: labels, classes: 4)
    let again = try LogisticRegression(
      features: features, labels: labels, classes: 4, start: first.classifier)
    #expect(first.isConverged && first.iterations > 3 && again.iterations == 0)
    #expect(abs(first.loss - again.loss) < 1e-12)
    #expect(
      try ClassificationEvaluation(scores: first.classifier.scores(features), labels: labels).accuracy > 0.97)
    let short = try LogisticRegression(
      features: features, labels: labels, classes: 4, minimizer: LBFGS(maximumIterations: 1))
    #expect(!short.isConverged && short.iterations == 1 && short.loss > first.loss)
  }

  @Test func whatCannotBeLearnedFromIsRefused() throws {
    let damaged = Tensor([[1, 2], [3, .infinity]])
    let name = "the features of training sample"
    #expect(throws: EvaluationError.notFinite(name, row: 1)) {
      try RidgeProbe(features: damaged, labels: [0, 1], classes: 2)
    }
    #expect(throws: EvaluationError.notFinite(name, row: 1)) {
      try LogisticRegression(features: damaged, labels: [0, 1], classes: 2)
    }
    #expect(throws: EvaluationError.label(2, row: 1, classes: 2)) {
      try LogisticRegression(features: .eye(2), labels: [0, 2], classes: 2)
    }
    #expect(throws: EvaluationError.nothing("training samples")) {
      try RidgeProbe(features: .zeros([0, 2]), labels: [], classes: 2)
    }
    #expect(throws: EvaluationError.nothing("training samples")) {
      try LogisticRegression(features: .zeros([0, 2]), labels: [], classes: 2)
    }
    #expect(throws: EvaluationError.notFinite("the features of sample", row: 1)) {
      try RidgeProbe(features: .eye(2), labels: [0, 1], classes: 2).classifier().scores(damaged)
    }
    // Many features that are one and the same, with next to no penalty.
    let same = Tensor([[1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4]])
    #expect(throws: EvaluationError.singular(regularization: 1e-300)) {
      try RidgeProbe(features: same, labels: [0, 1, 0, 1], classes: 2).classifier(regularization: 1e-300)
    }
  }
}
