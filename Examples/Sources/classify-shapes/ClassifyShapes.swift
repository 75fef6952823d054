import Foundation
import Training

/// A small residual network that learns to tell shapes apart: Pairwise on pictures, without SigLIP.
@main enum ClassifyShapes {
  static func main() throws {
    Interruption.watch()
    var random = Random(seed: 1)
    let model = resNet(widths: [16, 32, 64], classes: Shapes.names.count, random: &random)
    let run = try RunFolder(URL(filePath: "runs/classify-shapes"), start: .replacing)
    let order = try train(model, steps: 100, in: run)
    try TrainingReport(title: "Shapes", of: run, order: order).write(to: run.path("report.html"))
    print("fresh pictures named right: \(accuracy(of: model)); \(run.path("report.html")) shows the course")
  }

  /// Learns from fresh pictures at every step.
  @discardableResult
  static func train(_ model: some Layer, steps: Int, batch: Int = 64, in run: RunFolder) throws -> BatchOrder
  {
    let optimizer = SGD(
      model, learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 5e-4,
      schedule: Schedule(.cosine(end: 0.01), totalSteps: steps), groups: [.decayOnlyKernels])
    let pictures = DataLoader(try BatchOrder(sampleCount: 20 * batch, batchSize: batch, seed: 1)) { samples in
      var random = samples.random(at: 0)
      return Shapes.draw(samples.count, random: &random)
    }
    let trainer = Trainer(model, optimizer, run: run)
    trainer.showsProgress = true
    trainer.validate(every: 20) { ["accuracy": Double(accuracy(of: model))] }
    try trainer.train(pictures, until: steps) { batch in
      crossEntropy(logits: model(Variable(batch.pictures)), labels: batch.labels, labelSmoothing: 0.1)
    }
    return pictures.order
  }

  /// The share of 500 other pictures that are named right.
  static func accuracy(of model: some Layer) -> Float {
    model.evaluate()
    var random = Random(seed: 2)
    let (pictures, labels) = Shapes.draw(500, random: &random)
    return (withoutGradients { model(Variable(pictures)).argmax(axis: 1) } .== labels).mean().item()
  }
}
