import Foundation

import Autograd

extension Variable {
  static var constantSamples: [OperationSamples] {
    let c = Tensor(1.5)
    return [
      unarySamples("add", { c + ($0 + c) }) { $0 + 3 },
      unarySamples("subtract", { c - ($0 - c) }) { 3 - $0 },
      unarySamples("multiply", { c * ($0 * c) }) { 2.25 * $0 },
      unarySamples("divide", in: 0.5..<2, { c / ($0 / c) }) { 2.25 / $0 },
      unarySamples("maximum", hasKinks: true, { $0.maximum(c) }) { Swift.max($0, 1.5) },
      unarySamples("minimum", hasKinks: true, { $0.minimum(c) }) { Swift.min($0, 1.5) },
      unarySamples("powVariable", in: 0.5..<2, { $0.pow(c) }) { Foundation.pow($0, 1.5) },
      OperationSamples(
        "matmul",
        [
          OperationSample([.init([3, 2])], "with a tensor") {
            $0[0].matmul(Tensor([[1, 2, 3], [4, 5, 6]]))
          } reference: {
            $0[0].matmul(ReferenceArray([1, 2, 3, 4, 5, 6], shape: [2, 3]))
          }
        ]),
      OperationSamples(
        "where",
        [
          OperationSample([.init([3])], "of a variable and a tensor") {
            let mask = Tensor([1, 0, 1])
            return `where`(mask, $0[0], c) + `where`(mask, c, $0[0])
          } reference: {
            $0[0].map { $0 + 1.5 }
          }
        ]),
    ]
  }
}
