import Autograd

extension Variable {
  static var nodeSamples: [OperationSamples] {
    [
      unarySamples("alias", { $0.aliased() }) { $0 },
      unarySamples("observingGradient", { $0.observingGradient { _ in } }) { $0 },
    ]
  }
}
