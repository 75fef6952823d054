import Foundation
import Kernels
import Optim
import TestSupport
import Testing

/// Twenty steps of every preset against its original in double precision (`Fixtures/adafactor_presets.py`).
@Suite struct AdaFactorPresetTests {
  private class Shapes: FixtureModule {
    override class var shapes: [String: Shape] {
      ["matrix": [33, 40], "small": [5, 6], "vector": [45], "kernel": [5, 3, 3, 4]]
    }
    let matrix: Parameter, small: Parameter, vector: Parameter, kernel: Parameter

    required override init() {
      let type = Self.self
      (matrix, small) = (type.start("matrix"), type.start("small"))
      (vector, kernel) = (type.start("vector"), type.start("kernel"))
    }
  }

  /// optax factors axes of 128 and more.
  private final class LargeShapes: Shapes {
    override class var shapes: [String: Shape] { super.shapes.merging(["matrix": [128, 130]]) { $1 } }
  }

  /// big_vision's code factors the first and the last axis of the kernel.
  private final class LongKernelShapes: Shapes {
    override class var shapes: [String: Shape] { super.shapes.merging(["kernel": [33, 2, 1, 32]]) { $1 } }
  }

  private static let steps = 20
  private static let reference = Result {
    try SafetensorsFile(fixture("optimizers/presets.safetensors")).tensors()
  }

  /// Parameters after all steps, each number to 1e-6 of itself and to five roundings of numbers near 1, as parameters pass
  /// through such on their way; and the last update by itself, made of a parameter of zeros.
  ///
  /// - Parameter ofLargest: What an update may be off by, as a share of the largest: where it is a sum of several steps,
  ///   it may be small because they cancel.
  private func check<Model: Shapes>(
    _ name: String, _ type: Model.Type, ofLargest: Float = 0, _ make: (Model) -> AdaFactor
  ) throws {
    for isBare in [false, true] {
      let model = type.init()
      let optimizer = make(model)
      for step in 0..<Self.steps {
        var gradients = model.gradients(step: step)
        gradients.scale(by: Float(sign: .plus, exponent: step * 3 % 5 - 2, significand: 1))
        if isBare && step == Self.steps - 1 {
          for parameter in model.parameters { parameter.value = .zeros(parameter.shape) }
        }
        optimizer.step(gradients)
      }
      for (path, parameter) in model.namedParameters() {
        let key = "\(name)/\(path)\(isBare ? ".update" : "")"
        let expected = try #require(Self.reference.get()[key])
        let absolute = isBare ? ofLargest * expected.abs().max().item() : 3e-7
        #expect(
          parameter.value.isApproximatelyEqual(to: expected, absolute: absolute, relative: 1e-6),
          "\(key)")
      }
    }
  }

  @Test func paper() throws {
    try check("paper", Shapes.self) { AdaFactor($0, preset: .paper, learningRate: 0.01) }
  }

  @Test func optax() throws {
    try check("optax", LargeShapes.self) {
      AdaFactor($0, preset: .optax, learningRate: 0.1, weightDecay: 1e-3)
    }
    var preset = AdaFactor.Preset.optax
    preset.smallestScale = nil
    preset.beta1 = 0.9
    try check("optax.momentum", Shapes.self, ofLargest: 1e-6) {
      AdaFactor($0, preset: preset, learningRate: 0.02)
    }
  }

  @Test func huggingFace() throws {
    try check("huggingFace", Shapes.self) {
      AdaFactor($0, preset: .huggingFace, learningRate: 0.01, weightDecay: 0.1)
    }
    var preset = AdaFactor.Preset.huggingFace
    preset.stepSize = .learningRate
    preset.smallestScale = nil
    preset.beta1 = 0.9
    preset.clippingThreshold = 2
    try check("huggingFace.manual", Shapes.self, ofLargest: 1e-6) {
      AdaFactor($0, preset: preset, learningRate: 0.02)
    }
    preset = .huggingFace
    preset.stepSize = .relativeWithWarmUp
    try check("huggingFace.warmUp", Shapes.self) { AdaFactor($0, preset: preset, learningRate: 0.01) }
  }

  @Test func torch() throws {
    try check("torch", Shapes.self) { AdaFactor($0, preset: .torch, learningRate: 0.01) }
    try check("torch.decay", Shapes.self) {
      AdaFactor($0, preset: .torch, learningRate: 0.3, weightDecay: 0.1)
    }
  }

  @Test func bigVision() throws {
    var preset = AdaFactor.Preset.bigVision
    preset.momentumPrecision = .float32
    preset.beta2Cap = 0.8
    try check("bigVision", LongKernelShapes.self, ofLargest: 1e-6) {
      AdaFactor($0, preset: preset, learningRate: 0.02, weightDecay: 1e-3)
    }
  }

  private static let presets: [AdaFactor.Preset] = {
    var averaging = AdaFactor.Preset.torch
    averaging.beta1 = 0.9
    return [.bigVision, .paper, .optax, .huggingFace, .torch, averaging]
  }()

  /// Where no gradient ever was, nothing moves, and nothing is 0 / 0; nor where the learning rate is zero, as at the first
  /// step of a warm-up.
  @Test(arguments: presets, [0, 0.01] as [Float])
  func whatNothingMoves(preset: AdaFactor.Preset, learningRate: Float) throws {
    let model = Shapes()
    let optimizer = AdaFactor(model, preset: preset, learningRate: learningRate)
    let before = model.stateDictionary()
    for _ in 0..<3 {
      var gradients = Gradients()
      for parameter in model.parameters {
        var gradient = Tensor.zeros(parameter.shape)
        if parameter.shape.count > 1 { gradient[1...] = .full(gradient[1...].shape, 0.5) }
        gradients[parameter] = gradient
      }
      optimizer.step(gradients)
    }
    for (path, parameter) in model.namedParameters() {
      let start = try #require(before[path])
      #expect(parameter.value[0] == start[0])
      #expect((parameter.value == start) == (learningRate == 0 || path == "vector"))
    }
  }

  /// Enough matrices, and a matrix tall enough, for several ranges of each.
  @Test(arguments: [[3000, 5, 7], [3, 700, 200], [70_000, 1, 2]] as [Shape])
  func theNumberOfThreadsChangesNothing(shape: Shape) {
    func run(threads: Int) -> [Tensor] {
      ThreadPool.withThreadCount(threads) {
        var random = Random(seed: 6)
        let model = Single(random.normal(shape))
        let optimizer = AdaFactor(model, preset: .torch, learningRate: 1e-2)
        for _ in 0..<2 {
          var gradients = Gradients()
          gradients[model.p] = random.normal(shape)
          optimizer.step(gradients)
        }
        let state = optimizer.stateDictionary().tensors
        return [model.p.value, state["p.rows"]!, state["p.columns"]!]
      }
    }
    let alone = run(threads: 1)
    #expect(run(threads: 2) == alone)
    #expect(alone[1].shape == shape.dropLast() && alone[2].count == shape[0] * shape[2])
  }

  private final class Single: Module {
    let p: Parameter
    init(_ value: Tensor) { p = Parameter(value) }
  }
}
