import Foundation
import Kernels
import Optim
import Testing

@Suite struct AdaFactorTests {
  private final class Matrix: Module {
    let p: Parameter
    init(_ value: Tensor) { p = Parameter(value) }

    func gradients(_ gradient: Tensor) -> Gradients {
      var result = Gradients()
      result[p] = gradient
      return result
    }
  }

  private static func matrix(_ rows: Int, _ columns: Int, _ element: (Int, Int) -> Double) -> Tensor {
    let numbers = (0..<rows * columns).map { Float(element($0 / columns, $0 % columns)) }
    return Tensor(numbers, shape: [rows, columns])
  }

  @Test(arguments: [[0, 5], [5, 0], [0, 0]] as [Shape])
  func stepsOverParametersWithoutElements(_ shape: Shape) {
    let model = Matrix(.zeros(shape))
    let optimizer = AdaFactor(model, learningRate: 1e-3, smallestFactoredSize: 0)
    optimizer.step(model.gradients(.zeros(shape)))
    #expect(optimizer.stepCount == 1 && model.p.value.shape == shape)
  }

  /// The numbers are for momentum in double precision; bfloat16 keeps 8 bits of it, which is 0.2% at worst.
  @Test func givesTheGoldenNumbers() {
    let start = Self.matrix(32, 48) { i, j in Double((7 * i + 13 * j) % 17 - 8) / 10 }
    let model = Matrix(start)
    let optimizer = AdaFactor(model, learningRate: 1e-3, beta2Cap: 0.95, weightDecay: 1e-4)
    for step in 0..<3 {
      let gradient = Self.matrix(32, 48) { i, j in sin(0.1 * Double((i + 1) * (j + 1)) + Double(step)) }
      optimizer.step(model.gradients(gradient))
    }
    let golden = [
      (0, 0, -0.8001475487203035), (5, 7, -0.09952786316054818), (31, 47, 0.4000630531360419),
    ]
    for (i, j, value) in golden {
      let found = Double(model.p.value.scalars[i * 48 + j])
      let change = value - Double(start.scalars[i * 48 + j])
      #expect(abs(found - value) <= 3e-3 * abs(change) + 1e-7, "\(i), \(j): \(found)")
    }
  }

  /// Row means, column means and a momentum. The scalar that optax keeps besides its count is a stand-in for the squares
  /// of a parameter that is not factored.
  @Test func remembersLittleOfAMatrix() {
    let model = Matrix(.zeros([1024, 1024]))
    let optimizer = AdaFactor(model, learningRate: 1e-3)
    optimizer.step(model.gradients(.ones([1024, 1024])))
    let sizes = optimizer.stateDictionary().tensors.mapValues(\.count)
    #expect(sizes == ["p.rows": 1024, "p.columns": 1024, "p.momentum": 1024 * 1024])
    let lean = AdaFactor(model, learningRate: 1e-3, beta1: 0)
    lean.step(model.gradients(.ones([1024, 1024])))
    #expect(lean.stateDictionary().tensors.mapValues(\.count) == ["p.rows": 1024, "p.columns": 1024])
  }

  /// The first step follows the sign of a gradient of rank one at a tenth of the learning rate, before the momentum is
  /// rounded to bfloat16.
  @Test func firstStepAndMomentum() throws {
    let sign = { (i: Int, j: Int) -> Double in (i + j) % 3 == 0 ? -1 : 1 }
    let model = Matrix(.zeros([40, 33]))
    let optimizer = AdaFactor(model, learningRate: 0.5)
    let gradient = Self.matrix(40, 33) { i, j in Double((i + 1) * (j + 2)) * 1e-4 * sign(i, j) }
    optimizer.step(model.gradients(gradient))
    let expected = Self.matrix(40, 33) { i, j in -0.05 * sign(i, j) }
    #expect(model.p.value.isApproximatelyEqual(to: expected, absolute: 0, relative: 1e-6))
    let momentum = try #require(optimizer.stateDictionary().tensors["p.momentum"])
    #expect(momentum == Self.matrix(40, 33) { i, j in 0.10009765625 * sign(i, j) })
  }

