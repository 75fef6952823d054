import SigLIPModel

/// `optimizer/adamw/siglip-b16-224`: an update of all parameters of SigLIP B/16.
enum Optimizers {
  static var work: [Work] {
    [
      // Parameter, gradient and both moments are read; all but the gradient are written.
      work("adamw", bytesPerParameter: 28) { AdamW($0, learningRate: 1e-5, beta2: 0.95, weightDecay: 1e-4) },
      // Parameter and first moment (two bytes) are read and written, the gradient is read.
      work("adafactor", bytesPerParameter: 16) {
        AdaFactor($0, learningRate: 1e-5, beta2Cap: 0.95, weightDecay: 1e-8)
      },
    ]
  }

  private static func work(
    _ name: String, bytesPerParameter: Int, _ makeOptimizer: @escaping (SigLIP) -> any Optimizer
  ) -> Work {
    Work(name: "optimizer/\(name)/siglip-b16-224", bytes: bytesPerParameter * 203_155_970) {
      let model = SigLIPWork.makeModel()
      let optimizer = makeOptimizer(model)
      var gradients = Gradients()
      for parameter in model.parameters { gradients[parameter] = parameter.value * 0.01 }
      return { optimizer.step(gradients) }
    }
  }
}
