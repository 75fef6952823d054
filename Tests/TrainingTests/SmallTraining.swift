import Foundation
import Optim
import Training

/// A model with all that a step can depend on: weights, running statistics, dropout.
final class SmallModel: Module {
  let hidden: Linear
  let norm = BatchNorm2d(channels: 16)
  let dropout: Dropout
  let output: Linear

  init(random: inout Random) {
    hidden = Linear(inputs: 8, outputs: 16, random: &random)
    dropout = Dropout(probability: 0.2, random: &random)
    output = Linear(inputs: 16, outputs: 3, random: &random)
  }

  func callAsFunction(_ x: Variable) -> Variable {
    let hidden = norm(hidden(x).reshape([x.shape[0], 16, 1, 1])).reshape([x.shape[0], 16])
    return output(dropout(hidden.relu()))
  }
}

/// Training of a small model on numbers with noise of their own, which has everything that can go on: an average of the
/// weights, a generator of its own, steps that may be left out.
final class SmallTraining {
  struct Batch { let inputs: Tensor, labels: IndexTensor }

  let model: SmallModel
  let trainer: Trainer
  let loader: DataLoader<Batch>
  private var random = Random(seed: 77)

  init(
    run: RunFolder? = nil, workers: Int = 0, learningRate: Float = 0.01, seed: UInt64 = 5,
    batchSize: Int = 7, settings: Trainer.Settings = .init(gradientNorm: 1, saveEvery: 2), scale: Float = 1,
    hasAverage: Bool = true
  ) throws {
    var random = Random(seed: 1)
    model = SmallModel(random: &random)
    let optimizer = AdamW(
      model, learningRate: learningRate, schedule: Schedule(.rsqrt(timescale: 50), totalSteps: 1000))
    trainer = Trainer(
      model, optimizer, average: hasAverage ? WeightAverage(of: model, decay: 0.9) : nil, run: run,
      settings: settings)
    let (data, labels) = (random.normal([60, 8]), (0..<60).map { _ in Int32(random.nextInt(below: 3)) })
    loader = DataLoader(
      try BatchOrder(sampleCount: 60, batchSize: batchSize, seed: seed), workers: workers
    ) { samples in
      let rows = samples.indices.indices.map { place in
        var random = samples.random(at: place)
        return data[samples.indices[place]] * scale + random.normal([8], standardDeviation: 0.1)
      }
      return Batch(inputs: .stack(rows), labels: IndexTensor(samples.indices.map { labels[$0] }))
    }
    trainer.keep("noise", get: { [unowned self] in self.random }, set: { [unowned self] in self.random = $0 })
    trainer.metrics["length"] = { [model] in Double(model.output.weight.value.square().sum().item()) }
  }

  func train(until steps: Int) throws {
    try trainer.train(loader, until: steps) { batch in
      let noise = random.normal([3], standardDeviation: 0.01)
      return crossEntropy(logits: model(Variable(batch.inputs)) + noise, labels: batch.labels)
    }
  }
}
