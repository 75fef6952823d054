import Autograd
import Foundation

enum LinearSamples {
  static var all: OperationSamples {
    let cases: [(Shape, outputs: Int, bias: Bool)] = [
      ([3, 4], 5, true), ([2, 3, 17], 33, true), ([7], 3, true), ([2, 5], 1, false), ([0, 4], 3, true),
    ]
    let plain = cases.map { x, outputs, hasBias in
      let features = x[x.count - 1]
      return OperationSample(
        [.init(x), .init([outputs, features])] + (hasBias ? [.init([outputs])] : []),
        forward: { linear($0[0], weight: $0[1], bias: hasBias ? $0[2] : nil) },
        composition: {
          let product = matmul($0[0], $0[1].transpose())
          return hasBias ? product + $0[2] : product
        },
        reference: { reference($0[0], $0[1], hasBias ? $0[2] : nil) })
    }
    let activated = OperationSample(
      [.init([3, 4]), .init([5, 4]), .init([5])], "quickGelu",
      forward: { linear($0[0], weight: $0[1], bias: $0[2], activation: .quickGelu) },
      composition: { (matmul($0[0], $0[1].transpose()) + $0[2]).quickGelu() },
      reference: { reference($0[0], $0[1], $0[2]).map { $0 / (1 + exp(-1.702 * $0)) } })
    return OperationSamples("linear", plain + [activated])
  }

  static func reference(
    _ x: ReferenceArray, _ weight: ReferenceArray, _ bias: ReferenceArray?
  ) -> ReferenceArray {
    ReferenceArray(shape: Shape(x.shape.dropLast()) + [weight.shape[0]]) { position in
      let output = position[position.count - 1]
      let row = Array(position.dropLast())
      return (0..<weight.shape[1]).reduce(bias?[[output]] ?? 0) { $0 + x[row + [$1]] * weight[[output, $1]] }
    }
  }
}
