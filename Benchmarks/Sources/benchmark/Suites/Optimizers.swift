import SigLIPModel

/// `optimizer/adamw/siglip-b16-224`: an update of all parameters of SigLIP B/16. PyTorch has no Lion.
enum Optimizers {
  static var work: [Work] {
    [
      // Parameter, gradient and both moments are read; all but the gradient are written.
      work("adamw", bytesPerParameter: 28) { AdamW($0, learningRate: 1e-5, beta2: 0.95, weightDecay: 1e-4) },
      // Parameter and first moment (two bytes) are read and written, the gradient is read.
      work("adafactor", bytesPerParameter: 16) {
        AdaFactor($0, learningRate: 1e-5, beta2Cap: 0.95, weightDecay: 1e-8)
      },
      // Two passes more over the gradient, for the statistics and the clipping, and one over the parameter.
      work("adafactor-torch", bytesPerParameter: 24) { AdaFactor($0, preset: .torch, learningRate: 1e-5) },
      // Parameter and momentum are read and written, the gradient is read.
      work("lion", bytesPerParameter: 20) { Lion($0, learningRate: 1e-6, weightDecay: 1e-3) },
      work("sgd-momentum", bytesPerParameter: 20) { SGD($0, learningRate: 1e-5, momentum: 0.9) },
      average,
    ]
  }

  /// One step of a running average of the weights.
  private static var average: Work {
    Work(name: "optimizer/average/siglip-b16-224", bytes: 12 * parameterCount) {
      let model = SigLIPWork.makeModel()
      let average = WeightAverage(of: model, decay: 0.999)
      average.update()
      // Numbers of its own, so that the first measured update copies nothing.
      for parameter in model.parameters { parameter.value = parameter.value * 0.5 }
      return { average.update() }
    }
  }

  private static let parameterCount = 203_155_970

  private static func work(
    _ name: String, bytesPerParameter: Int, _ makeOptimizer: @escaping (SigLIP) -> any Optimizer
  ) -> Work {
    Work(name: "optimizer/\(name)/siglip-b16-224", bytes: bytesPerParameter * parameterCount) {
      let model = SigLIPWork.makeModel()
      let optimizer = makeOptimizer(model)
      var gradients = Gradients()
      for parameter in model.parameters { gradients[parameter] = parameter.value * 0.01 }
      return { optimizer.step(gradients) }
    }
  }
}
