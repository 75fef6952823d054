import NN
import Testing

/// Convolution layers against PyTorch's, and pooling layers against numbers worked out by hand.
@Suite struct ConvolutionLayerTests {
  private var random = Random(seed: 1)

  @Test mutating func convolution() throws {
    let layer = Conv2d(
      inputs: 4, outputs: 6, kernel: (3, 2), stride: (2, 1),
      padding: Padding2D(top: 1, bottom: 1, left: 2, right: 2), dilation: (1, 2), groups: 2, random: &random)
    try LayerFixture("conv2d").check(layer) { layer($0["x"]!) }
  }

  /// A row of the image is left over.
  @Test mutating func patches() throws {
    let layer = Conv2d(inputs: 3, outputs: 5, kernel: (4, 4), stride: (4, 4), random: &random)
    try LayerFixture("patches").check(layer) { layer($0["x"]!) }
  }

  @Test mutating func oneDimensional() throws {
    let layer = Conv1d(inputs: 4, outputs: 6, kernel: 3, stride: 2, padding: 1, groups: 2, random: &random)
    try LayerFixture("conv1d").check(layer) { layer($0["x"]!) }
  }

  @Test mutating func transposed() throws {
    let layer = ConvTransposed2d(
      inputs: 4, outputs: 3, kernel: 3, stride: 2, padding: 1, outputPadding: 1, random: &random)
    try LayerFixture("convTransposed2d").check(layer) { layer($0["x"]!) }
    let variance = ConvTransposed2d(inputs: 64, outputs: 32, kernel: (2, 2), stride: (2, 2), random: &random)(
      Variable(random.normal([2, 64, 5, 5]))
    ).value.variance().item()
    #expect(abs(variance - 1) < 0.15)
  }

