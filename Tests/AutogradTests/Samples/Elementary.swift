import Autograd
import Foundation

extension Variable {
  static var elementarySamples: [OperationSamples] {
    [
      unarySamples("exp", { $0.exp() }, reference: Foundation.exp),
      unarySamples("expm1", { $0.expm1() }, reference: Foundation.expm1),
      unarySamples("log1p", in: -0.75..<3, { $0.log1p() }, reference: Foundation.log1p),
      unarySamples("log", in: 0.5..<3, { $0.log() }, reference: Foundation.log),
      unarySamples("sin", { $0.sin() }, reference: Foundation.sin),
      unarySamples("cos", { $0.cos() }, reference: Foundation.cos),
      unarySamples("erf", { $0.erf() }, reference: Foundation.erf),
      unarySamples("normalProbability", { $0.normalProbability() }) {
        0.5 * Foundation.erfc(-$0 / 2.0.squareRoot())
      },
      unarySamples("sqrt", in: 0.5..<3, { $0.sqrt() }) { $0.squareRoot() },
      unarySamples("rsqrt", in: 0.5..<3, { $0.rsqrt() }) { 1 / $0.squareRoot() },
      unarySamples("reciprocal", in: 0.5..<3, { $0.reciprocal() }) { 1 / $0 },
      unarySamples("square", { $0.square() }) { $0 * $0 },
      unarySamples("abs", hasKinks: true, { $0.abs() }) { $0.magnitude },
    ]
  }
}
