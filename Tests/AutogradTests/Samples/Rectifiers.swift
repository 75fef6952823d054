import Autograd
import Foundation

extension Variable {
  static var rectifierSamples: [OperationSamples] {
    let sigmoid = { (x: Double) in 1 / (1 + Foundation.exp(-x)) }
    return [
      unarySamples("leakyRelu", hasKinks: true, { $0.leakyRelu() }) { $0 > 0 ? $0 : 0.01 * $0 },
      unarySamples("leakyRelu", hasKinks: true, { $0.leakyRelu(slope: 1.5) }) { $0 > 0 ? $0 : 1.5 * $0 },
      unarySamples("elu", hasKinks: true, { $0.elu(alpha: 0.7) }) {
        $0 > 0 ? $0 : 0.7 * Foundation.expm1($0)
      },
      unarySamples("hardswish", in: -6..<6, hasKinks: true, { $0.hardswish() }) {
        $0 * Swift.min(Swift.max($0 + 3, 0), 6) / 6
      },
      unarySamples("mish", in: -4..<4, { $0.mish() }) {
        $0 * Foundation.tanh(Foundation.log1p(Foundation.exp($0)))
      },
      OperationSamples(
        "glu",
        [([2, 34], -1), ([4, 3], 0), ([2, 2, 5], 1), ([0, 2], 1), ([2], 0)].map { (shape: Shape, axis: Int) in
          OperationSample([.init(shape)], "\(shape) along \(axis)") {
            $0[0].glu(axis: axis)
          } reference: {
            $0[0].mapLines(along: axis) { line in
              (0..<line.count / 2).map { line[$0] * sigmoid(line[$0 + line.count / 2]) }
            }
          }
        }),
    ]
  }
}
