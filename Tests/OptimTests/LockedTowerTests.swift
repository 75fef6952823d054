import Optim
import TestSupport
import Testing

/// Locked-image tuning, then both towers: PyTorch's losses and weights (`Fixtures/lit.py`).
@Suite struct LockedTowerTests {
  private final class ImageTower: Module {
    let hidden: Linear, output: Linear
    init(random: inout Random) {
      hidden = Linear(inputs: 6, outputs: 9, random: &random)
      output = Linear(inputs: 9, outputs: 5, random: &random)
    }
    func callAsFunction(_ x: Variable) -> Variable { output(hidden(x, activation: .gelu)) }
  }

  private final class TextTower: Module {
    let words: Embedding, output: Linear
    init(random: inout Random) {
      words = Embedding(count: 11, width: 7, random: &random)
      output = Linear(inputs: 7, outputs: 5, random: &random)
    }
    func callAsFunction(_ ids: IndexTensor) -> Variable { output(words(ids).mean(axes: [1])) }
  }

  private final class Towers: Module {
    let image: ImageTower, text: TextTower
    let logitScale = Parameter(Tensor(1)), logitBias = Parameter(Tensor(-1.5))
    init(random: inout Random) {
      image = ImageTower(random: &random)
      text = TextTower(random: &random)
    }
    func loss(_ images: Tensor, _ words: IndexTensor) -> Variable {
      sigmoidPairwiseLoss(
        images: image(Variable(images)).normalized(), texts: text(words).normalized(),
        logScale: logitScale.variable, bias: logitBias.variable)
    }
  }

  private static let steps = 20
  private static let unfrozenFrom = 10
  private static let schedule = Schedule(.cosine(), totalSteps: steps, warmUpSteps: 4)
  private static var groups: [ParameterGroup] {
    [ParameterGroup(/image\..*/, learningRateMultiplier: 0.1, weightDecayMultiplier: 0)]
  }

  /// Gradients come of weights that are rounded at each step, so a loss of about 1 may be off by a few roundings, and what
  /// the optimizers divide by the root of small squares by some more.
  private func check(_ name: String, absolute: Float, _ make: (Towers) -> any Optimizer) throws {
    let file = try SafetensorsFile(fixture("optimizers/lit.safetensors"))
    var random = Random(seed: 1)
    let model = Towers(random: &random)
    for (path, parameter) in model.namedParameters() {
      parameter.value = try file.tensor(named: "start/" + path.replacing("words.table", with: "words.weight"))
    }
    let (images, words) = (try file.tensor(named: "images"), try file.indices(named: "words"))
    let optimizer = make(model)
    model.image.freeze()
    var losses: [Float] = []
    for step in 0..<Self.steps {
      if step == Self.unfrozenFrom { model.image.unfreeze() }
      let loss = model.loss(images[step], words[step])
      optimizer.step(loss.backward())
      losses.append(loss.item())
    }
    let expected = try file.tensor(named: "\(name)/losses")
    #expect(
      Tensor(losses).isApproximatelyEqual(to: expected, absolute: 0, relative: 1e-6),
      "\(losses) \(expected.scalars)")
    for (path, parameter) in model.namedParameters() {
      let expected = try file.tensor(named: "\(name)/" + path.replacing("words.table", with: "words.weight"))
      let error = (parameter.value - expected).abs().max().item()
      #expect(
        parameter.value.isApproximatelyEqual(to: expected, absolute: absolute, relative: 1e-6),
        "\(name) \(path): \(error)")
    }
    let counts = optimizer.stateDictionary().counts
    #expect(counts["image.hidden.weight.step"] == 10 && counts["text.output.weight.step"] == 20)
  }

  @Test func adamW() throws {
    try check("adamw", absolute: 3e-7) {
      AdamW(
        $0, learningRate: 0.05, beta2: 0.95, weightDecay: 0.1, schedule: Self.schedule, groups: Self.groups)
    }
  }

  @Test func stochasticGradientDescent() throws {
    try check("sgd", absolute: 3e-7) {
      SGD(
        $0, learningRate: 0.5, momentum: 0.9, weightDecay: 0.01, schedule: Self.schedule, groups: Self.groups)
    }
  }

  @Test func adaFactor() throws {
    try check("adafactor", absolute: 3e-7) {
      AdaFactor(
        $0, preset: .torch, learningRate: 0.1, weightDecay: 0.1, schedule: Self.schedule, groups: Self.groups)
    }
  }
}
