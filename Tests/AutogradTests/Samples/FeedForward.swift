import Autograd
import Foundation

enum FeedForwardSamples {
  static var all: OperationSamples {
    let cases: [(Shape, outputs: Int, bias: Bool, factor: Double)] = [
      ([3, 4], 5, true, 1), ([2, 3, 17], 6, true, 1.702), ([7], 3, true, 1), ([2, 5], 1, false, 1.702),
      ([0, 4], 3, true, 1),
    ]
    return OperationSamples(
      "activatedLinear",
      cases.map { x, outputs, hasBias, factor in
        let activation: Activation = factor == 1 ? .silu : .quickGelu
        return OperationSample(
          [.init(x), .init([outputs, x[x.count - 1]])] + (hasBias ? [.init([outputs])] : []),
          "\(activation)",
          forward: {
            activatedLinear($0[0], activation: activation, weight: $0[1], bias: hasBias ? $0[2] : nil)
          },
          composition: {
            let product = matmul(activation($0[0]), $0[1].transpose())
            return hasBias ? product + $0[2] : product
          },
          reference: {
            LinearSamples.reference(
              $0[0].map { $0 / (1 + exp(-factor * $0)) }, $0[1], hasBias ? $0[2] : nil)
          })
      })
  }
}
