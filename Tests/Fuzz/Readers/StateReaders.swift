import Optim
import Tensor

let stateReaders = [
  Reader(
    name: "module state", share: 60,
    seeds: {
      try [
        Seeds.written("state.safetensors") { try SafetensorsFile.write(Small().stateDictionary(), to: $0) }
      ]
    },
    read: { sample in
      let model = Small()
      let state = try SafetensorsFile(sample.path).tensors()
      sample.attempt { try Small().load(state, strict: false) }
      try model.load(state)
      use(model.loss.value)
    }),
  optimizer("adamw state") { AdamW($0, learningRate: 0.1, weightDecay: 0.1) },
  optimizer("adafactor state") { AdaFactor($0, learningRate: 0.1) },
  optimizer("torch's adafactor state") { AdaFactor($0, preset: .torch, learningRate: 0.1) },
  optimizer("sgd state") { SGD($0, learningRate: 0.1, momentum: 0.9) },
  optimizer("lion state") { Lion($0, learningRate: 0.1) },
  Reader(
    name: "weight average state", share: 30,
    seeds: {
      let model = Small()
      let average = WeightAverage(of: model, decay: 0.5, start: 1)
      return try [1, 3].map { updates in
        while average.updateCount < updates { average.update() }
        return try Seeds.written("state.safetensors") {
          var writer = SafetensorsWriter()
          average.stateDictionary().add(to: &writer)
          try writer.write(to: $0)
        }
      }
    },
    read: { sample in
      let model = Small()
      let average = WeightAverage(of: model, decay: 0.5, start: 1, warmUp: .init())
      try average.load(OptimizerStateDictionary(SafetensorsFile(sample.path)))
      average.update()
      use(average.withAveragedWeights { model.loss.value })
    }),
]

/// A model with everything that a state can hold.
private final class Small: Module {
  let layers: [Linear]
  let norm = BatchNorm2d(channels: 3)
  let scale = Parameter(Tensor(1))
  let dropout: Dropout

  init() {
    var random = Random(seed: 1)
    layers = [Linear(inputs: 3, outputs: 4, random: &random), Linear(inputs: 4, outputs: 1, random: &random)]
    dropout = Dropout(probability: 0.2, random: &random)
  }

  var loss: Variable {
    let x = norm(Variable(Tensor.ones([2, 3, 1, 1]))).reshape([2, 3])
    return (layers[1](dropout(layers[0](x, activation: .gelu))) * scale.variable).sum()
  }
}

private func optimizer<O: Optimizer & SendableMetatype>(
  _ name: String, _ make: @escaping @Sendable (Small) -> O
) -> Reader {
  Reader(
    name: name, share: 30,
    seeds: {
      let model = Small()
      let optimizer = make(model)
      optimizer.step(model.loss.backward())
      return [
        try Seeds.written("state.safetensors") {
          var writer = SafetensorsWriter()
          optimizer.stateDictionary().add(to: &writer)
          try writer.write(to: $0)
        }
      ]
    },
    read: { sample in
      let model = Small()
      let optimizer = make(model)
      try optimizer.load(OptimizerStateDictionary(SafetensorsFile(sample.path)))
      optimizer.step(model.loss.backward())
      for parameter in model.parameters { use(parameter.value) }
    })
}
