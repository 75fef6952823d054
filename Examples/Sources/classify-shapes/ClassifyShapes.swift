import Optim

/// A small residual network that learns to tell shapes apart: Pairwise on pictures, without SigLIP.
@main enum ClassifyShapes {
  static func main() {
    var random = Random(seed: 1)
    let model = ResNet(widths: [16, 32, 64], classes: Shapes.names.count, random: &random)
    print("untrained: \(accuracy(of: model, &random))")
    train(model, steps: 100, &random) { step, loss in
      if step % 20 == 0 { print("step \(step): loss \(loss)") }
    }
    print("trained: \(accuracy(of: model, &random))")
  }

  /// Learns from fresh pictures at every step, and reports the losses.
  static func train(
    _ model: ResNet, steps: Int, batch: Int = 64, _ random: inout Random, report: (Int, Float) -> Void
  ) {
    let optimizer = SGD(
      model, learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 5e-4,
      schedule: Schedule(.cosine(end: 0.01), totalSteps: steps), groups: [.decayOnlyKernels])
    model.train()
    for step in 1...steps {
      let (pictures, labels) = Shapes.draw(batch, random: &random)
      let loss = crossEntropy(logits: model(Variable(pictures)), labels: labels, labelSmoothing: 0.1)
      optimizer.step(loss.backward())
      report(step, loss.item())
    }
  }

  /// The share of fresh pictures that are named right.
  static func accuracy(of model: ResNet, count: Int = 500, _ random: inout Random) -> Float {
    model.evaluate()
    let (pictures, labels) = Shapes.draw(count, random: &random)
    let found = withoutGradients { model(Variable(pictures)).argmax(axis: 1) }
    return (found .== labels).mean().item()
  }
}
