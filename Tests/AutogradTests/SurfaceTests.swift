import Autograd
import TestSupport
import Testing

/// Values and gradients are PyTorch's, case by case as `Fixtures/surface.py` has them.
@Suite struct SurfaceTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let body: @Sendable ([Variable]) -> Variable

    init(_ name: String, _ body: @escaping @Sendable ([Variable]) -> Variable) {
      testDescription = name
      self.body = body
    }

    /// `x` with its part assigned.
    init(_ name: String, assigning body: @escaping @Sendable (inout Variable, Variable) -> Void) {
      self.init(name + "Assigned") {
        var x = $0[0]
        body(&x, $0[1])
        return x
      }
    }
  }

  private static let i = IndexTensor([2, 0, -1])
  private static let j = IndexTensor([1, 4, 1])
  private static let k = IndexTensor([1, 4, 2])
  private static let column = IndexTensor([3, 0], shape: [2, 1])

  private static let parts: [Case] = [
    Case("position") { $0[0][1] },
    Case("positionsFromTheEnd") { $0[0][-1, 2] },
    Case("range") { $0[0][1..<3] },
    Case("rangeToTheEnd") { $0[0][0..., (-3)...] },
    Case("ellipsis") { $0[0][.ellipsis, 0] },
    Case("ellipsisBetween") { $0[0][0, .ellipsis, 1..<4] },
    Case("newAxis") { $0[0][0..., .newAxis] },
    Case("newAxisAtTheEnd") { $0[0][.ellipsis, .newAxis] },
    Case("newAxisBesidePositions") { $0[0][0, .newAxis, 1] },
    Case("strides") { $0[0][1..., .stride(by: 2), .stride(from: 1, to: 6, by: 3)] },
    Case("reversed") { $0[0][0..., .stride(by: -1)] },
    Case("reversedStride") { $0[0][.ellipsis, .stride(from: -2, to: 1, by: -2)] },
    Case("picks") { $0[0][i] },
    Case("picksOfAnAxis") { $0[0][0..., j] },
    Case("picksOfTheLast") { $0[0][.ellipsis, column] },
    Case("picksTogether") { $0[0][i, j] },
    Case("picksOfNeighbours") { $0[0][0..., i, j] },
    Case("picksApart") { $0[0][i, 0..., j] },
    Case("picksThatBroadcast") { $0[0][column, 0..., j] },
    Case("picksBehindAPosition") { $0[0][0, 0..., j] },
    Case("picksAroundAPosition") { $0[0][i, 0, j] },
    Case("picksAroundANewAxis") { $0[0][0..., i, .newAxis, j] },
    Case("picksOfARange") { $0[0][1..<3, .stride(by: 2), j] },
    Case("mask") { $0[0][$0[0] .> 0] },
    Case("maskOfLeadingAxes") { $0[0][$0[0][.ellipsis, 0] .> 0] },
    Case("maskOfAnAxis") { $0[0][0..., Tensor([1, 0, 1, 1, 0])] },
    Case("maskOfNothing") { $0[0][$0[0] .> 5] },
    Case("maskedSelect") { $0[0].maskedSelect(Tensor([1, 0, 1])) },
  ]

  private static let assignments: [Case] = [
    Case("position") { $0[1] = $1 },
    Case("rangeToTheEnd") { $0[0..., (-3)...] = $1 },
    Case("ellipsis") { $0[.ellipsis, 0] = $1 },
    Case("newAxis") { $0[0..., .newAxis] = $1 },
    Case("strides") { $0[1..., .stride(by: 2), .stride(from: 1, to: 6, by: 3)] = $1 },
    Case("picksOfAnAxis") { $0[0..., k] = $1 },
    Case("picksTogether") { $0[i, j] = $1 },
    Case("picksApart") { $0[i, 0..., j] = $1 },
    Case("picksOfARange") { $0[1..<3, .stride(by: 2), k] = $1 },
    Case("mask") { $0[$0 .> 0] = $1 },
  ]

  private static let others: [Case] =
    [
      Case("indexPut") { $0[0].indexPut($0[1], at: [i, j]) },
      Case("indexPutAccumulated") {
        $0[0].indexPut($0[1], at: [IndexTensor([2, 2, 0]), IndexTensor([1, 1, 4])], accumulate: true)
      },
      Case("roll") { $0[0].roll(2, axis: 1) }, Case("rollBack") { $0[0].roll(-8, axis: 0) },
      Case("rollAll") { $0[0].roll(7) },
      Case("std") { $0[0].std(axis: 1) },
      Case("stdUnbiased") { $0[0].std(axes: [0, 1], keepDimensions: true, unbiased: true) },
      Case("cumulativeProduct") { $0[0].cumulativeProduct(axis: 1) },
      Case("cumulativeProductWithZeros") { $0[0].cumulativeProduct(axis: -1) },
      Case("cumulativeMax") { $0[0].cumulativeMax(axis: 1).values },
      Case("cumulativeMin") { $0[0].cumulativeMin(axis: 0).values },
      Case("median") { $0[0].median() }, Case("medianOfRows") { $0[0].median(axis: 1) },
      Case("quantileOfAll") { $0[0].quantile(0.3) },
      Case("expm1") { $0[0].expm1() }, Case("log1p") { $0[0].log1p() },
      Case("any") { Variable(($0[0] .> 1).any(axis: 1)) },
      Case("all") { Variable(($0[0] .> 0).all(axis: 0, keepDimensions: true)) },
      Case("nonzero") { Variable($0[0].value.nonzero().asTensor()) },
      Case("argmax") { Variable($0[0].argmax(axis: 1).asTensor()) },
      Case("argmin") { Variable($0[0].argmin(axis: 0).asTensor()) },
    ]
    + [-1, 0, 2].flatMap { diagonal in
      [
        Case("tril\(diagonal)") { $0[0].tril(diagonal: diagonal) },
        Case("triu\(diagonal)") { $0[0].triu(diagonal: diagonal) },
      ]
    }
    + (["0", "0.1", "0.25", "0.5", "0.8", "1"] as [String]).map { text in
      Case("quantile\(text)") { $0[0].quantile(Float(text)!, axis: 1) }
    }

  static let cases = parts + assignments + others

  private static let arrays = Result { try SafetensorsFile(fixture("surface.safetensors")).tensors() }

  @Test func everyArrayOfTheFixtureIsUsed() throws {
    let names = Set(try Self.arrays.get().keys.map { $0[..<$0.lastIndex(of: ".")!] })
    #expect(names == Set(Self.cases.map { $0.testDescription[...] }))
  }

  @Test(arguments: cases) func agreesWithPyTorch(_ example: Case) throws {
    let name = example.testDescription
    let arrays = try Self.arrays.get()
    let leaves = (0..<2).compactMap { arrays["\(name).input\($0)"] }.map {
      Variable($0, requiresGradient: true)
    }
    let output = example.body(leaves)
    let value = try #require(arrays["\(name).value"])
    #expect(output.value.isApproximatelyEqual(to: value), "\(output.value), expected \(value)")
    guard let seed = arrays["\(name).seed"] else { return }
    let found = gradients(of: output, withRespectTo: leaves, seed: Variable(seed))
    for (position, gradient) in found.enumerated() {
      let expected = try #require(arrays["\(name).gradient\(position)"])
      #expect(
        gradient.value.isApproximatelyEqual(to: expected, absolute: 1e-5),
        "gradient \(position): \(gradient.value), expected \(expected)")
    }
  }
}
