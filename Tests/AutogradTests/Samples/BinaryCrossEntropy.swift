import Autograd
import Foundation

enum BinaryCrossEntropySamples {
  static var all: [OperationSamples] {
    let weights = Tensor(0.7)
    return [
      LossSamples.samples(
        "binaryCrossEntropy", in: -4..<4, targets: 0..<1,
        { binaryCrossEntropy(logits: $0, targets: $1, reduction: $2) }
      ) { x, p in p * log1p(exp(-x)) + (1 - p) * log1p(exp(x)) },
      LossSamples.samples(
        "binaryCrossEntropy", in: -4..<4, targets: 0..<1,
        {
          binaryCrossEntropy(
            logits: $0, targets: $1, weights: weights, positiveWeights: Tensor(2.5), reduction: $2)
        }
      ) { x, p in 0.7 * (2.5 * p * log1p(exp(-x)) + (1 - p) * log1p(exp(x))) },
      LossSamples.samples(
        "probabilityCrossEntropy", in: 0.1..<0.9, targets: 0..<1,
        { binaryCrossEntropy(probabilities: $0, targets: $1, weights: weights, reduction: $2) }
      ) { q, p in -0.7 * (p * log(q) + (1 - p) * log(1 - q)) },
    ]
  }
}
