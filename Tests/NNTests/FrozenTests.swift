import NN
import Testing

private final class Classifier: Module {
  let hidden: Linear, output: Linear
  let norm = BatchNorm2d(channels: 16)
  let dropout: Dropout

  init(random: inout Random) {
    hidden = Linear(inputs: 8, outputs: 16, random: &random)
    output = Linear(inputs: 16, outputs: 3, random: &random)
    dropout = Dropout(probability: 0.5, random: &random)
  }

  func callAsFunction(_ x: Variable) -> Variable {
    let features = norm(hidden(x, activation: .gelu).reshape([x.shape[0], 16, 1, 1]))
    return output(dropout(features.reshape([x.shape[0], 16])))
  }
}

/// Models that several tasks compute with.
@Suite struct FrozenTests {
  private let model: Classifier
  private let batches: [Tensor]

  init() {
    var random = Random(seed: 1)
    model = Classifier(random: &random)
    batches = (0..<16).map { _ in random.normal([32, 8]) }
    // Statistics that differ from those of a new model.
    for batch in batches { _ = model(Variable(batch)) }
  }

  private func expected() -> [Tensor] {
    model.evaluate()
    defer { model.train() }
    return batches.map { model(Variable($0)).value }
  }

  /// Documentation/concurrency.md has these lines.
  private static func answers(of frozen: Frozen<Classifier>, to batches: [Tensor]) async -> [Tensor] {
    await withTaskGroup(of: (Int, Tensor).self) { group in
      for (index, batch) in batches.enumerated() {
        group.addTask { (index, frozen { model in model(Variable(batch)).value }) }
      }
      var answers = batches
      for await (index, answer) in group { answers[index] = answer }
      return answers
    }
  }

  @Test func tasksComputeWhatOneThreadDoes() async throws {
    let frozen = try Frozen(model) { random in Classifier(random: &random) }
    let expected = expected()
    for _ in 0..<10 { #expect(await Self.answers(of: frozen, to: batches) == expected) }
  }

  @Test func theOriginalIsTrainedMeanwhile() async throws {
    let frozen = try Frozen(model) { random in Classifier(random: &random) }
    let (expected, batches) = (expected(), batches)
    async let answers = Self.answers(of: frozen, to: batches)
    for batch in batches {
      let gradients = model(Variable(batch)).square().sum().backward()
      for parameter in model.parameters {
        let gradient = try #require(gradients[parameter])
        parameter.update { $0 -= gradient * 0.01 }
      }
    }
    #expect(await answers == expected)
    #expect(self.expected() != expected)
    #expect(await Self.answers(of: frozen, to: batches) == expected)
  }

  @Test func weightsAreShared() throws {
    var random = Random(seed: 2)
    let large = Linear(inputs: 1 << 10, outputs: 1 << 10, random: &random)
    let frozen = try Frozen(large) { random in Linear(inputs: 1 << 10, outputs: 1 << 10, random: &random) }
    @Sendable func address(_ layer: Linear) -> Int {
      layer.weight.value.withUnsafeStrided { Int(bitPattern: $0) }
    }
    // One inside the other: two modules.
    let weights = frozen { first in
      let outer = address(first)
      return frozen { second in [outer, address(second)] }
    }
    #expect(weights == [address(large), address(large)])
  }

  /// A body that changes its module changes nothing for the next one.
  @Test func everyBodyFindsTheModelAsItWas() throws {
    let frozen = try Frozen(model) { random in Classifier(random: &random) }
    let expected = expected()
    let batch = batches[0]
    for _ in 0..<2 {
      #expect(frozen { $0(Variable(batch)).value } == expected[0])
      #expect(frozen { model in model.namedParameters().allSatisfy(\.parameter.isFrozen) })
      frozen { model in
        model.train()
        model.unfreeze()
        _ = model(Variable(batch))
        model.hidden.weight.update { $0 *= 2 }
        model.output.bias?.value = .ones([3])
      }
    }
    #expect(self.expected() == expected)
  }

  @Test func aModelInUseIsNobodyElses() throws {
    let frozen = try Frozen(model) { random in Classifier(random: &random) }
    let areTwo = frozen { outer in
      let first = ObjectIdentifier(outer)
      return frozen { ObjectIdentifier($0) != first }
    }
    #expect(areTwo)
  }

  @Test func nothingIsRecorded() throws {
    let frozen = try Frozen(model) { random in Classifier(random: &random) }
    let batch = batches[0]
    #expect(frozen { !$0(Variable(batch)).requiresGradient })
    #expect(frozen { !$0(Variable(batch, requiresGradient: true)).requiresGradient })
  }

  @Test func anOutlineOfAnotherStructureIsRefused() throws {
    let error = #expect(throws: StateError.self) {
      try Frozen(Linear(weight: .ones([2, 2]), bias: .ones([2]))) { random in
        Linear(inputs: 3, outputs: 2, bias: false, random: &random)
      }
    }
    #expect(error?.unexpected == ["bias"] && error?.mismatched.map(\.path) == ["weight"])
  }
}
