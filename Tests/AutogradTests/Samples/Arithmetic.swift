import Foundation

import Autograd

extension Variable {
  static var arithmeticSamples: [OperationSamples] {
    [
      binarySamples("add", { $0 + $1 }) { $0 + $1 },
      binarySamples("subtract", { $0 - $1 }) { $0 - $1 },
      binarySamples("multiply", { $0 * $1 }) { $0 * $1 },
      binarySamples("divide", divisor: 0.5..<2, { $0 / $1 }) { $0 / $1 },
      unarySamples("negate", { -$0 }) { -$0 },
      unarySamples("add", { 3 + ($0 + 2) }) { $0 + 5 },
      unarySamples("subtract", { 3 - ($0 - 2) }) { 5 - $0 },
      unarySamples("multiply", { 3 * ($0 * 2) }) { $0 * 6 },
      unarySamples("divide", in: 0.5..<2, { 3 / ($0 / 2) }) { 6 / $0 },
      unarySamples("pow", in: 0.5..<2, { $0.pow(2.5) }) { Foundation.pow($0, 2.5) },
      unarySamples("pow", { $0.pow(3) }) { $0 * $0 * $0 },
      unarySamples("pow", { $0.pow(1) }) { $0 },
      unarySamples("pow", { $0.pow(0) }) { _ in 1 },
      binarySamples("powVariable", in: 0.5..<2, { $0.pow($1) }) { Foundation.pow($0, $1) },
    ]
  }
}
