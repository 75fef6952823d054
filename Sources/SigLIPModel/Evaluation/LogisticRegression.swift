import Foundation
import NN
import Optim

/// Multinomial logistic regression on features, the linear probe of CLIP: the mean cross entropy and a penalty of all
/// weights but the biases, |w|² / (2 C n), minimised by L-BFGS in double precision.
///
/// `inverseRegularization`, C, means what it means in scikit-learn's `LogisticRegression`. There, however, two classes are
/// told apart by one vector instead of two, whose penalty is half as large: with two classes, C is twice as much there.
public struct LogisticRegression: Sendable {
  /// The scores, whose softmax are the probabilities.
  public let classifier: LinearClassifier
  /// The mean cross entropy with its penalty.
  public let loss: Double
  /// Steps of L-BFGS.
  public let iterations: Int
  /// Whether the minimum was reached, rather than the largest number of steps.
  public let isConverged: Bool

  /// Fits a classifier.
  ///
  /// - Parameters:
  ///   - features: `[samples, width]`, of any length.
  ///   - labels: The class of each sample.
  ///   - classes: Number of classes.
  ///   - inverseRegularization: C, larger than 0: the larger, the weaker the penalty.
  ///   - minimizer: When to stop.
  ///   - start: Where to begin, such as a fit with another C; at 0 otherwise.
  /// - Throws: ``EvaluationError`` for features that are not finite, labels that are no class, and where there are none.
  public init(
    features: Tensor, labels: [Int], classes: Int, inverseRegularization: Double = 1,
    minimizer: LBFGS = LBFGS(), start: LinearClassifier? = nil
  ) throws {
    try checkTrainingSamples(features, labels, classes: classes, of: "logistic regression")
    let width = features.shape[1]
    if !(inverseRegularization > 0) { programmerError("logistic regression: C of \(inverseRegularization)") }
    if let start, start.width != width || start.classes != classes {
      programmerError(
        "logistic regression: a start of \(start.classes) classes and \(start.width) features, expected \(classes) and "
          + "\(width)")
    }
    // The biases are free, so that moved features have the same minimum; around 0 it is found in far fewer steps.
    let means = Whitening(features).means
    let objective = CrossEntropyObjective(
      features: features.contiguous(), means: means, labels: labels, classes: classes,
      penalty: 1 / (inverseRegularization * Double(labels.count)))
    let zero = LinearClassifier(
      width: width, classes: classes, weights: [Double](repeating: 0, count: classes * (width + 1)))
    let minimum = minimizer.minimize(
      from: (start ?? zero).of(featuresMovedBy: means.map(-)).weights, objective.evaluate)
    classifier = LinearClassifier(width: width, classes: classes, weights: minimum.point).of(
      featuresMovedBy: means)
    loss = minimum.value
    iterations = minimum.iterations
    isConverged = minimum.isConverged
  }
}

/// The mean cross entropy of linear scores with a penalty, and its gradient.
private struct CrossEntropyObjective {
  let features: Tensor
  let means: [Double]
  let labels: [Int]
  let classes: Int
  let penalty: Double

  /// Samples whose gradients are added up one after the other. A fixed number of parts, so that the sum is the same for
  /// any number of threads.
  private var parts: [Range<Int>] {
    let size = max((labels.count + 15) / 16, 1)
    return stride(from: 0, to: labels.count, by: size).map { $0..<min($0 + size, labels.count) }
  }

  func evaluate(_ weights: [Double], _ gradient: inout [Double]) -> Double {
    let partSums = features.withUnsafeScalars { scalars in
      weights.withUnsafeBufferPointer { weights in
        parallelMap(parts, grain: 1) { sums(of: $0, scalars, weights) }
      }
    }
    var loss = 0.0
    for part in partSums {
      loss += part.loss
      for place in gradient.indices { gradient[place] += part.gradient[place] }
    }
    let (count, row) = (Double(labels.count), features.shape[1] + 1)
    loss /= count
    for place in gradient.indices {
      gradient[place] /= count
      if place % row != row - 1 {
        gradient[place] += penalty * weights[place]
        loss += penalty * weights[place] * weights[place] / 2
      }
    }
    return loss
  }

  private func sums(
    of samples: Range<Int>, _ scalars: UnsafeBufferPointer<Float>, _ weights: UnsafeBufferPointer<Double>
  ) -> (loss: Double, gradient: [Double]) {
    let row = features.shape[1] + 1
    var loss = 0.0
    // With a 1 for the bias behind the features.
    var sample = [Double](repeating: 1, count: row)
    var scores = [Double](repeating: 0, count: classes)
    var gradient = [Double](repeating: 0, count: classes * row)
    sample.withUnsafeMutableBufferPointer { sample in
      scores.withUnsafeMutableBufferPointer { scores in
        gradient.withUnsafeMutableBufferPointer { gradient in
          guard let sample = sample.baseAddress, let weights = weights.baseAddress,
            let gradient = gradient.baseAddress
          else { return }
          for number in samples {
            for column in 0..<row - 1 {
              sample[column] = Double(scalars[number * (row - 1) + column]) - means[column]
            }
            for label in 0..<classes { scores[label] = dot(sample, weights + label * row, row) }
            let largest = scores.max()!
            let own = scores[labels[number]]
            var total = 0.0
            for label in 0..<classes {
              scores[label] = exp(scores[label] - largest)
              total += scores[label]
            }
            loss += log(total) + largest - own
            for label in 0..<classes {
              let difference = scores[label] / total - (label == labels[number] ? 1 : 0)
              addMultiple(difference, sample, to: gradient + label * row, row)
            }
          }
        }
      }
    }
    return (loss, gradient)
  }
}
