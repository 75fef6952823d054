import NN
import TestSupport
import Testing

/// What PyTorch computed for one case of `Fixtures/layers.py`.
struct LayerFixture {
  private static let tensors = Result {
    try SafetensorsFile(fixture("layers/layers.safetensors")).tensors()
  }

  /// Whole numbers by their full name.
  static func indices(_ name: String) throws -> IndexTensor {
    try SafetensorsFile(fixture("layers/layers.safetensors")).indices(named: name)
  }

  let name: String
  private let tensors: [String: Tensor]

  init(_ name: String) throws {
    self.name = name
    let prefix = name + "/"
    tensors = try Self.tensors.get().filter { $0.key.hasPrefix(prefix) }
    #expect(!tensors.isEmpty)
  }

  /// An array by its name after the case's.
  func tensor(_ name: String) throws -> Tensor { try #require(tensors["\(self.name)/\(name)"]) }

  /// Arrays below a name, by the rest of theirs.
  func group(_ name: String) -> [String: Tensor] {
    let prefix = "\(self.name)/\(name)/"
    return Dictionary(
      uniqueKeysWithValues: tensors.filter { $0.key.hasPrefix(prefix) }.map {
        (String($0.key.dropFirst(prefix.count)), $0.value)
      })
  }

  /// Loads the recorded parameters, computes, and compares the output and every gradient.
  func check(_ module: any Module, _ body: ([String: Variable]) -> Variable) throws {
    try module.load(group("parameter").merging(group("buffer")) { $1 })
    let inputs = group("input").mapValues { Variable($0, requiresGradient: true) }
    let output = body(inputs)
    try expect(output.value, equals: tensor("output"), "output")
    let gradients = output.backward(seed: try tensor("seed"))
    var compared = 0
    for (path, parameter) in module.namedParameters() {
      try expect(#require(gradients[parameter]), equals: tensor("gradient/\(path)"), path)
      compared += 1
    }
    for (name, input) in inputs {
      guard let expected = tensors["\(self.name)/gradient/\(name)"] else { continue }
      try expect(#require(gradients[input]), equals: expected, name)
      compared += 1
    }
    #expect(compared == group("gradient").count)
  }

  /// Compares element by element: references are in double precision, sums here are of a few dozen numbers.
  func expect(_ found: Tensor, equals expected: Tensor, _ what: String) throws {
    #expect(found.shape == expected.shape, "\(name) \(what)")
    #expect(
      found.isApproximatelyEqual(to: expected, absolute: 1e-5, relative: 1e-5), "\(name) \(what): \(found)")
  }
}
