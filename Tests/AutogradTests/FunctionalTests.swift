import Autograd
import TestSupport
import Testing

/// Layers' and losses' functions are PyTorch's: values and gradients of `Fixtures/functional.py`.
@Suite struct FunctionalTests {
  struct Function: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let body: @Sendable ([Variable]) throws -> Variable

    init(_ name: String, _ body: @escaping @Sendable ([Variable]) throws -> Variable) {
      testDescription = name
      self.body = body
    }
  }

  private static let file = Result { try SafetensorsFile(fixture("functional.safetensors")) }
  private static let arrays = Result { try file.get().tensors() }

  private static func array(_ name: String) throws -> Tensor { try #require(arrays.get()[name]) }

  static let functions = [layers, windows, resizing, losses, crossEntropies].flatMap(\.self)

  private static let layers: [Function] = [
    Function("leakyRelu") { $0[0].leakyRelu(slope: 0.2) },
    Function("elu") { $0[0].elu(alpha: 0.7) },
    Function("hardswish") { $0[0].hardswish() },
    Function("mish") { $0[0].mish() },
    Function("glu") { $0[0].glu(axis: 1) },
    Function("groupNorm") { groupNorm($0[0], groups: 3, scale: $0[1], offset: $0[2]) },
    Function("rmsNorm") { rmsNorm($0[0], scale: $0[1]) },
    Function("conv1d") {
      conv1d($0[0], weight: $0[1], bias: $0[2], stride: 2, padding: 3, dilation: 2, groups: 2)
    },
    Function("convTransposed2d") {
      convTransposed2d(
        $0[0], weight: $0[1], bias: $0[2], stride: (3, 2),
        padding: Padding2D(top: 1, bottom: 1, left: 0, right: 0), outputPadding: (2, 1), dilation: (1, 2),
        groups: 2)
    },
  ]

  private static let windows: [Function] = [
    Function("adaptiveAverage") { $0[0].adaptiveAveragePool2d((3, 4)) },
    Function("adaptiveAverageLarger") { $0[0].adaptiveAveragePool2d((9, 5)) },
    Function("adaptiveMaximum") { $0[0].adaptiveMaxPool2d((3, 4)) },
    Function("unfold") {
      $0[0].unfold(
        window: (3, 2), stride: (2, 3), padding: Padding2D(top: 2, bottom: 2, left: 1, right: 1),
        dilation: (1, 2))
    },
    Function("fold") {
      $0[0].fold(
        size: (7, 8), window: (3, 2), stride: (3, 2),
        padding: Padding2D(top: 2, bottom: 2, left: 1, right: 1),
        dilation: (1, 2))
    },
  ]

  private static let resizing: [Function] = [("Up", (11, 15)), ("Down", (3, 4))].flatMap {
    (name: String, size: (Int, Int)) -> [Function] in
    var functions = [Function("nearest\(name)") { $0[0].interpolate(size: size) }]
    for mode in [Interpolation.bilinear, .bicubic] {
      functions.append(Function("\(mode)\(name)") { $0[0].interpolate(size: size, mode: mode) })
      functions.append(
        Function("\(mode)\(name)Corners") { $0[0].interpolate(size: size, mode: mode, alignCorners: true) })
      functions.append(
        Function("\(mode)\(name)Antialias") { $0[0].interpolate(size: size, mode: mode, antialias: true) })
    }
    return functions
  }

  private static let reductions: [LossReduction] = [.mean, .sum, .none]

  private static let losses: [Function] = reductions.flatMap { reduction in
    [
      Function("mse.\(reduction)") { mseLoss($0[0], $0[1], reduction: reduction) },
      Function("l1.\(reduction)") { l1Loss($0[0], $0[1], reduction: reduction) },
      Function("huber.\(reduction)") { huberLoss($0[0], $0[1], delta: 0.8, reduction: reduction) },
      Function("kl.\(reduction)") {
        klDivergence(logProbabilities: $0[0], targets: $0[1], reduction: reduction)
      },
      Function("klOfLogarithms.\(reduction)") {
        klDivergence(
          logProbabilities: $0[0], targets: $0[1], targetsAreLogarithms: true, reduction: reduction)
      },
      Function("bceLogits.\(reduction)") {
        binaryCrossEntropy(
          logits: $0[0], targets: $0[1], weights: try array("bceLogits.\(reduction).weights"),
          positiveWeights: try array("bceLogits.\(reduction).positive"), reduction: reduction)
      },
      Function("bce.\(reduction)") {
        binaryCrossEntropy(probabilities: $0[0], targets: $0[1], reduction: reduction)
      },
    ]
  }

  private static let crossEntropies: [Function] = reductions.flatMap { reduction in
    [("plain", false, Float(0)), ("weighted", true, 0), ("smooth", false, 0.2), ("both", true, 0.2)].flatMap {
      name, isWeighted, smoothing in
      [
        Function("crossEntropy.\(name).\(reduction)") {
          crossEntropy(
            logits: $0[0], labels: try file.get().indices(named: "crossEntropy.labels"),
            classWeights: isWeighted ? try array("crossEntropy.weights") : nil, labelSmoothing: smoothing,
            ignoredLabel: -100, reduction: reduction)
        },
        Function("crossEntropyOfTargets.\(name).\(reduction)") {
          crossEntropy(
            logits: $0[0], targets: $0[1], classWeights: isWeighted ? try array("crossEntropy.weights") : nil,
            labelSmoothing: smoothing, reduction: reduction)
        },
      ]
    }
  }

  @Test func everyCaseOfTheFixtureIsUsed() throws {
    let cases = try Self.arrays.get().keys.filter { $0.hasSuffix(".value") }.map { String($0.dropLast(6)) }
    #expect(Set(cases) == Set(Self.functions.map(\.testDescription)))
  }

  @Test(arguments: functions) func agreesWithPyTorch(_ function: Function) throws {
    let name = function.testDescription
    let arrays = try Self.arrays.get()
    let leaves = (0..<3).compactMap { arrays["\(name).input\($0)"] }.map {
      Variable($0, requiresGradient: true)
    }
    let output = try function.body(leaves)
    try compare(output.value, "\(name).value")
    let gradients = output.backward(seed: try Self.array("\(name).seed"))
    for (position, leaf) in leaves.enumerated() {
      try compare(#require(gradients[leaf]), "\(name).gradient\(position)")
    }
  }

  private func compare(_ found: Tensor, _ name: String) throws {
    let expected = try Self.array(name)
    #expect(found.shape == expected.shape, "\(name)")
    #expect(found.isApproximatelyEqual(to: expected, absolute: 1e-5, relative: 1e-5), "\(name): \(found)")
  }
}
