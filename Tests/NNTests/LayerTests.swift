import Kernels
import NN
import Testing

/// Layers against PyTorch's: outputs, and gradients of every parameter and input.
@Suite struct LayerTests {
  private var random = Random(seed: 1)

  /// A layer may have a precision of its own, forward and in its gradients, packed and shared, recorded and not.
  @Test func linearLayersHaveAPrecisionOfTheirOwn() {
    let layer = Linear(weight: Tensor([1.001], shape: [1, 1]))
    let x = Variable(Tensor([3], shape: [1, 1]), requiresGradient: true)
    func numbers(_ layer: Linear) -> [Float] {
      let alone = withoutGradients { layer(Variable(x.value)) }.value.item()
      let output = layer(x)
      return [alone, output.value.item(), output.sum().backward()[x]!.item()]
    }
    let exact: [Float] = [3 * 1.001, 3 * 1.001, 1.001]
    #expect(numbers(layer) == exact)
    layer.matmulPrecision = .bfloat16
    #expect(numbers(layer) == [3, 3, 1])
    #expect(numbers(Linear(sharing: layer)) == [3, 3, 1])
    layer.packWeight()
    #expect(numbers(layer) == [3, 3, 1])
    layer.matmulPrecision = .float32
    #expect(Compute.withMatmulPrecision(.bfloat16) { numbers(layer) } == exact)
    // What computes two layers at once looks at both.
    var random = Random(seed: 1)
    let mlp = MLP(width: 8, hidden: 16, random: &random)
    let input = Variable(random.normal([3, 8]))
    let before = mlp(input).value
    mlp.fc2.matmulPrecision = .bfloat16
    #expect(mlp(input).value != before)
  }

  @Test mutating func linearLayer() throws {
    let layer = Linear(inputs: 3, outputs: 4, random: &random)
    try LayerFixture("linear").check(layer) { layer($0["x"]!) }
  }

  @Test mutating func packedLinearLayers() {
    let mlp = MLP(width: 40, hidden: 90, activation: .gelu, random: &random)
    let x = Variable(random.normal([80, 40]))
    func gradients() -> [Tensor?] {
      let found = mlp(x).square().sum().backward()
      return mlp.parameters.map { found[$0] }
    }
    let (output, expected) = (mlp(x).value, gradients())
    mlp.packWeights()
    #expect(mlp(x).value.isApproximatelyEqual(to: output, absolute: 1e-5))
    for (found, expected) in zip(gradients(), expected) {
      #expect(found!.isApproximatelyEqual(to: expected!, absolute: 1e-3))
    }
    // Weights that change are read anew.
    for parameter in mlp.parameters { parameter.update { $0 *= 0 } }
    #expect(mlp(x).value == Tensor.zeros([80, 40]))
  }

