import Optim
import Testing

/// What a user of PyTorch or mlx-swift writes first. This target sees what the products make public and nothing else.
@Suite struct PublicTests {
  @Test func aModelOfTheNextToken() {
    var random = Random(seed: 1)
    let tokens = IndexTensor((0..<64).map { $0 * 3 % 7 })
    let (inputs, targets) = (tokens[..<(-1)], tokens[1...])
    let table = Parameter(random.normal([7, 16], standardDeviation: 0.1))
    let head = Linear(inputs: 16, outputs: 7, random: &random)
    let optimizer = Adam(head, learningRate: 0.05)
    let visible = Tensor.ones([63, 63]).tril()

    func logits() -> Variable {
      let x = table.variable[inputs]
      // Every position sees itself and, fading, those before.
      let weights = visible / visible.sum(axis: 1, keepDimensions: true)
      return head(x + 0.1 * Variable(weights).matmul(x))
    }
    func loss() -> Variable { -logits().logSoftmax()[IndexTensor(0..<63), targets].mean() }

    let before = loss().item()
    for _ in 0..<60 {
      let (_, gradients) = valueAndGradient(of: loss)
      optimizer.step(gradients)
      table.value -= (gradients[table.variable] ?? Tensor(0)) * 5
    }
    #expect(loss().item() < before / 3)
    #expect((logits().argmax() .== targets).mean().item() > 0.9)
    let drawn = random.categorical(logits: logits().value[-1] * 10, count: 20)
    #expect((drawn .== targets[-1].item()).sum().item() > 15)
  }

  @Test func partsOfArrays() {
    var image = Tensor.zeros([2, 3, 8, 8])
    image[0, .ellipsis, 2..<4] = Tensor([1, 2, 3])[0..., .newAxis, .newAxis]
    image[image .== 0] = Tensor(-1)
    let patches = image[0..., 0..., .stride(by: 2), (-4)...].flatten(from: 2)
    #expect(patches.shape == [2, 3, 16] && image[0, 2, 0, 3].item() == 3)
    let (mean, deviation) = (image.mean(axes: [0, 2, 3]), image.std(axes: [0, 2, 3]))
    let normalized = (image - mean[0..., .newAxis, .newAxis]) / deviation[0..., .newAxis, .newAxis]
    #expect(normalized.mean(axis: 1).shape == [2, 8, 8] && normalized.std().item() > 0.99)
    #expect(image.nonzero().shape == [384, 4] && (image .> 2).any(axis: -1).sum().item() == 8)

    let (value, slope) = valueAndGradient(at: Tensor([3, 4])) { ($0 * $0 + Tensor([1, 0]) * $0).sum() }
    #expect(value.item() == 28 && slope == Tensor([7, 8]))
    #expect(Tensor([1, 5, 2]).quantile(0.75) == Tensor(3.5) && Tensor([1, 5, 2]).median() == Tensor(2))
  }

  /// A run with all that keeps it going for long: what is given up is the step, never the weights.
  @Test func aLongRun() throws {
    var random = Random(seed: 3)
    let model = MLP(width: 8, hidden: 16, random: &random)
    var preset = AdaFactor.Preset.huggingFace
    preset.stepSize = .learningRate
    let groups = try ParameterGroup.groups(
      [.init(pattern: ".*bias", learningRateMultiplier: 0.5)], for: model)
    let schedule = Schedule(.stair([20: 0.1]), total: .examples(640), warmUp: .steps(3), batchSize: 16)
    let optimizer = AdaFactor(model, preset: preset, learningRate: 0.1, schedule: schedule, groups: groups)
    let average = WeightAverage(of: model, decay: 0.9, warmUp: .init(power: 0.75))
    var finite = FiniteSteps(.skip(atMost: 1))
    let x = random.normal([16, 8])
    func loss(_ x: Tensor) -> Variable { (model(Variable(x)) - 1).square().mean() }

    let before = loss(x).item()
    for step in 0..<40 {
      let (value, gradients) = valueAndGradient { loss(step == 5 ? x / 0 : x) }
      var clipped = gradients
      let norm = clipGlobalNorm(&clipped, of: model.parameters, to: 1).norm
      if try finite.allow(loss: value.item(), clipped, of: [optimizer], norm: norm) {
        optimizer.step(clipped)
      } else {
        optimizer.skipStep()
      }
      average.update()
    }
    #expect(finite.skippedCount == 1 && optimizer.stepCount == 40)
    #expect(loss(x).item() < before / 2)
    #expect(average.withAveragedWeights { loss(x).item() } < before / 2)
  }
}
