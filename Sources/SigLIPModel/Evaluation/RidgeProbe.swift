import NN

/// Linear regression from features to classes in closed form, which is how big_vision tells what a few labelled images are
/// worth (`fewshot_lsr.py`).
///
/// Features are whitened by their mean and standard deviation over the training samples and get a constant, 100, for a bias
/// that the penalty hardly touches; classes are ±1. What does not depend on the regularisation is computed once.
public struct RidgeProbe: Sendable {
  private static let constant = 100.0

  private let whitening: Whitening
  private let classes: Int
  /// The whitened samples where there are fewer of them than features: the smaller system is solved.
  private let samples: DoubleMatrix?
  private let gram: DoubleMatrix
  private let right: DoubleMatrix

  /// Prepares the systems.
  ///
  /// - Parameters:
  ///   - features: `[samples, width]`, as the image tower gives them, without a length of 1.
  ///   - labels: The class of each sample; there may be classes without any.
  ///   - classes: Number of classes.
  /// - Throws: ``EvaluationError`` for features that are not finite, labels that are no class, and where there are none.
  public init(features: Tensor, labels: [Int], classes: Int) throws {
    try checkTrainingSamples(features, labels, classes: classes, of: "ridge probe")
    whitening = Whitening(features)
    let samples = whitening.apply(to: features, constant: RidgeProbe.constant)
    var targets = DoubleMatrix(zeros: labels.count, classes)
    for (row, label) in labels.enumerated() {
      for column in 0..<classes { targets[row, column] = column == label ? 1 : -1 }
    }
    self.classes = classes
    if samples.rows >= samples.columns {
      let columns = samples.transposed
      self.samples = nil
      gram = columns.product(transposed: columns)
      right = columns.product(transposed: targets.transposed)
    } else {
      self.samples = samples
      gram = samples.product(transposed: samples)
      right = targets
    }
  }

  /// The regression whose squared weights are penalised by `regularization`, larger than 0; big_vision takes 2¹⁰.
  ///
  /// - Throws: ``EvaluationError`` where rounding leaves no solution.
  public func classifier(regularization: Double = 1024) throws -> LinearClassifier {
    if !(regularization > 0 && regularization.isFinite) {
      programmerError("ridge probe: a regularization of \(regularization), expected more than 0")
    }
    var system = gram
    for place in 0..<system.rows { system[place, place] += regularization }
    guard let factor = system.choleskyFactor() else {
      throw EvaluationError.singular(regularization: regularization)
    }
    var weights = factor.solve(right).transposed
    if let samples { weights = weights.product(transposed: samples.transposed) }
    return LinearClassifier(whitened: weights, by: whitening, constant: RidgeProbe.constant)
  }
}

/// Mean and spread of features.
struct Whitening: Sendable {
  let means: [Double]
  let deviations: [Double]

  /// Those of `[samples, width]`; the deviation is that of the samples themselves, and a little more, never 0.
  init(_ features: Tensor) {
    let (rows, width) = (features.shape[0], features.shape[1])
    var (means, squares) = ([Double](repeating: 0, count: width), [Double](repeating: 0, count: width))
    features.withUnsafeScalars { scalars in
      for (place, value) in scalars.enumerated() { means[place % width] += Double(value) }
      for column in 0..<width { means[column] /= Double(rows) }
      for (place, value) in scalars.enumerated() {
        let difference = Double(value) - means[place % width]
        squares[place % width] += difference * difference
      }
    }
    self.means = means
    deviations = squares.map { ($0 / Double(rows)).squareRoot() + 1e-5 }
  }

  func apply(to features: Tensor, constant: Double) -> DoubleMatrix {
    let (rows, width) = (features.shape[0], features.shape[1])
    var result = DoubleMatrix(zeros: rows, width + 1)
    features.withUnsafeScalars { scalars in
      for row in 0..<rows {
        for column in 0..<width {
          result[row, column] = (Double(scalars[row * width + column]) - means[column]) / deviations[column]
        }
        result[row, width] = constant
      }
    }
    return result
  }
}
