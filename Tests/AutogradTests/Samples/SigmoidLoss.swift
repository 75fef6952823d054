@testable import Autograd
import Foundation

enum SigmoidLossSamples {
  static var all: OperationSamples {
    let cases: [(images: Int, texts: Int, PairLabels, String)] = [
      (3, 3, .diagonal, "3 pairs"), (1, 1, .diagonal, "one pair"), (17, 17, .diagonal, "17 pairs"),
      (
        4, 6,
        .classes(
          images: IndexTensor([0, 1, 1, 2] as [Int]), texts: IndexTensor([0, 0, 1, 1, 3, 2] as [Int])),
        "classes"
      ),
    ]
    return OperationSamples(
      "sigmoidPairwiseLoss",
      cases.map { images, texts, labels, description in
        let positives = labels.positives(images: images, texts: texts)
        let signs = ReferenceArray(positives.matrix(texts: texts)).map { 2 * $0 - 1 }
        return OperationSample(
          [
            .init([images, 5], in: -1..<1), .init([texts, 5], in: -1..<1), .init([], in: 0..<1), .init([1]),
          ],
          description,
          forward: {
            sigmoidPairwiseLoss(
              images: $0[0], texts: $0[1], logScale: $0[2], bias: $0[3], positives: labels, rowsAtATime: 3)
          },
          composition: {
            composedSigmoidLoss(images: $0[0], texts: $0[1], logScale: $0[2], bias: $0[3], labels: labels)
          },
          reference: { inputs in
            let logits = inputs[0].pairProducts(with: inputs[1]).map {
              exp(inputs[2].values[0]) * $0 + inputs[3].values[0]
            }
            return logits.combine(signs) { log(1 + exp(-$0 * $1)) }.fold { $0.reduce(0, +) / Double(images) }
          })
      })
  }
}

extension ReferenceArray {
  /// A matrix with rows and columns exchanged.
  var transposed: ReferenceArray { ReferenceArray(shape: [shape[1], shape[0]]) { self[[$0[1], $0[0]]] } }

  /// Dot products of every row with every row of another matrix.
  func pairProducts(with other: ReferenceArray) -> ReferenceArray {
    ReferenceArray(shape: [shape[0], other.shape[0]]) { position in
      (0..<shape[1]).reduce(0) { $0 + self[[position[0], $1]] * other[[position[1], $1]] }
    }
  }
}
