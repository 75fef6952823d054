import NN
import Optim

/// Scores of classes that are linear in the features.
public struct LinearClassifier: Sendable {
  /// Number of features.
  public let width: Int
  /// Number of classes.
  public let classes: Int
  /// `classes` rows of `width` numbers, the weights, each with its bias behind it.
  public let weights: [Double]

  init(width: Int, classes: Int, weights: [Double]) {
    precondition(weights.count == classes * (width + 1))
    (self.width, self.classes, self.weights) = (width, classes, weights)
  }

  /// Weights of whitened features and of a constant, as weights of the features themselves.
  init(whitened: DoubleMatrix, by whitening: Whitening, constant: Double) {
    var weights = whitened
    let width = whitened.columns - 1
    for row in 0..<weights.rows {
      for column in 0..<width { weights[row, column] /= whitening.deviations[column] }
      weights[row, width] *= constant
    }
    self = LinearClassifier(width: width, classes: whitened.rows, weights: weights.numbers).of(
      featuresMovedBy: whitening.means)
  }

  /// What gives features that are larger by `distances` the scores that this gives them as they are.
  func of(featuresMovedBy distances: [Double]) -> LinearClassifier {
    var weights = weights
    for label in 0..<classes {
      let row = label * (width + 1)
      for column in 0..<width { weights[row + width] -= weights[row + column] * distances[column] }
    }
    return LinearClassifier(width: width, classes: classes, weights: weights)
  }

  /// The scores of features `[samples, width]`: `[samples, classes]`, summed in double precision. The highest is the answer.
  ///
  /// - Throws: ``EvaluationError`` for features that are not finite.
  public func scores(_ features: Tensor) throws -> Tensor {
    guard features.rank == 2, features.shape[1] == width else {
      programmerError("linear classifier: features of shape \(features.shape), expected [samples, \(width)]")
    }
    try checkFinite(features, "the features of sample")
    let blocks = Array(stride(from: 0, to: features.shape[0], by: 64))
    let scores = features.withUnsafeScalars { scalars in
      parallelMap(blocks, grain: 1) { start in
        weights.withUnsafeBufferPointer { weights in
          (start..<min(start + 64, features.shape[0])).flatMap { sample in
            let row = scalars[sample * width..<(sample + 1) * width].map(Double.init)
            return row.withUnsafeBufferPointer { row in
              (0..<classes).map { label in
                let own = label * (width + 1)
                guard let row = row.baseAddress else { return Float(weights[own]) }
                return Float(dot(row, weights.baseAddress! + own, width) + weights[own + width])
              }
            }
          }
        }
      }
    }
    return Tensor(scores.flatMap { $0 }, shape: [features.shape[0], classes])
  }
}
