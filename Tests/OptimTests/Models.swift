import Optim
import TestSupport
import Testing

/// A module of parameters without layers, whose values and gradients `Fixtures/optimizers.py` computes too.
class FixtureModule: Module {
  /// Shapes of the parameters by property name.
  class var shapes: [String: Shape] { [:] }

  /// A parameter that starts where the fixture's does.
  class func start(_ name: String) -> Parameter {
    let shape = shapes[name] ?? []
    let numbers = (0..<shape.elementCount).map { k in Float((k * 7 + name.count * 3) % 19 - 9) / 16 }
    return Parameter(Tensor(numbers, shape: shape))
  }

  /// The fixture's gradients of a step.
  func gradients(step: Int) -> Gradients {
    var result = Gradients()
    for (name, parameter) in namedParameters() {
      let numbers = (0..<parameter.shape.elementCount).map { k -> Float in
        let number = k * 37 + step * 101 + name.count * 53 + k * step % 29
        return Float(number % 61 - 30) / 64
      }
      result[parameter] = Tensor(numbers, shape: parameter.shape)
    }
    return result
  }
}

final class SmallModel: FixtureModule {
  override class var shapes: [String: Shape] { ["matrix": [5, 6], "vector": [7], "scalar": []] }
  let matrix = SmallModel.start("matrix")
  let vector = SmallModel.start("vector")
  let scalar = SmallModel.start("scalar")
}

/// AdaFactor factors `large` and the first and last axis of `cube`; the second largest axis of `patch` is one too short.
final class LargeModel: FixtureModule {
  override class var shapes: [String: Shape] {
    ["large": [33, 40], "cube": [34, 2, 32], "patch": [31, 64], "vector": [45]]
  }
  let large = LargeModel.start("large")
  let cube = LargeModel.start("cube")
  let patch = LargeModel.start("patch")
  let vector = LargeModel.start("vector")
}

/// Matrices that AdaFactor is told to see as something else.
final class ModelOfHeads: FixtureModule {
  override class var shapes: [String: Shape] { ["large": [33, 40], "heads": [66, 40]] }
  let large = ModelOfHeads.start("large")
  let heads = ModelOfHeads.start("heads")
}

/// Layers of every kind that a weight decay mask tells apart; all numbers are 1.
final class LayeredModel: Module {
  let linear: Linear
  let convolution: Conv2d
  let norm = LayerNorm(width: 4)
  let embedding: Embedding
  let temperature = Parameter(Tensor(1))

  init() {
    var random = Random(seed: 5)
    linear = Linear(inputs: 3, outputs: 4, random: &random)
    convolution = Conv2d(inputs: 2, outputs: 3, kernel: (2, 2), random: &random)
    embedding = Embedding(count: 5, width: 4, random: &random)
    for parameter in parameters { parameter.value = .ones(parameter.shape) }
  }

  /// The same number everywhere.
  func gradients(_ value: Float) -> Gradients {
    var result = Gradients()
    for parameter in parameters where !parameter.isFrozen {
      result[parameter] = .full(parameter.shape, value)
    }
    return result
  }
}
