import Foundation
import NN

/// What a neighbour's vote counts.
public enum NeighborWeighting: Sendable, Hashable {
  /// Each the same, as in scikit-learn's `KNeighborsClassifier`.
  case majority
  /// exp(cosine / temperature), as in the evaluation of DINO, where the temperature is 0.07.
  case exponential(temperature: Double = 0.07)
}

/// The votes of the `k` samples that are nearest by cosine, as shares of all votes.
///
/// They are scores: ``ClassificationEvaluation`` counts a tie of votes against the model, where `argmax(axis: 1)` takes the
/// first of the classes, as scikit-learn does. Among equally near samples the first ones vote.
///
/// - Parameters:
///   - queries: `[queries, width]`, of any length but 0.
///   - samples: `[samples, width]`, of any length but 0.
///   - labels: The class of each sample.
///   - classes: Number of classes.
///   - k: Number of neighbours.
///   - weighting: What a vote counts.
/// - Returns: `[queries, classes]`; each row adds up to 1.
/// - Throws: ``EvaluationError`` for features without a direction, labels that are no class, and where there are fewer than
///   `k` samples.
public func nearestNeighborVotes(
  queries: Tensor, samples: Tensor, labels: [Int], classes: Int, k: Int,
  weighting: NeighborWeighting = .exponential()
) throws -> Tensor {
  guard queries.rank == 2, samples.rank == 2, queries.shape[1] == samples.shape[1],
    samples.shape[0] == labels.count
  else {
    programmerError(
      "nearestNeighborVotes: queries of shape \(queries.shape), samples of shape \(samples.shape) and \(labels.count) "
        + "labels, expected [queries, width], [samples, width] and one label a sample")
  }
  if !(1...max(labels.count, 1)).contains(k) || labels.isEmpty {
    throw EvaluationError.neighbors(k, samples: labels.count)
  }
  try checkLabels(labels, classes: classes)
  let samples = try unitRows(samples, "the features of sample")
  let queries = try unitRows(queries, "the features of query")
  let (count, width) = (queries.shape[0], queries.shape[1])
  // A temperature makes much of what single precision would round away.
  func cosine(_ query: Int, _ sample: Int) -> Double {
    queries.withUnsafeScalars { queries in
      samples.withUnsafeScalars { samples in
        (0..<width).reduce(0) {
          $0 + Double(queries[query * width + $1]) * Double(samples[sample * width + $1])
        }
      }
    }
  }
  return Tensor(uninitialized: [count, classes]) { votes in
    // Rows in blocks: memory stays at block x samples however many queries there are.
    for start in stride(from: 0, to: count, by: 512) {
      let block = queries[start..<min(start + 512, count)]
      let places = matmul(block, samples.transpose()).topK(k).indices.values.map { Int($0) }
      for row in 0..<block.shape[0] {
        let near = Array(places[row * k..<(row + 1) * k])
        let cosines = near.map { cosine(start + row, $0) }
        let nearest = cosines.max()!
        let weights = cosines.map { weighting.weight(of: $0, nearest: nearest) }
        let total = weights.reduce(0, +)
        var shares = [Double](repeating: 0, count: classes)
        for (sample, weight) in zip(near, weights) { shares[labels[sample]] += weight }
        for (label, share) in shares.enumerated() {
          votes[(start + row) * classes + label] = Float(share / total)
        }
      }
    }
  }
}

extension NeighborWeighting {
  /// What a vote counts beside that of the nearest one, so that no power is too large.
  fileprivate func weight(of cosine: Double, nearest: Double) -> Double {
    switch self {
    case .majority: 1
    case .exponential(let temperature): exp((cosine - nearest) / temperature)
    }
  }
}
