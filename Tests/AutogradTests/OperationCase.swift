import Autograd
import Testing

/// One sample of the registry, as an argument of parameterised tests.
struct OperationCase: Sendable, CustomTestStringConvertible {
  let index: Int
  let testDescription: String

  static let all: [OperationCase] = entries.indices.map {
    OperationCase(index: $0, testDescription: "\(entries[$0].name) \(entries[$0].sample)")
  }

  // Samples hold closures that are called from one test at a time and change nothing.
  private nonisolated(unsafe) static let entries: [(name: String, sample: OperationSample)] =
    OperationRegistry.all.flatMap { operation in operation.samples.map { (operation.name, $0) } }

  var sample: OperationSample { OperationCase.entries[index].sample }

  /// Of the name alone, so that a sample keeps its numbers when others are added (FNV-1a).
  private var seed: UInt64 {
    testDescription.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  /// The sample's inputs, the same every time.
  func inputs() -> [Tensor] {
    var random = Random(seed: seed)
    return sample.inputs.map { random.uniform($0.shape, in: $0.range) }
  }

  /// A direction in the space of the given tensors, and weights for a result, the same every time.
  func directions(like tensors: [Tensor], _ stream: UInt64) -> [Tensor] {
    var random = Random(seed: seed &+ stream &+ 1)
    return tensors.map { random.normal($0.shape) }
  }

  /// The value and the gradients of all inputs, by the tape.
  func evaluate(_ inputs: [Tensor]) -> (value: Tensor, gradients: [Tensor]) {
    evaluate(inputs, sample.forward)
  }

  /// The same with another definition of the operation.
  func evaluate(
    _ inputs: [Tensor], _ forward: ([Variable]) -> Variable
  ) -> (value: Tensor, gradients: [Tensor]) {
    let leaves = inputs.map { Variable($0, requiresGradient: true) }
    let output = forward(leaves)
    let found = gradients(of: output, withRespectTo: leaves, seed: Variable(seed(for: output.value)))
    return (output.value, found.map(\.value))
  }

  /// The gradient that every check sends back from a result.
  func seed(for value: Tensor) -> Tensor { directions(like: [value], 99)[0] }
}

/// A way for a tensor to lie in memory.
enum Layout: CaseIterable {
  case contiguous, transposed, flippedSlice, expanded

  /// The same numbers in this layout, if the shape has it. Expanding repeats the first entry of an axis instead.
  func callAsFunction(_ tensor: Tensor) -> Tensor {
    let reversed = Array((0..<tensor.rank).reversed())
    switch self {
    case .contiguous:
      return tensor
    case .transposed:
      return tensor.permute(reversed).contiguous().permute(reversed)
    case .flippedSlice:
      var result = tensor
      for axis in 0..<tensor.rank {
        var larger = result.shape
        larger[axis] = 2 * larger[axis] + 1
        let place = larger.slice(axis: axis, 1..<larger[axis], step: -2, of: "layout")
        result = result.embedded(in: larger, place).slice(place)
      }
      return result
    case .expanded:
      guard let axis = tensor.shape.firstIndex(where: { $0 > 1 }) else { return tensor }
      return tensor.narrow(start: 0, length: 1, axis: axis).expand(to: tensor.shape)
    }
  }
}
