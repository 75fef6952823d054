import Autograd

extension Variable {
  static var selectionSamples: [OperationSamples] {
    let mask = Tensor([1, 0, 0, 1, 1, 0])
    return [
      binarySamples("maximum", hasKinks: true, { $0.maximum($1) }) { Swift.max($0, $1) },
      binarySamples("minimum", hasKinks: true, { $0.minimum($1) }) { Swift.min($0, $1) },
      unarySamples("maximum", hasKinks: true, { $0.maximum(0.5) }) { Swift.max($0, 0.5) },
      unarySamples("minimum", hasKinks: true, { $0.minimum(0.5) }) { Swift.min($0, 0.5) },
      unarySamples("clamp", hasKinks: true, { $0.clamp(min: -0.5, max: 1) }) {
        Swift.min(Swift.max($0, -0.5), 1)
      },
      unarySamples("clamp", hasKinks: true, { $0.clamp(max: 1) }) { Swift.min($0, 1) },
      OperationSamples(
        "where",
        [([3, 4], 0), ([2, 17, 3], -2), ([0, 3], 1)].flatMap { (shape: Shape, diagonal: Int) in
          let rows = shape.count - 2
          return [
            movingSample(shape, to: shape, "tril \(diagonal)", { $0.tril(diagonal: diagonal) }) {
              $0[rows + 1] - $0[rows] <= diagonal ? $0 : nil
            },
            movingSample(shape, to: shape, "triu \(diagonal)", { $0.triu(diagonal: diagonal) }) {
              $0[rows + 1] - $0[rows] >= diagonal ? $0 : nil
            },
          ]
        }),
      OperationSamples(
        "where",
        [([6], [6]), ([4, 6], [6]), ([3, 1], [1, 6]), ([], [2, 6]), ([0, 6], [6])].map {
          (a: Shape, b: Shape) in
          OperationSample([.init(a), .init(b)]) {
            `where`(mask, $0[0], $0[1])
          } reference: { x in
            let shape = a.broadcast(with: b)!.broadcast(with: [6])!
            return ReferenceArray(shape: shape) {
              ReferenceArray(mask).broadcast(at: $0) != 0 ? x[0].broadcast(at: $0) : x[1].broadcast(at: $0)
            }
          }
        }),
    ]
  }
}
