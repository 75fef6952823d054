import Distributed
import Optim
import TestSupport
import Testing

/// Each rank keeps a part of what optimizers remember.
@Suite struct ShardedOptimizerStateTests {
  private final class Model: Module {
    let table = Parameter(.zeros([40, 33]))
    let first, second: Linear
    let frozen = Parameter(.zeros([7]))
    let scale = Parameter(.zeros([]))

    init() {
      var random = Random(seed: 4)
      first = Linear(inputs: 33, outputs: 36, random: &random)
      second = Linear(inputs: 36, outputs: 5, random: &random)
    }
  }

  /// A model and its optimizers, both of which have the parameters of a layer.
  private struct Training {
    let model = Model()
    let optimizers: [any Optimizer]

    init() {
      optimizers = [
        AdamW(model.second, learningRate: 0.1),
        AdaFactor(model, learningRate: 0.1, groups: [ParameterGroup(/frozen/, isFrozen: true)]),
      ]
    }

    /// The gradients of a step; none reaches one of the parameters at the second.
    func gradients(_ step: Int) -> Gradients {
      var random = Random(seed: UInt64(step))
      var gradients = Gradients()
      for parameter in model.parameters where !parameter.isFrozen {
        let gradient = random.normal(parameter.shape)
        if step == 1 && parameter === model.first.bias { continue }
        gradients[parameter] = gradient
      }
      return gradients
    }

    var values: [Tensor] { model.parameters.map(\.value) }
    var states: [OptimizerStateDictionary] { optimizers.map { $0.stateDictionary() } }
  }

  @Test(arguments: [1, 2, 3, 4], [40, 25 << 20]) func stepsAreThoseOfOneProcess(ranks: Int, bytes: Int) throws
  {
    let alone = Training()
    var middle: [OptimizerStateDictionary] = []
    for step in 0..<4 {
      if step == 2 { middle = alone.states }
      for optimizer in alone.optimizers { optimizer.step(alone.gradients(step)) }
    }
    let saved = middle
    let results = try ThreadCommunicator.run(ranks: ranks) { communicator in
      let training = Training()
      var shards = ShardedOptimizerState(training.optimizers, communicator)
      var (own, inTheMiddle) = ([OptimizerStateDictionary](), [OptimizerStateDictionary]())
      for step in 0..<4 {
        if step == 2 {
          own = training.states
          inTheMiddle = try shards.gatherStates()
          // What is loaded is the whole, of which a rank keeps its part.
          for (optimizer, state) in zip(training.optimizers, saved) { try optimizer.load(state) }
          #expect(training.states == own)
          shards = ShardedOptimizerState(training.optimizers, communicator)
          #expect(training.states == own)
        }
        for optimizer in training.optimizers { optimizer.step(training.gradients(step)) }
        try shards.gatherParameters(bytesAtATime: bytes)
      }
      return (training.values, own, inTheMiddle, try shards.gatherStates())
    }
    for (rank, (values, own, inTheMiddle, states)) in results.enumerated() {
      #expect(values == alone.values, "rank \(rank)")
      if rank == 0 { #expect(inTheMiddle == middle && states == alone.states) }
      for (optimizer, whole) in zip(own, middle) {
        for (name, tensor) in optimizer.tensors { #expect(whole.tensors[name] == tensor, "\(name)") }
      }
    }
    // Nothing is kept twice, and the largest parameter is alone.
    let kept = results.flatMap { $0.1.flatMap { $0.tensors.keys.map { $0 } } }
    #expect(kept.sorted() == middle.flatMap { $0.tensors.keys.map { $0 } }.sorted())
    let counts = results.map { $0.1.reduce(0) { $0 + $1.tensors.values.reduce(0) { $0 + $1.count } } }
    if ranks > 1 {
      #expect(counts.max()! < middle.reduce(0) { $0 + $1.tensors.values.reduce(0) { $0 + $1.count } })
    }
    #expect(counts.allSatisfy { $0 > 0 })
  }
}
