import Foundation
import NN
import Optim
import Training

/// The C of a logistic regression that does best on a validation split, looked for as in CLIP: of the 97 powers of ten from
/// 10⁻⁶ to 10⁶ in eighths, every 16th first, then ever closer around the best.
public struct RegularizationSweep: Sendable {
  /// What was found with one C.
  public struct Attempt: Sendable, Hashable, Codable {
    /// C.
    public var inverseRegularization: Double
    /// Accuracy on the validation split.
    public var accuracy: Double
    /// Whether its minimum was reached.
    public var isConverged: Bool

    enum CodingKeys: String, CodingKey {
      case inverseRegularization = "inverse_regularization"
      case accuracy
      case isConverged = "is_converged"
    }
  }

  /// What was tried, from strong regularisation to weak.
  public let attempts: [Attempt]
  /// The best of them: of equal ones that with the strongest regularisation.
  public let best: Attempt
  /// The fit with the best.
  public let regression: LogisticRegression

  /// Fits on one split and looks at the other.
  ///
  /// - Parameters:
  ///   - features: `[samples, width]`.
  ///   - labels: The class of each sample.
  ///   - validationFeatures: `[samples, width]` of other samples.
  ///   - validationLabels: Their classes.
  ///   - classes: Number of classes.
  ///   - minimizer: When to stop a fit.
  /// - Throws: ``EvaluationError`` for features that are not finite, labels that are no class, and for a split without any;
  ///   ``Interrupted``.
  public init(
    features: Tensor, labels: [Int], validationFeatures: Tensor, validationLabels: [Int], classes: Int,
    minimizer: LBFGS = LBFGS()
  ) throws {
    var fits: [Int: (attempt: Attempt, regression: LogisticRegression)] = [:]
    func attempt(_ place: Int) throws {
      if fits[place] != nil || !(0...96).contains(place) { return }
      try Interruption.check("stopped while fitting classifiers: nothing is written")
      let power = pow(10, Double(place - 48) / 8)
      // From the fit of the nearest C it is not far.
      let nearest = fits.keys.min { (abs($0 - place), $0) < (abs($1 - place), $1) }
      let regression = try LogisticRegression(
        features: features, labels: labels, classes: classes, inverseRegularization: power,
        minimizer: minimizer,
        start: nearest.map { fits[$0]!.regression.classifier })
      let evaluation = try ClassificationEvaluation(
        scores: regression.classifier.scores(validationFeatures), labels: validationLabels)
      fits[place] = (
        Attempt(
          inverseRegularization: power, accuracy: evaluation.accuracy, isConverged: regression.isConverged),
        regression
      )
    }
    func best() -> Int {
      fits.min { (-$0.value.attempt.accuracy, $0.key) < (-$1.value.attempt.accuracy, $1.key) }!.key
    }
    for place in stride(from: 0, through: 96, by: 16) { try attempt(place) }
    for distance in [8, 4, 2, 1] {
      let center = best()
      try attempt(center - distance)
      try attempt(center + distance)
    }
    attempts = fits.sorted { $0.key < $1.key }.map(\.value.attempt)
    self.best = fits[best()]!.attempt
    regression = fits[best()]!.regression
  }
}
