import Foundation
import Testing
import Training

@Suite struct NormMetricsTests {
  private final class Towers: Module {
    let text = Sequential(
      Linear(weight: Tensor([[1, 2], [3, 4]]), bias: Tensor([5, 6])), Linear(weight: Tensor([[7, 8]])))
    let image = Linear(weight: Tensor([[3, 4]]))
    let scale = Parameter(Tensor(2))
  }

  private let model = Towers()

  /// The gradient of every element is 0.5, but for the image tower's, which gets none.
  private var gradients: Gradients {
    var result = Gradients()
    for (path, parameter) in model.namedParameters() where !path.hasPrefix("image") {
      result[parameter] = .full(parameter.shape, 0.5)
    }
    return result
  }

  @Test func lengthsByTheFirstComponents() {
    let optimizer = SGD(model, learningRate: 2)
    // Every element but those of the image tower moves by -1.
    let numbers = NormMetrics().step([optimizer], gradients)
    #expect(
      numbers == [
        "norm/parameter/text": Double(0 + 1 + 4 + 9 + 16 + 25 + 36 + 49).squareRoot(),
        "norm/gradient/text": (8 * 0.25).squareRoot(), "norm/update/text": 8.0.squareRoot(),
        "norm/parameter/image": 5, "norm/gradient/image": 0, "norm/update/image": 0,
        "norm/parameter/scale": 1, "norm/gradient/scale": 0.5, "norm/update/scale": 1,
      ])
    #expect(optimizer.stepCount == 1 && model.scale.value.item() == 1)
  }

  @Test func groupsOfAnyDepthAndOfTheCaller() {
    let optimizer = SGD(model, learningRate: 2)
    let deep = NormMetrics(groupedBy: 3).step([optimizer], gradients)
    #expect(
      Set(deep.keys.filter { $0.hasPrefix("norm/update/") }) == [
        "norm/update/text.layers.0", "norm/update/text.layers.1", "norm/update/image.weight",
        "norm/update/scale",
      ])
    #expect(deep["norm/update/text.layers.0"] == 6.0.squareRoot())
    let kinds = NormMetrics { $0.hasSuffix("weight") ? "weights" : "others" }.step([optimizer], gradients)
    #expect(kinds.count == 6 && kinds["norm/gradient/weights"] == (6 * 0.25).squareRoot())
  }

  @Test func frozenParametersCountNowhere() {
    let optimizer = SGD(model, learningRate: 2)
    model.image.freeze()
    model.text.layers.first.map { $0.freeze() }
    let numbers = NormMetrics().step([optimizer], gradients)
    #expect(numbers["norm/parameter/text"] == 85.0.squareRoot())
    #expect(numbers["norm/update/text"] == 2.0.squareRoot() && numbers["norm/parameter/image"] == nil)
  }

  @Test func severalOptimizersAddUp() {
    let (text, rest) = (SGD(model.text, learningRate: 2), SGD([model.image], learningRate: 1))
    let numbers = NormMetrics { _ in "all" }.step([text, rest], gradients)
    let length = Double(0 + 1 + 4 + 9 + 16 + 25 + 36 + 49 + 25).squareRoot()
    #expect(numbers["norm/parameter/all"] == length && numbers["norm/update/all"] == 8.0.squareRoot())
    #expect(text.stepCount == 1 && rest.stepCount == 1)
  }

  /// Against sums of doubles, for lengths that blocks do not divide.
  @Test func largeParametersInDoublePrecision() {
    var random = Random(seed: 4)
    let parameter = Linear(weight: random.normal([3, 70_001]))
    var gradients = Gradients()
    gradients[parameter.weight] = random.normal([3, 70_001])
    let before = parameter.weight.value
    let optimizer = AdamW(parameter, learningRate: 1e-3)
    _ = NormMetrics().step([optimizer], gradients)
    let middle = parameter.weight.value
    let numbers = NormMetrics().step([optimizer], gradients)
    func length(_ numbers: [Double]) -> Double { numbers.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    let after = parameter.weight.value
    let update = zip(after.scalars, middle.scalars).map { Double($0) - Double($1) }
    #expect(abs(numbers["norm/update/weight"]! / length(update) - 1) < 1e-7)
    #expect(abs(numbers["norm/parameter/weight"]! / length(after.scalars.map { Double($0) }) - 1) < 1e-12)
    // The same bits from the same step, with any number of threads.
    parameter.weight.value = before
    let again = AdamW(parameter, learningRate: 1e-3)
    Compute.withThreadLimit(1) {
      _ = NormMetrics().step([again], gradients)
      #expect(NormMetrics().step([again], gradients) == numbers)
    }
  }

  @Test func groupsOfNothingTrap() async {
    await #expect(processExitsWith: .failure) { _ = NormMetrics(groupedBy: 0) }
  }
}
