import Autograd
import Kernels
import TestSupport
import Testing

/// Values and gradients at NaN, infinities, zeros, subnormal and huge numbers, kinks and ties are PyTorch's, but for the
/// differences that `Fixtures/special_values.py` states.
@Suite struct ConventionTests {
  struct Function: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let body: @Sendable ([Variable]) -> Variable

    init(_ name: String, _ body: @escaping @Sendable ([Variable]) -> Variable) {
      testDescription = name
      self.body = body
    }
  }

  static let functions =
    (unary + twice).map { name, body in Function(name) { body($0[0]) } }
    + twice.map { name, body in Function(name + "Twice") { body($0[0]) } }
    + reductions.map { name, body in Function(name) { body($0[0]) } }
    + binary.map { name, body in Function(name) { body($0[0], $0[1]) } }

  private static let unary: [(String, @Sendable (Variable) -> Variable)] =
    [
      ("negate", { -$0 }), ("abs", { $0.abs() }), ("square", { $0.square() }), ("sqrt", { $0.sqrt() }),
      ("rsqrt", { $0.rsqrt() }), ("reciprocal", { $0.reciprocal() }), ("exp", { $0.exp() }),
      ("expm1", { $0.expm1() }), ("log", { $0.log() }), ("log1p", { $0.log1p() }), ("sin", { $0.sin() }),
      ("cos", { $0.cos() }), ("erf", { $0.erf() }),
      ("relu", { $0.relu() }), ("relu6", { $0.relu6() }), ("clamp", { $0.clamp(min: -1, max: 6) }),
      ("clampMin", { $0.clamp(min: 0) }), ("clampMax", { $0.clamp(max: 0) }),
      ("maximumWithNumber", { $0.maximum(1) }), ("minimumWithNumber", { $0.minimum(1) }),
      ("pow-1", { $0.pow(-1) }), ("pow0", { $0.pow(0) }), ("pow1", { $0.pow(1) }), ("pow2", { $0.pow(2) }),
      ("pow3", { $0.pow(3) }), ("leakyRelu", { $0.leakyRelu(slope: 0.25) }), ("elu", { $0.elu(alpha: 0.5) }),
      ("hardswish", { $0.hardswish() }), ("mish", { $0.mish() }),
    ]

  /// Those that have second derivatives in the fixture.
  private static let twice: [(String, @Sendable (Variable) -> Variable)] = [
    ("tanh", { $0.tanh() }), ("sigmoid", { $0.sigmoid() }), ("softplus", { $0.softplus() }),
    ("logSigmoid", { $0.logSigmoid() }), ("silu", { $0.silu() }), ("gelu", { $0.gelu() }),
    ("geluExact", { $0.gelu(exact: true) }), ("quickGelu", { $0.quickGelu() }),
    ("normalProbability", { $0.normalProbability() }),
  ]

  private static let binary: [(String, @Sendable (Variable, Variable) -> Variable)] = [
    ("add", { $0 + $1 }), ("subtract", { $0 - $1 }), ("multiply", { $0 * $1 }), ("divide", { $0 / $1 }),
    ("maximum", { $0.maximum($1) }), ("minimum", { $0.minimum($1) }), ("pow", { $0.pow($1) }),
    ("mseLoss", { mseLoss($0, $1, reduction: .none) }), ("l1Loss", { l1Loss($0, $1, reduction: .none) }),
    ("huberLoss", { huberLoss($0, $1, reduction: .none) }),
  ]

  private static let reductions: [(String, @Sendable (Variable) -> Variable)] = [
    ("sum", { $0.sum(axes: [1]) }), ("mean", { $0.mean(axes: [1]) }),
    ("std", { $0.std(axis: 1) }), ("stdUnbiased", { $0.std(axis: 1, unbiased: true) }),
    ("median", { $0.median(axis: 1) }), ("quantile", { $0.quantile(0.4, axis: 1) }),
    ("cumulativeMax", { $0.cumulativeMax(axis: 1).values }),
    ("cumulativeMin", { $0.cumulativeMin(axis: 1).values }),
    ("cumulativeProduct", { $0.cumulativeProduct(axis: 1) }),
    ("variance", { $0.variance(axes: [1]) }),
    ("varianceUnbiased", { $0.variance(axes: [1], unbiased: true) }), ("max", { $0.max(axes: [1]) }),
    ("min", { $0.min(axes: [1]) }), ("sumOfSquares", { $0.sumOfSquares(axes: [1]) }),
    ("norm", { $0.norm(axes: [1]) }), ("product", { $0.product(axes: [1]) }),
    ("logSumExp", { $0.logSumExp(axes: [1]) }),
  ]

  private static let arrays = Result { try SafetensorsFile(fixture("special_values.safetensors")).tensors() }

  @Test func everyArrayOfTheFixtureIsUsed() throws {
    let names = Set(try Self.arrays.get().keys.map { String($0.prefix { $0 != "." }) })
    #expect(names == Set(Self.functions.map(\.testDescription)))
  }

  @Test(arguments: functions) func agreesWithPyTorch(_ function: Function) throws {
    let name = function.testDescription
    let arrays = try Self.arrays.get()
    let inputs = (0..<2).compactMap { arrays["\(name).input\($0)"] }
    let value = try #require(arrays["\(name).value"])
    for table in Kernels.singlePrecisionTables {
      try Kernels.withTable(table) {
        let leaves = inputs.map { Variable($0, requiresGradient: true) }
        let output = function.body(leaves)
        compare(output.value, value, at: inputs, "\(table.name): value")
        for createGraph in [false, true] {
          let found = gradients(
            of: output, withRespectTo: leaves, seed: Variable(.ones(value.shape)), retainGraph: true,
            createGraph: createGraph)
          for (position, gradient) in found.enumerated() {
            let expected = try #require(arrays["\(name).gradient\(position)"])
            compare(
              gradient.value, expected, at: inputs,
              "\(table.name): gradient \(position)\(createGraph ? " with a graph" : "")")
          }
          guard createGraph, let expected = arrays["\(name).second0"] else { continue }
          let second = gradients(of: found[0].sum(), withRespectTo: leaves)[0]
          compare(second.value, expected, at: inputs, "\(table.name): second derivative")
        }
      }
    }
  }

  /// Elements may differ by 1e-5 of themselves; what is smaller than normal numbers, in rounding.
  private func compare(_ found: Tensor, _ expected: Tensor, at inputs: [Tensor], _ what: String) {
    #expect(found.shape == expected.shape, "\(what)")
    let x = inputs.map(\.scalars)
    for (i, (a, b)) in zip(found.scalars, expected.scalars).enumerated() {
      let isClose = a == b || a.isNaN && b.isNaN || (a - b).magnitude <= 1e-5 * b.magnitude + 0x1p-133
      #expect(isClose, "\(what) at \(x.map { $0[i * $0.count / found.count] }), \(i): \(a), expected \(b)")
    }
  }
}
