import Foundation

import Autograd

extension Variable {
  static var checkpointSamples: [OperationSamples] {
    let shapes: [(Shape, Shape)] = [([3, 4], [3, 4]), ([2, 17], [17]), ([], [3])]
    return [
      OperationSamples(
        "checkpoint",
        shapes.map { a, b in
          OperationSample([.init(a), .init(b)], isTwiceDifferentiable: false) {
            checkpoint($0) { ($0[0] * $0[1]).sin() * $0[1] }
          } composition: {
            ($0[0] * $0[1]).sin() * $0[1]
          } reference: {
            $0[0].combine($0[1]) { Foundation.sin($0 * $1) * $1 }
          }
        })
    ]
  }
}
