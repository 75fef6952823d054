import Autograd
import TestSupport
import Testing

/// Random equations against PyTorch's and NumPy's `einsum`.
@Suite struct EinsumTests {
  private static let arrays = Result { try SafetensorsFile(fixture("einsum.safetensors")).tensors() }

  private static let cases: [String] = {
    let names = (try? arrays.get().keys.map { String($0.prefix { $0 != "/" }) }) ?? []
    return Set(names).sorted()
  }()

  @Test func thereAreEquations() { #expect(Self.cases.count == 40) }

  @Test(arguments: cases) func valuesAndGradientsAgree(_ name: String) throws {
    let arrays = try Self.arrays.get()
    let equation = String(name.drop { $0 != " " }.dropFirst())
    let inputs = (0..<3).compactMap { arrays["\(name)/input\($0)"] }
    let leaves = inputs.map { Variable($0, requiresGradient: true) }
    let output = einsum(equation, leaves)
    let expected = try #require(arrays["\(name)/value"])
    #expect(output.value.shape == expected.shape)
    #expect(output.value.isApproximatelyEqual(to: expected, absolute: 1e-5))
    let seed = try #require(arrays["\(name)/seed"])
    let found = gradients(of: output, withRespectTo: leaves, seed: Variable(seed))
    for (position, gradient) in found.enumerated() {
      let expected = try #require(arrays["\(name)/gradient\(position)"])
      #expect(gradient.value.isApproximatelyEqual(to: expected, absolute: 1e-5), "gradient \(position)")
    }
  }
}
