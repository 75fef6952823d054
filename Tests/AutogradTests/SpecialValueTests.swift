import Autograd
import Foundation
import Kernels
import Testing

/// Derivatives where they need a convention, and sizes that several threads share.
@Suite struct SpecialValueTests {
  private func gradient(_ scalars: [Float], _ function: (Variable) -> Variable) -> Tensor? {
    let x = Variable(Tensor(scalars), requiresGradient: true)
    return function(x).sum().backward()[x]
  }

  @Test func equalElementsShareTheGradient() {
    #expect(gradient([1, 3, 3, 2]) { $0.max() } == Tensor([0, 0.5, 0.5, 0]))
    #expect(gradient([3, 1, 1, 1]) { $0.min() * 3 } == Tensor([0, 1, 1, 1]))
    let (a, b) = (
      Variable(Tensor([1, 2, 3]), requiresGradient: true),
      Variable(Tensor([1, 3, 2]), requiresGradient: true)
    )
    let larger = a.maximum(b).sum().backward()
    #expect(larger[a] == Tensor([0.5, 0, 1]))
    #expect(larger[b] == Tensor([0.5, 1, 0]))
    let smaller = a.minimum(b).sum().backward()
    #expect(smaller[a] == Tensor([0.5, 1, 0]))
    #expect(smaller[b] == Tensor([0.5, 0, 1]))
  }

  /// The first of equal ones has the gradient of an adaptive maximum; the first NaN is the largest.
  @Test func extremesOfAdaptiveWindows() {
    let x = Variable(
      Tensor([[1, 3, 3, 0], [3, 2, 0, 3], [0, .nan, 5, 5], [.nan, 9, 5, 1]]).reshape([1, 1, 4, 4]),
      requiresGradient: true)
    let y = x.adaptiveMaxPool2d((2, 2))
    #expect(y.value.scalars[0] == 3 && y.value.scalars[1] == 3 && y.value.scalars[3] == 5)
    #expect(y.value.scalars[2].isNaN)
    let gradient = y.sum().backward()[x]?.reshape([4, 4])
    #expect(gradient == Tensor([[0, 1, 1, 0], [0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]))
  }

  @Test func kinks() {
    #expect(gradient([-1, 0, 1]) { $0.abs() } == Tensor([-1, 0, 1]))
    #expect(gradient([-1, 0, 1]) { $0.relu() } == Tensor([0, 0, 1]))
    #expect(gradient([-1, 0, 3, 6, 7]) { $0.relu6() } == Tensor([0, 0, 1, 0, 0]))
    #expect(gradient([-1, 0, 0.5, 1, 2]) { $0.clamp(min: 0, max: 1) } == Tensor([0, 1, 1, 1, 0]))
  }

  /// An element that has no part in a value gets no part of its gradient, whatever that is.
  @Test(arguments: [Float.infinity, .nan]) func gradientsThatAreNotFinite(_ incoming: Float) {
    func gradient(_ scalars: [Float], _ function: (Variable) -> Variable) -> Tensor {
      let x = Variable(Tensor(scalars), requiresGradient: true)
      let y = function(x)
      return gradients(of: y, withRespectTo: [x], seed: Variable(.full(y.shape, incoming)))[0].value
    }
    #expect(gradient([-1, 2]) { $0.clamp(min: 0, max: 1) } == Tensor([0, 0]))
    #expect(gradient([-1, -2]) { $0.relu() } == Tensor([0, 0]))
    #expect(gradient([1, 3]) { $0.max() }.scalars[0] == 0)
    #expect(gradient([1, 3]) { $0.min() }.scalars[1] == 0)
  }

  @Test func productsWithZeros() {
    #expect(gradient([2, 3, 4]) { $0.product() } == Tensor([12, 8, 6]))
    #expect(gradient([2, 0, 4]) { $0.product() } == Tensor([0, 8, 0]))
    #expect(gradient([0, 0, 4]) { $0.product() } == Tensor([0, 0, 0]))
    let x = Variable(Tensor([2, 0, 0]), requiresGradient: true)
    let first = gradients(of: x.product(), withRespectTo: [x], createGraph: true)[0]
    #expect(first.value == Tensor([0, 0, 0]))
    #expect(gradients(of: first[1], withRespectTo: [x])[0].value == Tensor([0, 0, 2]))
  }

  @Test func normsAndLogarithmsOfNothing() {
    #expect(gradient([0, 0]) { $0.norm() } == Tensor([0, 0]))
    #expect(gradient([0, 0]) { $0.normalized() } == Tensor([1e8, 1e8]))
    #expect(gradient([-.infinity, -.infinity]) { $0.logSumExp() } == Tensor([0, 0]))
    #expect(gradient([-.infinity, 1]) { $0.logSumExp() } == Tensor([0, 1]))
  }