  /// Numbers in the place of pairs say the same down and across.
  @Test mutating func squareWindows() {
    var same = random
    let pairs = Conv2d(
      inputs: 3, outputs: 4, kernel: (3, 3), stride: (2, 2), padding: Padding2D(1), dilation: (2, 2),
      random: &same)
    let numbers = Conv2d(
      inputs: 3, outputs: 4, kernel: 3, stride: 2, padding: 1, dilation: 2, random: &random)
    let x = Variable(random.normal([2, 3, 9, 7]))
    #expect(numbers(x).value == pairs(x).value)
    #expect(
      MaxPool2d(window: 3, stride: 2, padding: 1)(x).value
        == MaxPool2d(window: (3, 3), stride: (2, 2), padding: Padding2D(1))(x).value)
    #expect(MaxPool2d(window: 2)(x).value == MaxPool2d(window: (2, 2))(x).value)
    #expect(
      AveragePool2d(window: 3, padding: 1, countsPadding: false)(x).value
        == AveragePool2d(window: (3, 3), padding: Padding2D(1), countsPadding: false)(x).value)
    let weight = pairs.weight.variable
    #expect(
      conv2d(x, weight: weight, stride: 2, padding: 1).value
        == conv2d(x, weight: weight, stride: (2, 2), padding: Padding2D(1)).value)
    let y = Variable(random.normal([2, 4, 3, 3]))
    #expect(
      convTransposed2d(y, weight: weight, stride: 2, padding: 1, outputPadding: 1).value
        == convTransposed2d(
          y, weight: weight, stride: (2, 2), padding: Padding2D(1), outputPadding: (1, 1)
        ).value)
  }

  @Test mutating func squareTransposedWindows() {
    var same = random
    let pairs = ConvTransposed2d(
      inputs: 4, outputs: 6, kernel: (3, 3), stride: (2, 2), padding: Padding2D(1), outputPadding: (1, 1),
      dilation: (2, 2), groups: 2, random: &same)
    let numbers = ConvTransposed2d(
      inputs: 4, outputs: 6, kernel: 3, stride: 2, padding: 1, outputPadding: 1, dilation: 2, groups: 2,
      random: &random)
    let x = Variable(random.normal([2, 4, 5, 3]))
    #expect(numbers(x).value == pairs(x).value)
    #expect(
      numbers(x).value
        == convTransposed2d(
          x, weight: numbers.weight.variable, bias: numbers.bias?.variable, stride: 2, padding: 1,
          outputPadding: 1, dilation: 2, groups: 2
        ).value)
    // Each output sees a quarter of the inputs: the weights make up for it.
    let grouped = ConvTransposed2d(inputs: 64, outputs: 64, kernel: 2, stride: 2, groups: 4, random: &random)
    #expect(abs(grouped(Variable(random.normal([2, 64, 5, 5]))).value.variance().item() - 1) < 0.15)
  }

  @Test mutating func layersWithoutBiases() {
    #expect(Conv2d(inputs: 2, outputs: 3, kernel: 3, bias: false, random: &random).bias == nil)
    #expect(Conv1d(inputs: 2, outputs: 3, kernel: 3, bias: false, random: &random).bias == nil)
    #expect(ConvTransposed2d(inputs: 2, outputs: 3, kernel: 3, bias: false, random: &random).bias == nil)
  }

  @Test mutating func startsAsFlaxDoes() {
    let layer = Conv2d(inputs: 16, outputs: 32, kernel: (5, 5), groups: 2, bias: false, random: &random)
    #expect(layer.weight.shape == [32, 8, 5, 5])
    #expect(layer.namedParameters().map(\.path) == ["weight"])
    // 6,400 draws: the variance is good to 2% (one standard deviation).
    #expect(abs(layer.weight.value.variance().item() * 200 - 1) < 0.1)
  }

  private static let image = Tensor([1, 2, 3, 4, 8, 7, 6, 5, 9, 11, 10, 12]).reshape([1, 1, 3, 4])

  @Test func largestElements() {
    let x = Variable(Self.image, requiresGradient: true)
    let y = MaxPool2d(window: (2, 2))(x)
    #expect(y.value == Tensor([8, 6]).reshape([1, 1, 1, 2]))
    #expect(
      y.sum().backward()[x] == Tensor([0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]).reshape([1, 1, 3, 4]))
    let overlapping = MaxPool2d(window: (3, 3), stride: (2, 2), padding: Padding2D(1))
    #expect(overlapping(x).value == Tensor([8, 7, 11, 12]).reshape([1, 1, 2, 2]))
  }

  @Test func means() {
    let x = Variable(Self.image, requiresGradient: true)
    let y = AveragePool2d(window: (2, 2), stride: (1, 2))(x)
    #expect(y.value == Tensor([4.5, 4.5, 8.75, 8.25]).reshape([1, 1, 2, 2]))
    #expect(
      y.sum().backward()[x]
        == Tensor([0.25, 0.25, 0.25, 0.25, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25]).reshape([1, 1, 3, 4]))
    let corner = Padding2D(top: 1, bottom: 0, left: 0, right: 0)
    let counted = AveragePool2d(window: (2, 4), padding: corner)
    let uncounted = AveragePool2d(window: (2, 4), padding: corner, countsPadding: false)
    #expect(counted(x).value == Tensor([1.25, 8.5]).reshape([1, 1, 2, 1]))
    #expect(uncounted(x).value == Tensor([2.5, 8.5]).reshape([1, 1, 2, 1]))
  }

  @Test func wholeImages() {
    let x = Variable(Tensor([1, 2, 3, 6, 0, 0, 0, 4]).reshape([1, 2, 2, 2]))
    #expect(GlobalAveragePool2d()(x).value == Tensor([[3, 1]]))
    #expect(Flatten()(x).value == Tensor([[1, 2, 3, 6, 0, 0, 0, 4]]))
  }

  @Test mutating func standInASequence() {
    let model = Sequential(
      Conv2d(inputs: 3, outputs: 4, kernel: (3, 3), padding: Padding2D(1), random: &random),
      ActivationLayer(.relu), MaxPool2d(window: (2, 2)), Flatten(),
      Linear(inputs: 4 * 2 * 3, outputs: 5, random: &random))
    #expect(model(Variable(random.normal([2, 3, 4, 6]))).shape == [2, 5])
  }

  @Test func groupsThatDoNotDivideTheChannelsTrap() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var random = Random(seed: 1)
      _ = Conv2d(inputs: 4, outputs: 6, kernel: (1, 1), groups: 4, random: &random)
    }
    #expect(Self.text(result).contains("Conv2d: 4 inputs and 6 outputs do not divide into 4 groups"))
  }

  @Test func numbersOfAnotherShapeTrap() async {
    let flat = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Conv2d(weight: .zeros([4, 3]))
    }
    #expect(Self.text(flat).contains("Conv2d: a weight of shape [4, 3] and a bias of shape none"))
    let long = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Conv2d(weight: .zeros([4, 3, 1, 1]), bias: .zeros([3]))
    }
    #expect(Self.text(long).contains("Conv2d: a weight of shape [4, 3, 1, 1] and a bias of shape [3]"))
  }

  @Test func imagesOfOtherChannelsTrap() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Conv2d(weight: .zeros([4, 3, 1, 1]))(Variable(.zeros([1, 2, 5, 5])))
    }
    #expect(
      Self.text(result).contains("conv2d: images [1, 2, 5, 5] and weights [4, 3, 1, 1] do not fit 1 groups"))
  }

  private static func text(_ result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  }
}
