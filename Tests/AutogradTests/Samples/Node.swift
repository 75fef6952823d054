import Autograd

extension Variable {
  static var nodeSamples: OperationSamples { unarySamples("alias", { $0.aliased() }) { $0 } }
}
