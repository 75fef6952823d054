import Autograd
import Foundation

enum SoftmaxLossSamples {
  static var all: OperationSamples {
    let cases: [(images: Int, texts: Int, PairLabels, String)] = [
      (3, 3, .diagonal, "diagonal"), (17, 17, .diagonal, "17 pairs"),
      (
        4, 6,
        .classes(
          images: IndexTensor([0, 1, 1, 4] as [Int]), texts: IndexTensor([0, 0, 1, 1, 3, 0] as [Int])),
        "classes, some without a partner"
      ),
      (3, 4, .lists([[1, 0], [1, 2], []]), "lists"),
      (4, 4, .diagonal.excluding([[2], [], [0, 2], []]), "excluded pairs"),
    ]
    // Columns as images: were they rows, tests that repeat the first entry of an axis would make all images equal and
    // all gradients 0 but for rounding.
    return OperationSamples(
      "softmaxPairwiseLoss",
      cases.map { images, texts, labels, description in
        let positives = labels.positivePairs(images: images, texts: texts)
        let matrix = ReferenceArray(positives.matrix(images: images, texts: texts))
        let excluded = labels.excludedMatrix(images: images, texts: texts).map { ReferenceArray($0) }
        func half(_ logits: ReferenceArray, axis: Int, count: Int) -> Double {
          let sizes = matrix.fold(axes: [axis], keepDimensions: true) { Swift.max($0.reduce(0, +), 1) }
          let targets = matrix.combine(sizes, /)
          return logits.softmax(axis: axis).combine(targets) { -log($0) * $1 }.values.reduce(0, +)
            / Double(2 * count)
        }
        return OperationSample(
          [.init([5, images], in: -1..<1), .init([texts, 5], in: -1..<1), .init([1], in: 0..<1)], description,
          forward: {
            softmaxPairwiseLoss(
              images: $0[0].transpose(), texts: $0[1], logScale: $0[2], positives: labels, tile: (2, 3))
          },
          composition: {
            composedSoftmaxPairwiseLoss(
              images: $0[0].transpose(), texts: $0[1], logScale: $0[2], labels: labels)
          },
          reference: { inputs in
            var logits = inputs[0].transposed.pairProducts(with: inputs[1]).map {
              exp(inputs[2].values[0]) * $0
            }
            // A finite number, whose power is 0 all the same.
            if let excluded { logits = logits.combine(excluded) { $1 == 1 ? -700 : $0 } }
            return ReferenceArray(
              [half(logits, axis: 1, count: images) + half(logits, axis: 0, count: texts)], shape: [])
          })
      })
  }
}