  /// `Fixtures/optimizers.py` checks all of these numbers, and what optax makes of the same gradients: 0.9704 and 0.9828
  /// in bfloat16, as it rounds 0.9 too, and 1 in single precision.
  @Test func momentumsAfterManySteps() throws {
    func applied(_ precision: AdaFactor.MomentumPrecision, shape: Shape) -> Float {
      let model = Matrix(.zeros(shape))
      let optimizer = AdaFactor(model, learningRate: 1, momentumPrecision: precision)
      for _ in 0..<299 { optimizer.step(model.gradients(.ones(shape))) }
      model.p.value = .zeros(shape)
      optimizer.step(model.gradients(.ones(shape)))
      return -model.p.value.mean().item()
    }
    for shape in [[40, 40], [5, 40]] as [Shape] {
      #expect(abs(applied(.bfloat16, shape: shape) - 0.98594) < 1e-5)
      #expect(abs(applied(.float32, shape: shape) - 1) < 1e-6)
    }
  }

  /// A state that was saved in one precision continues in the other.
  @Test func momentumsOfTheOtherPrecisionAreLoaded() throws {
    func step(_ precision: AdaFactor.MomentumPrecision, from state: OptimizerStateDictionary?) throws
      -> OptimizerStateDictionary
    {
      let model = Matrix(.zeros([40, 33]))
      let optimizer = AdaFactor(model, learningRate: 1, momentumPrecision: precision)
      if let state {
        try optimizer.load(state)
      } else {
        optimizer.step(model.gradients(.full([40, 33], 0.3)))
      }
      return optimizer.stateDictionary()
    }
    let (short, full) = (try step(.bfloat16, from: nil), try step(.float32, from: nil))
    #expect(short != full)
    #expect(try step(.bfloat16, from: full) == short)
    #expect(try step(.float32, from: short) == short)
    #expect(try step(.float32, from: full) == full)
  }

  @Test func factorsOnlyLongAxes() {
    let short = Matrix(.ones([31, 64]))
    let optimizer = AdaFactor(short, learningRate: 1e-3)
    optimizer.step(short.gradients(.ones([31, 64])))
    #expect(optimizer.stateDictionary().tensors["p.rows"]?.shape == [31, 64])
    #expect(optimizer.stateDictionary().tensors["p.columns"] == nil)
    let lower = AdaFactor(short, learningRate: 1e-3, smallestFactoredSize: 31)
    lower.step(short.gradients(.ones([31, 64])))
    #expect(lower.stateDictionary().tensors["p.columns"]?.shape == [64])
  }

  /// Zero gradients give no step but the decay, which knows the schedule and not the learning rate.
  @Test func decaysApartFromTheLearningRate() {
    let model = Matrix(.ones([40, 40]))
    let optimizer = AdaFactor(
      model, learningRate: 1e-3, weightDecay: 0.125, schedule: Schedule(.linear(), totalSteps: 2),
      groups: [ParameterGroup(/p/, learningRateMultiplier: 0.1)])
    optimizer.step(model.gradients(.zeros([40, 40])))
    #expect(model.p.value == .full([40, 40], 0.875))
    optimizer.step(model.gradients(.zeros([40, 40])))
    #expect(model.p.value == .full([40, 40], 0.875 * 0.9375))
  }

  @Test func readsGradientsInAnyLayout() {
    var random = Random(seed: 8)
    let gradient = random.normal([80, 34]).transpose().slice(0..<80, axis: 1, step: 2)
    let (one, other) = (Matrix(.ones([34, 40])), Matrix(.ones([34, 40])))
    AdaFactor(one, learningRate: 1e-2).step(one.gradients(gradient))
    AdaFactor(other, learningRate: 1e-2).step(other.gradients(gradient.contiguous()))
    #expect(one.p.value == other.p.value)
  }

  /// The matrix is large enough for several blocks of rows.
  @Test func theNumberOfThreadsChangesNothing() {
    func run(threads: Int) -> [Tensor] {
      ThreadPool.withThreadCount(threads) {
        var random = Random(seed: 6)
        let model = Matrix(random.normal([300, 200]))
        let optimizer = AdaFactor(model, learningRate: 1e-2)
        for _ in 0..<3 {
          var gradients = model.gradients(random.normal([300, 200]))
          optimizer.clipGlobalNorm(&gradients, to: 1)
          optimizer.step(gradients)
        }
        return [model.p.value] + optimizer.stateDictionary().tensors.sorted { $0.key < $1.key }.map(\.value)
      }
    }
    let alone = run(threads: 1)
    #expect(run(threads: 2) == alone)
    #expect(run(threads: 3) == alone)
  }
}
