import Foundation
import Optim
import TestSupport
import Testing

/// Training that stops and goes on with another process's models and optimizers.
@Suite struct ResumingTests {
  private final class Model: Module {
    let input: Linear
    let norm = BatchNorm2d(channels: 12)
    let encoder: TransformerEncoder

    init(random: inout Random) {
      input = Linear(inputs: 5, outputs: 12, random: &random)
      encoder = TransformerEncoder(
        width: 12, depth: 2, heads: 2, dropout: 0.3, rematerializesBlocks: true, random: &random)
    }

    func callAsFunction(_ x: Variable) -> Variable {
      let features = norm(input(x).transpose().reshape([x.shape[0], 12, 4, 1]))
      return encoder(features.reshape([x.shape[0], 12, 4]).transpose())
    }
  }

  /// A model, its optimizer and the order of its data.
  private struct Session {
    let model: Model
    let optimizer: AdamW
    var random: Random
    var losses: [Tensor] = []

    init(seed: UInt64) {
      random = Random(seed: seed)
      model = Model(random: &random)
      optimizer = AdamW(model, learningRate: 0.01)
    }

    mutating func train(steps: Int, on data: Tensor) {
      for _ in 0..<steps {
        let batch = data.take(IndexTensor(Array(random.permutation(data.shape[0]).prefix(4))), axis: 0)
        let loss = (model(Variable(batch)) - 1).square().mean()
        optimizer.step(loss.backward())
        losses.append(loss.value)
      }
    }

    func save(to path: String) throws {
      var writer = SafetensorsWriter(metadata: [
        "order": String(decoding: try JSONEncoder().encode(random), as: UTF8.self)
      ])
      for (name, tensor) in model.stateDictionary() { writer.add(tensor, named: "model." + name) }
      optimizer.stateDictionary().add(to: &writer, prefix: "optimizer.")
      try writer.write(to: path)
    }

    mutating func restore(from path: String) throws {
      let file = try SafetensorsFile(path)
      random = try JSONDecoder().decode(Random.self, from: Data(try #require(file.metadata["order"]).utf8))
      let names = file.names.filter { $0.hasPrefix("model.") }
      try model.load(
        Dictionary(uniqueKeysWithValues: names.map { (String($0.dropFirst(6)), try file.tensor(named: $0)) }))
      try optimizer.load(OptimizerStateDictionary(file, prefix: "optimizer."))
    }
  }

  @Test func resumedTrainingIsUninterruptedTraining() throws {
    var random = Random(seed: 9)
    let data = random.normal([16, 4, 5])
    var whole = Session(seed: 1)
    whole.train(steps: 8, on: data)

    let folder = try TemporaryFolder()
    var first = Session(seed: 1)
    first.train(steps: 3, on: data)
    try first.save(to: folder.path("checkpoint.safetensors"))
    // Another seed: everything that matters comes from the file.
    var second = Session(seed: 2)
    try second.restore(from: folder.path("checkpoint.safetensors"))
    second.train(steps: 5, on: data)

    #expect(first.losses + second.losses == whole.losses)
    #expect(second.model.stateDictionary() == whole.model.stateDictionary())
    #expect(second.optimizer.stateDictionary() == whole.optimizer.stateDictionary())
  }
}