  @Test func powersOfZero() {
    #expect(gradient([0, 2]) { $0.pow(0) } == Tensor([0, 0]))
    #expect(gradient([0, 2]) { $0.pow(1) } == Tensor([1, 1]))
    #expect(gradient([0, 2]) { $0.pow(2) } == Tensor([0, 4]))
    let exponents = Variable(Tensor([0, 2]), requiresGradient: true)
    let base = Variable(Tensor([0, 0]), requiresGradient: true)
    let found = base.pow(exponents).sum().backward()
    #expect(found[base] == Tensor([0, 0]))
    #expect(found[exponents] == Tensor([0, 0]))
  }

  /// Where a sigmoid is rounded to 1 its slope, and the slope of that, are not 0.
  @Test func curvatureOfSaturatedFunctions() {
    func derivatives(_ x: Float, _ function: (Variable) -> Variable) -> [Float] {
      let leaf = Variable(Tensor(x), requiresGradient: true)
      var result: [Float] = []
      var value = function(leaf)
      for _ in 0..<3 {
        value = gradients(of: value, withRespectTo: [leaf], createGraph: true)[0]
        result.append(value.item())
      }
      return result
    }
    func expect(_ found: [Float], _ expected: [Double], sourceLocation: SourceLocation = #_sourceLocation) {
      let isClose = zip(found, expected).allSatisfy { abs(Double($0) - $1) <= 1e-5 * abs($1) }
      #expect(isClose, "\(found), expected \(expected)", sourceLocation: sourceLocation)
    }
    // To within e⁻ˣ of themselves, and e⁻²ˣ for tanh.
    let tail = exp(-30.0)
    expect(derivatives(30) { $0.sigmoid() }, [tail, -tail, tail])
    expect(derivatives(-30) { $0.sigmoid() }, [tail, tail, tail])
    expect(derivatives(15) { $0.tanh() }, [4 * tail, -8 * tail, 16 * tail])
    expect(derivatives(-15) { $0.tanh() }, [4 * tail, 8 * tail, 16 * tail])
    expect(derivatives(30) { $0.softplus() }, [1, tail, -tail])
    expect(derivatives(-30) { $0.logSigmoid() }, [1, -tail, -tail])
    expect(derivatives(30) { -(-$0).logSigmoid() }, [1, tail, -tail])
    // x Φ(x): Φ + x φ, (2 - x²) φ, (x³ - 4 x) φ.
    let (x, density) = (-8.0, exp(-32.0) / (2 * Double.pi).squareRoot())
    let probability = 0.5 * erfc(-x / 2.0.squareRoot())
    expect(
      derivatives(-8) { $0.gelu(exact: true) },
      [probability + x * density, (2 - x * x) * density, (x * x * x - 4 * x) * density])
    // x σ(x): (1 + x) eˣ, (2 + x) eˣ, (3 + x) eˣ.
    expect(derivatives(-30) { $0.silu() }, [-29 * tail, -28 * tail, -27 * tail])
  }

  @Test func curvatureOfTheSigmoidLoss() {
    // A pair that belongs together with the logit -20, one that does not with 20.
    let bias = Variable(Tensor([0]), requiresGradient: true)
    let loss = sigmoidPairwiseLoss(
      images: Variable(Tensor([[1]])), texts: Variable(Tensor([[-20], [20]])), logScale: Variable(Tensor(0)),
      bias: bias, positives: .classes(images: IndexTensor([0] as [Int]), texts: IndexTensor([0, 1] as [Int])))
    let slope = gradients(of: loss, withRespectTo: [bias], createGraph: true)[0]
    let curvature = gradients(of: slope.sum(), withRespectTo: [bias])[0].value.item()
    #expect(abs(Double(curvature) - 2 * exp(-20.0)) < 1e-5 * exp(-20.0))
  }

  @Test func varianceGradientsOffCentre() {
    // Their mean is no single-precision number.
    let x: [Float] = [10000.01, 10000.02, 10000, 9999.99, 10000.007]
    let mean = x.reduce(0) { $0 + Double($1) } / 5
    let found = gradient(x) { $0.variance() }?.scalars ?? []
    for (a, b) in zip(found, x) {
      let exact = 2 * (Double(b) - mean) / 5
      #expect(abs(Double(a) - exact) <= 1e-6 * abs(exact))
    }
  }

  /// A layer norm does not change with the mean, nor do its derivatives.
  @Test func curvatureOfLayerNormOffCentre() {
    func curvature(_ centre: Float) -> Tensor {
      let x = Variable(Tensor([3, -1, 4, 1, -5, 9]) / 128 + centre, requiresGradient: true)
      let y = layerNorm(x) * Variable(Tensor([2, 7, 1, -8, 2, 8]))
      let slope = gradients(of: y.sum(), withRespectTo: [x], createGraph: true)[0]
      return gradients(of: slope[0] - slope[3], withRespectTo: [x])[0].value
    }
    let (found, expected) = (curvature(8192), curvature(0))
    #expect((found - expected).abs().max().item() <= 1e-3 * expected.abs().max().item())
  }

