import Autograd
import NN
import TestSupport
import Testing

/// A batch in parts is the batch.
@Suite struct MicrobatchTests {
  private final class Tower: Module {
    let first, second: Linear
    let dropout: Dropout
    let norm = BatchNorm2d(channels: 2)

    init(_ random: inout Random) {
      first = Linear(inputs: 3, outputs: 10, random: &random)
      second = Linear(inputs: 10, outputs: 4, random: &random)
      dropout = Dropout(probability: 0.4, random: &random)
      norm.isTraining = false
      norm.runningMean.value = Tensor([0.3, -0.2])
    }

    func callAsFunction(_ x: Variable) -> Variable {
      // Ten numbers for each row: rows begin in the middle of a block of four.
      let hidden = dropout(first(x).tanh())
      let normed = norm(hidden.reshape([x.shape[0], 2, 5, 1])).reshape([x.shape[0], 10])
      return dropout(second(dropout(normed)))
    }
  }

  private static func model() -> Tower {
    var random = Random(seed: 1)
    return Tower(&random)
  }

  @Test(arguments: [1, 2, 3, 7, 10]) func gradientsAreThoseOfTheWhole(size: Int) throws {
    var random = Random(seed: 2)
    let (x, weights) = (random.normal([11, 3]), random.normal([11, 4]))
    func outcome(_ results: (Tower, Variable) -> Variable) -> (Tensor, [Tensor]) {
      let model = MicrobatchTests.model()
      let input = Variable(x, requiresGradient: true)
      let result = results(model, input)
      let gradients = (result * Variable(weights)).sum().square().backward()
      return (result.value, [gradients[input]!] + model.parameters.map { gradients[$0.variable]! })
    }
    let (plain, expected) = outcome { $0($1) }
    let (parts, found) = outcome { model, x in
      microbatched(11, size: size) { model(x.slice($0, axis: 0)) }
    }
    #expect(plain == parts)
    #expect(plain.scalars.contains(0))
    for (a, b) in zip(found, expected) {
      #expect(a.isApproximatelyEqual(to: b, absolute: 1e-5 * b.abs().max().item()))
    }
  }

  /// Parts that are computed by themselves, and in parts in their turn.
  @Test(arguments: [1, 2, 11]) func partsOfPartsAreThoseOfTheWhole(size: Int) {
    var random = Random(seed: 2)
    let x = Variable(random.normal([11, 3]))
    let expected = MicrobatchTests.model()(x).value
    let (model, batch) = (MicrobatchTests.model(), PartedBatch())
    let parts = [0..<4, 4..<5, 5..<11].map { rows in
      batch.part(rows) {
        microbatched(rows.count, size: size) { part in
          model(x.slice(part.lowerBound + rows.lowerBound..<part.upperBound + rows.lowerBound, axis: 0))
        }
      }
    }
    #expect(Variable.concatenate(parts, axis: 0).value == expected)
  }

  /// Blocks that are computed again inside of parts that are, and no tape at all.
  @Test func partsOfCheckpoints() {
    let x = Variable(Tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]]))
    let (plain, nested, untaped) = (MicrobatchTests.model(), MicrobatchTests.model(), MicrobatchTests.model())
    let expected = plain(x).sum().backward()
    let found = microbatched(3, size: 2) { rows in
      checkpoint([x.slice(rows, axis: 0)]) { nested($0[0]) }
    }.sum().backward()
    for (a, b) in zip(nested.parameters, plain.parameters) {
      #expect(found[a.variable]!.isApproximatelyEqual(to: expected[b.variable]!, absolute: 1e-5))
    }
    let values = withoutGradients { microbatched(3, size: 2) { untaped(x.slice($0, axis: 0)) }.value }
    let again = MicrobatchTests.model()
    #expect(values == withoutGradients { again(x).value })
  }

  /// After a batch in parts, layers are where they would be after the whole.
  @Test func theNextBatchHasTheSameNumbers() {
    let x = Variable(Tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]]))
    let (plain, parts) = (MicrobatchTests.model(), MicrobatchTests.model())
    _ = plain(x).sum().backward()
    _ = microbatched(3, size: 1) { parts(x.slice($0, axis: 0)) }.sum().backward()
    #expect(plain(x).value == parts(x).value)
  }

  @Test func frozenPartsAreComputedOnce() {
    var calls = 0
    let result = microbatched(4, size: 2) { rows in
      calls += 1
      return Variable(.ones([rows.count, 2]))
    }
    #expect(!result.requiresGradient && calls == 2)
  }

  @Test func whatPartsCannotDoTraps() async {
    await #expect(processExitsWith: .failure) {
      let norm = BatchNorm2d(channels: 1)
      _ = microbatched(4, size: 2) { norm(Variable(.ones([$0.count, 1, 1, 1]))) }
    }
    await #expect(processExitsWith: .failure) {
      _ = microbatched(4, size: 2) { _ in Variable(.ones([1])) }
    }
    await #expect(processExitsWith: .failure) { _ = microbatched(4, size: 0) { _ in Variable(.ones([4])) } }
  }
}