  /// What is computed has numbers of 8 bits, its derivatives the weights themselves.
  @Test mutating func linearLayersOfEightBits() {
    let mlp = MLP(width: 40, hidden: 90, activation: .gelu, random: &random)
    let x = Variable(random.normal([80, 40]))
    let output = withoutGradients { mlp(x).value }
    mlp.packWeights(precision: .int8)
    let found = withoutGradients { mlp(x).value }
    let error = (found - output).abs().max().item() / output.abs().max().item()
    #expect(error > 1e-4 && error < 0.05, "\(error)")
    let gradients = mlp(x).square().sum().backward()
    mlp.packWeights()
    let expected = mlp(x).square().sum().backward()
    for parameter in mlp.parameters {
      #expect(
        gradients[parameter]!.isApproximatelyEqual(to: expected[parameter]!, absolute: 5, relative: 0.1))
    }
  }

  /// Layers whose weights are there in panels alone compute as those that have both; whoever asks gets the rounded numbers.
  @Test(arguments: WeightPrecision.allCases, [[40, 90], [33, 5], [2100, 7], [1, 1]])
  mutating func weightsMayBeThereInPanelsAlone(_ precision: WeightPrecision, sizes: [Int]) throws {
    let products = MatmulPrecision(rawValue: precision.rawValue) ?? .bfloat16
    let numbers = random.normal([sizes[1], sizes[0]])
    let (both, alone) = (Linear(weight: numbers), Linear(weight: numbers))
    both.packWeight(precision: precision)
    alone.packWeight(precision: precision, keepingNumbers: false)
    func output(_ layer: Linear, _ x: Tensor) -> Tensor { withoutGradients { layer(Variable(x)).value } }
    func expectEqualOutputs(_ comment: Comment) {
      for rows in [1, 3, 33, 80] {
        let x = random.normal([rows, sizes[0]])
        for threads in [1, 2] {
          ThreadPool.withThreadCount(threads) {
            Compute.withMatmulPrecision(products) {
              #expect(output(alone, x) == output(both, x), "\(rows) rows, \(comment)")
            }
          }
        }
      }
    }
    expectEqualOutputs("packed")
    // The rounded numbers are off by that much, and rounded again they are the same.
    let rounded = alone.weight.value.contiguous()
    let tolerance: Float = [.float32: 0, .bfloat16: 0x1p-8, .bfloat16x3: 0x1p-16, .int8: 0][precision]!
    let largest = numbers.abs().max().item()
    #expect(
      rounded.isApproximatelyEqual(
        to: numbers, absolute: precision == .int8 ? 0.51 * largest / 127 : 0, relative: tolerance))
    #expect(precision == .float32 ? rounded == numbers : rounded != numbers || sizes == [1, 1])
    if precision != .int8 {
      let again = Linear(weight: rounded)
      again.packWeight(precision: precision, keepingNumbers: false)
      #expect(again.weight.value.scalars == rounded.scalars)
    }
    expectEqualOutputs("after they were looked at")
    // A state holds them, and what writes into it leaves the layer alone.
    let state = alone.stateDictionary()
    #expect(try #require(state["weight"]) == rounded)
    let other = Linear(weight: .zeros([sizes[1], sizes[0]]))
    try other.load(state)
    other.weight.update { $0 *= 2 }
    #expect(other.weight.value == rounded * 2)
    // Derivatives, products of another precision and other orders of the axes read them too.
    let x = Variable(random.normal([6, sizes[0]]), requiresGradient: true)
    let plain = Linear(weight: rounded)
    // Numbers of two parts may be parted otherwise where they are halfway.
    func agree(_ found: Tensor?, _ expected: Tensor?) -> Bool {
      guard let found, let expected else { return false }
      let largest = expected.abs().max().item()
      return precision == .bfloat16x3
        ? found.isApproximatelyEqual(to: expected, absolute: 1e-4 * largest) : found == expected
    }
    for wanted in MatmulPrecision.allCases where precision != .int8 {
      Compute.withMatmulPrecision(wanted) {
        let (found, expected) = (alone(x), plain(x))
        #expect(agree(found.value, expected.value))
        let gradients = (found.square().sum().backward(), expected.square().sum().backward())
        #expect(agree(gradients.0[x], gradients.1[x]))
        #expect(agree(gradients.0[alone.weight], gradients.1[plain.weight]))
      }
    }
    #expect(
      matmul(alone.weight.value.transpose(), alone.weight.value) == matmul(rounded.transpose(), rounded))
    expectEqualOutputs("after they were unpacked for good")
  }

  /// The memory pool is shared by all tests: what counts its bytes runs in a process of its own.
  @Test func panelsAloneTakeNoMoreThanThemselves() async {
    await #expect(processExitsWith: .success) {
      var random = Random(seed: 1)
      let pool = MemoryPool.shared
      let start = pool.usedBytes
      let layer = Linear(weight: random.normal([1024, 1024]))
      let panels = 4 * 1024 * Kernels.table.products.bfloat16.words(1024)
      layer.packWeight(precision: .bfloat16, keepingNumbers: false)
      func held() -> Int { pool.usedBytes - start }
      precondition(abs(held() - panels) < 1 << 16, "held \(held()) bytes instead of \(panels)")
      // Looked at and multiplied by, it stays as it is.
      let x = Variable(random.normal([2, 1024]), requiresGradient: true)
      precondition(layer.weight.value.scalars.count == 1 << 20)
      Compute.withMatmulPrecision(.bfloat16) { _ = layer(x) }
      precondition(abs(held() - panels) < 1 << 16, "held \(held()) bytes instead of \(panels)")
      // What reads it where it is brings it back.
      _ = layer(x).sum().backward()
      precondition(held() > panels + (4 << 20), "held \(held()) bytes")
    }
  }

  @Test mutating func embedding() throws {
    let layer = Embedding(count: 7, width: 3, random: &random)
    let indices = try LayerFixture.indices("embedding/input/indices")
    try LayerFixture("embedding").check(layer) { _ in layer(indices) }
  }

  @Test mutating func layerNormalization() throws {
    let layer = LayerNorm(width: 6)
    try LayerFixture("layerNorm").check(layer) { layer($0["x"]!) }
  }

  @Test func groupNormalization() throws {
    let layer = GroupNorm(groups: 2, channels: 4)
    try LayerFixture("groupNorm").check(layer) { layer($0["x"]!) }
  }

  @Test func rootMeanSquareNormalization() throws {
    let layer = RMSNorm(width: 6)
    try LayerFixture("rmsNorm").check(layer) { layer($0["x"]!) }
  }

  /// 1 and -1 with 3 added to their mean square are halved.
  @Test func normalizationsTakeTheirEpsilon() {
    let x = Variable(Tensor([1, -1]).reshape([1, 2]))
    #expect(RMSNorm(width: 2, epsilon: 3)(x).value == x.value * 0.5)
    #expect(GroupNorm(groups: 1, channels: 2, epsilon: 3)(x).value == x.value * 0.5)
  }

  @Test func batchNormalizationInTraining() throws {
    let layer = BatchNorm2d(channels: 3, epsilon: 1e-3)
    let reference = try LayerFixture("batchNorm.train")
    try reference.check(layer) { layer($0["x"]!) }
    try reference.expect(layer.runningMean.value, equals: reference.tensor("after/runningMean"), "mean")
    try reference.expect(
      layer.runningVariance.value, equals: reference.tensor("after/runningVariance"), "variance")
  }

  /// Numbers near 10,000 that differ in the seventh digit are normalised by their own deviation.
  @Test func batchNormalizationFarFromZero() {
    var random = Random(seed: 4)
    let x = random.normal([4, 3, 5, 5]) * 0.01 + 1e4
    let layer = BatchNorm2d(channels: 3, epsilon: 0)
    let y = layer(Variable(x)).value
    for channel in 0..<3 {
      let values = x.select(channel, axis: 1).scalars.map(Double.init)
      let mean = values.reduce(0, +) / 100
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 100
      let expected = values.map { ($0 - mean) / variance.squareRoot() }
      for (a, b) in zip(y.select(channel, axis: 1).scalars, expected) {
        #expect(abs(Double(a) - b) < 1e-5)
      }
      let running = Double(layer.runningVariance.value.scalars[channel])
      #expect(abs(running - (0.9 + 0.1 * variance * 100 / 99)) < 1e-6)
    }
  }

  /// What the backward sweep computes again, within checkpoints too, is not another batch.
  @Test func batchNormalizationCountsACheckpointOnce() {
    func statistics(_ run: (Variable, BatchNorm2d) -> Variable) -> [Tensor] {
      let layer = BatchNorm2d(channels: 3)
      var random = Random(seed: 3)
      let x = Variable(random.normal([2, 3, 4, 4]), requiresGradient: true)
      let found = run(x, layer).square().sum().backward()
      return [layer.runningMean.value, layer.runningVariance.value, found[x]!]
    }
    let plain = statistics { x, layer in layer(x) }
    #expect(statistics { x, layer in checkpoint([x]) { layer($0[0]) } } == plain)
    #expect(statistics { x, layer in checkpoint([x]) { checkpoint($0) { layer($0[0]) } } } == plain)
  }

  @Test func batchNormalizationInInference() throws {
    let layer = BatchNorm2d(channels: 3, epsilon: 1e-3)
    layer.evaluate()
    let reference = try LayerFixture("batchNorm.evaluate")
    try reference.check(layer) { layer($0["x"]!) }
    #expect(layer.runningMean.value == (try reference.tensor("buffer/runningMean")))
  }

  /// Folded into the weights of a convolution only where nobody can tell but by the last digits.
  @Test mutating func batchNormalizationOfAConvolution() {
    let convolution = Conv2d(
      inputs: 3, outputs: 4, kernel: 3, stride: 2, padding: 1, bias: false, random: &random)
    let norm = BatchNorm2d(channels: 4)
    norm.runningMean.value = random.normal([4])
    norm.runningVariance.value = random.uniform([4], in: 0.2..<3)
    norm.scale.value = random.normal([4])
    norm.offset.value = random.normal([4])
    let x = Variable(random.normal([2, 3, 7, 6]))
    norm.evaluate()
    let expected = norm(convolution(x)).value
    let folded = withoutGradients { norm(convolution, of: x).value }
    #expect(folded.isApproximatelyEqual(to: expected, absolute: 1e-5) && folded != expected)
    #expect(norm(convolution, of: x).value == expected)

    var seen = 0
    let hook = convolution.addForwardHook { _, _ in seen += 1 }
    #expect(withoutGradients { norm(convolution, of: x).value } == expected && seen == 1)
    hook.remove()
    let biased = Conv2d(
      weight: convolution.weight.value, bias: .ones([4]), stride: (2, 2), padding: Padding2D(1))
    #expect(withoutGradients { norm(biased, of: x).value == norm(biased(x)).value })
    norm.train()
    let before = norm.runningMean.value
    _ = withoutGradients { norm(convolution, of: x) }
    #expect(norm.runningMean.value != before)
  }

  @Test mutating func multiLayerPerceptron() throws {
    let layer = MLP(width: 6, hidden: 10, random: &random)
    try LayerFixture("mlp").check(layer) { layer($0["x"]!) }
  }

  @Test mutating func attention() throws {
    let layer = MultiHeadAttention(width: 6, heads: 2, random: &random)
    try LayerFixture("attention.self").check(layer) { layer($0["x"]!) }
    try LayerFixture("attention.cross").check(layer) { layer(queries: $0["x"]!, memory: $0["memory"]!) }
    let masked = try LayerFixture("attention.masked")
    let mask = try masked.tensor("mask")
    try masked.check(layer) { layer($0["x"]!, mask: mask) }
  }

  @Test mutating func transformerBlock() throws {
    let layer = TransformerBlock(width: 6, heads: 2, hidden: 10, random: &random)
    try LayerFixture("block").check(layer) { layer($0["x"]!) }
  }

  /// Blocks computed again in the sweep give the same numbers, dropout included.
  @Test mutating func rematerializedEncoder() throws {
    let encoder = TransformerEncoder(
      width: 8, depth: 3, heads: 2, dropout: 0.3, random: &random)
    let x = random.normal([2, 5, 8])
    let seed = Variable(random.normal([2, 5, 8]))
    func run(rematerializing: Bool) -> (Tensor, [Tensor]) {
      var seeded = Random(seed: 7)
      let copy = TransformerEncoder(
        width: 8, depth: 3, heads: 2, dropout: 0.3, rematerializesBlocks: rematerializing, random: &seeded)
      let leaf = Variable(x, requiresGradient: true)
      let output = copy(leaf)
      let gradients = (output * seed).sum().backward()
      return (
        output.value, ([leaf].compactMap { gradients[$0] }) + copy.parameters.compactMap { gradients[$0] }
      )
    }
    let kept = run(rematerializing: false)
    let again = run(rematerializing: true)
    #expect(kept.0 == again.0)
    #expect(kept.1.count == encoder.parameters.count + 1)
    #expect(kept.1 == again.1)
  }

  @Test mutating func dropout() {
    let layer = Dropout(probability: 0.25, random: &random)
    let x = Variable(.ones([100, 100]), requiresGradient: true)
    let y = layer(x)
    let kept = y.value.scalars.filter { $0 != 0 }
    #expect(kept.allSatisfy { $0 == 1 / 0.75 })
    // Five standard deviations of 10,000 draws.
    #expect(abs(kept.count - 7500) < 220)
    #expect(y.sum().backward()[x] == y.value)
    #expect(layer(x).value != y.value)
    layer.evaluate()
    #expect(layer(x).value == x.value)
  }

  @Test mutating func sequence() {
    let first = Linear(inputs: 3, outputs: 4, random: &random)
    let second = Linear(inputs: 4, outputs: 2, bias: false, random: &random)
    let model = Sequential(first, ActivationLayer(.relu), Lambda { $0 * 2 }, second)
    #expect(model.namedParameters().map(\.path) == ["layers.0.weight", "layers.0.bias", "layers.3.weight"])
    let x = Variable(random.normal([5, 3]))
    #expect(model(x).value == second(first(x).relu() * 2).value)
  }

  @Test mutating func masksHideKeys() {
    let layer = MultiHeadAttention(width: 6, heads: 3, random: &random)
    let x = random.normal([1, 4, 6])
    let mask = Tensor([0, 0, -.infinity, 0])
    var changed = x
    changed.withUnsafeMutableScalars { for i in 12..<18 { $0[i] += 1 } }
    let before = layer(queries: Variable(x[0..<1]), memory: Variable(x), mask: mask)
    let after = layer(queries: Variable(x[0..<1]), memory: Variable(changed), mask: mask)
    #expect(before.value == after.value)
  }

  @Test mutating func attentionOfAnotherOutputSize() {
    let layer = MultiHeadAttention(width: 6, heads: 2, outputs: 4, random: &random)
    #expect(layer.output.weight.shape == [4, 6])
    #expect(layer(Variable(random.normal([2, 3, 6]))).shape == [2, 3, 4])
  }

  /// The same as by hand with the same mask, which depends on the seed alone.
  @Test mutating func attentionDropout() {
    func make(dropout: Float) -> MultiHeadAttention {
      var seeded = Random(seed: 9)
      return MultiHeadAttention(width: 8, heads: 2, dropout: dropout, random: &seeded)
    }
    let (layer, plain) = (make(dropout: 0.4), make(dropout: 0))
    let x = Variable(random.normal([3, 7, 8]), requiresGradient: true)
    let mask = Tensor.causalMask(queries: 7)
    let y = layer(x, mask: mask)
    func perHead(_ x: Variable) -> Variable { x.reshape([3, 7, 2, 4]).permute([0, 2, 1, 3]) }
    let scores = matmul(perHead(plain.query(x)), perHead(plain.key(x)).transpose()) * 0.5 + Variable(mask)
    let dropout = make(dropout: 0.4).dropout!
    let attended = matmul(dropout(scores.softmax()), perHead(plain.value(x))).permute([0, 2, 1, 3])
    let expected = plain.output(attended.reshape([3, 7, 8]))
    #expect(y.value.isApproximatelyEqual(to: expected.value, absolute: 1e-5))
    #expect(!y.value.isApproximatelyEqual(to: plain(x, mask: mask).value, absolute: 1e-2))
    #expect(
      y.sum().backward()[x]!.isApproximatelyEqual(to: expected.sum().backward()[x]!, absolute: 1e-5))
    for count in [1, 2] {
      ThreadPool.withThreadCount(count) { #expect(make(dropout: 0.4)(x, mask: mask).value == y.value) }
    }
    layer.evaluate()
    #expect(layer(x, mask: mask).value == plain(x, mask: mask).value)
  }
}
