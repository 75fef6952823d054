import Autograd
import Foundation

enum SigmoidLossSamples {
  struct Case {
    let images, texts: Int
    var labels = PairLabels.diagonal
    var negatives = NegativeSelection.all
    var divisor = PairwiseDivisor.images
    let description: String
    /// -1 for other pairs than positives, 0 for those that are left out whatever their logits.
    var signs: [[Double]]?
  }

  static var all: OperationSamples {
    let cases = [
      Case(images: 3, texts: 3, description: "3 pairs"), Case(images: 1, texts: 1, description: "one pair"),
      Case(images: 17, texts: 17, description: "17 pairs"),
      Case(
        images: 4, texts: 6,
        labels: .classes(
          images: IndexTensor([0, 1, 1, 2] as [Int]), texts: IndexTensor([0, 0, 1, 1, 3, 2] as [Int])),
        description: "classes",
        signs: [
          [1, 1, -1, -1, -1, -1], [-1, -1, 1, 1, -1, -1], [-1, -1, 1, 1, -1, -1], [-1, -1, -1, -1, -1, 1],
        ]),
      Case(
        images: 3, texts: 4, labels: .lists([[1, 0], [1, 2], []]), divisor: .texts,
        description: "lists, over texts", signs: [[1, 1, -1, -1], [-1, 1, 1, -1], [-1, -1, -1, -1]]),
      Case(
        images: 3, texts: 3, labels: .diagonal.excluding([[2], [], [0, 2]]), description: "excluded pairs",
        signs: [[1, -1, 0], [-1, 1, -1], [0, -1, 0]]),
      Case(
        images: 5, texts: 5, negatives: .random(share: 0.5, Random(seed: 3)),
        description: "a share of the negatives"),
    ]
    return OperationSamples("sigmoidPairwiseLoss", cases.map(sample))
  }

  private static func sample(_ it: Case) -> OperationSample {
    let diagonal = (0..<it.images).map { i in (0..<it.texts).map { $0 == i ? 1.0 : -1 } }
    return OperationSample(
      [
        .init([it.images, 5], in: -1..<1), .init([it.texts, 5], in: -1..<1), .init([], in: 0..<1), .init([1]),
      ],
      it.description,
      forward: {
        sigmoidPairwiseLoss(
          images: $0[0], texts: $0[1], logScale: $0[2], bias: $0[3], positives: it.labels,
          negatives: it.negatives, divisor: it.divisor, tile: (3, 4))
      },
      composition: {
        composedSigmoidLoss(
          images: $0[0], texts: $0[1], logScale: $0[2], bias: $0[3], labels: it.labels,
          negatives: it.negatives,
          divisor: it.divisor)
      },
      reference: { inputs in
        let logits = inputs[0].pairProducts(with: inputs[1]).map {
          exp(inputs[2].values[0]) * $0 + inputs[3].values[0]
        }
        var signs = it.signs ?? diagonal
        if !it.negatives.isAll {
          // Chance does not look at the logits.
          let zeros = (Tensor.zeros([it.images, 1]), Tensor.zeros([it.texts, 1]))
          let weights = sigmoidPairWeights(
            images: zeros.0, texts: zeros.1, labels: it.labels, negatives: it.negatives)
          for image in 0..<it.images {
            for text in 0..<it.texts { signs[image][text] *= Double(weights[image, text].item()) }
          }
        }
        let losses = zip(logits.values, signs.joined()).map { $1 == 0 ? 0 : log(1 + exp(-$0 * $1)) }
        let divisor = Double(it.divisor == .images ? it.images : it.texts)
        return ReferenceArray([losses.reduce(0, +) / divisor], shape: [])
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
