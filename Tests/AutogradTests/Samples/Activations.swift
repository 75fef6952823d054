import Autograd
import Foundation

extension Variable {
  static var activationSamples: [OperationSamples] {
    let sigmoid = { (x: Double) in 1 / (1 + Foundation.exp(-x)) }
    return [
      unarySamples("tanh", { $0.tanh() }, reference: Foundation.tanh),
      unarySamples("sigmoid", { $0.sigmoid() }, reference: sigmoid),
      unarySamples("softplus", { $0.softplus() }) { Foundation.log1p(Foundation.exp($0)) },
      unarySamples("logSigmoid", { $0.logSigmoid() }) { -Foundation.log1p(Foundation.exp(-$0)) },
      unarySamples("relu", hasKinks: true, { $0.relu() }) { Swift.max($0, 0) },
      unarySamples("relu6", in: -3..<9, hasKinks: true, { $0.relu6() }) { Swift.min(Swift.max($0, 0), 6) },
      unarySamples("geluTanh", { $0.gelu() }, composition: composedGeluTanh) {
        0.5 * $0 * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
      },
      unarySamples("geluErf", { $0.gelu(exact: true) }, composition: composedGeluErf) {
        0.5 * $0 * (1 + Foundation.erf($0 / 2.0.squareRoot()))
      },
      unarySamples("quickGelu", { $0.quickGelu() }, composition: { $0 * ($0 * 1.702).sigmoid() }) {
        $0 * sigmoid(1.702 * $0)
      },
      unarySamples("silu", { $0.silu() }, composition: { $0 * $0.sigmoid() }) { $0 * sigmoid($0) },
    ]
  }
}