  @Test func largeArgumentsStayFinite() {
    #expect(gradient([-200, 200]) { $0.softplus() } == Tensor([0, 1]))
    #expect(gradient([-200, 200]) { $0.logSigmoid() } == Tensor([1, 0]))
    #expect(gradient([-200, 200]) { $0.silu() } == Tensor([0, 1]))
    #expect(gradient([-200, 200]) { $0.gelu() } == Tensor([0, 1]))
    #expect(gradient([-200, 200]) { $0.gelu(exact: true) } == Tensor([0, 1]))
  }
}

/// Tensors large enough that several threads share them give the same bits for any number of threads.
@Suite struct ThreadTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let shapes: [Shape]
    let function: @Sendable ([Variable]) -> Variable

    init(_ name: String, _ shapes: [Shape], _ function: @escaping @Sendable ([Variable]) -> Variable) {
      testDescription = name
      self.shapes = shapes
      self.function = function
    }
  }

  static let cases = [
    Case("exp", [[100_003]]) { $0[0].exp() },
    Case("multiply, broadcast", [[311, 301], [301]]) { $0[0] * $0[1] },
    Case("gelu", [[310, 301]]) { $0[0].gelu() },
    Case("sum", [[310, 301]]) { $0[0].square().sum() },
    Case("sum over rows", [[701, 301]]) { $0[0].square().sum(axes: [0]) },
    Case("variance over columns", [[301, 310]]) { $0[0].variance(axes: [-1]) },
    Case("max", [[301, 310]]) { $0[0].max(axes: [0]) },
    Case("transpose", [[301, 310], [310, 301]]) { $0[0].transpose() * $0[1] },
    Case("slice", [[301, 310]]) { $0[0].slice(1..<309, axis: 1, step: -2) },
    Case("concatenate", [[301, 110], [301, 200]]) { .concatenate($0, axis: 1) },
    Case("take", [[50, 301]]) { $0[0].take(IndexTensor((0..<400).map { $0 * $0 % 50 })) },
    Case("subscript", [[50, 301]]) { $0[0][IndexTensor((0..<400).map { $0 % 50 }), .stride(by: -2)] },
    Case("assign", [[201, 301], [150]]) {
      var x = $0[0]
      x[1..., .stride(by: 2)][0..., ..<150] = $0[1]
      return x
    },
    Case("std", [[301, 310]]) { $0[0].std(axis: 0) },
    Case("median", [[301, 110]]) { $0[0].median(axis: 1) },
    Case("cumulativeProduct", [[301, 110]]) { $0[0].cumulativeProduct(axis: 1) },
    Case("sort", [[301, 110]]) { $0[0].sort().values },
    Case("cumulativeSum", [[301, 210]]) { $0[0].cumulativeSum(axis: 0) },
    Case("matmul", [[201, 170], [170, 190]]) { $0[0].matmul($0[1]) },
    Case("matmul, batches", [[12, 65, 33], [12, 33, 70]]) { $0[0].matmul($0[1]) },
    Case("matmul, one weight", [[12, 65, 133], [133, 70]]) { $0[0].matmul($0[1]) },
    Case("softmax", [[301, 110]]) { $0[0].softmax() },
    Case("layerNorm", [[301, 110], [110], [110]]) {
      layerNorm($0[0], scale: $0[1], offset: $0[2], epsilon: 1e-6)
    },
    Case("linear", [[301, 110], [90, 110], [90]]) { linear($0[0], weight: $0[1], bias: $0[2]) },
    Case("attention", [[3, 65, 4, 16], [3, 65, 4, 16], [3, 65, 4, 16]]) {
      scaledDotProductAttention(query: $0[0], key: $0[1], value: $0[2])
    },
  ]

  @Test(arguments: cases) func resultsDoNotDependOnTheNumberOfThreads(_ example: Case) {
    var random = Random(seed: 5)
    let inputs = example.shapes.map { random.normal($0) }
    func run() -> [Tensor] {
      let leaves = inputs.map { Variable($0, requiresGradient: true) }
      let output = example.function(leaves)
      var random = Random(seed: 6)
      let seed = random.normal(output.shape)
      let found = gradients(of: output, withRespectTo: leaves, seed: Variable(seed))
      return [output.value] + found.map(\.value)
    }
    let one = ThreadPool.withThreadCount(1, run)
    #expect(ThreadPool.withThreadCount(2, run) == one)
    #expect(ThreadPool.withThreadCount(5, run) == one)
  }
}
