import NN

/// CLIP's residual network (Radford et al. 2021, section 2.4): ResNet-D's stem of three convolutions (He et al. 2019),
/// pools that blur before each stride (Zhang 2019), and attention in place of the last pool.
public final class ModifiedResNet: ImageTower, Hookable {
  /// The sizes it was made with.
  public let configuration: VisionConfiguration
  /// Three convolutions, the first of stride 2; a pool follows them.
  public let stem: [ConvolutionNorm]
  /// The blocks of all four stages, one after another.
  public let blocks: [BottleneckBlock]
  /// From the last stage's pixels to the embedding.
  public let pool: AttentionPool2d
  /// See `Module.addForwardHook(at:_:)`.
  public var forwardHooks = ForwardHooks()

  /// Sizes of a block.
  struct Layout {
    let stage, inputs, width, stride: Int
    var outputs: Int { 4 * width }
    var hasShortcut: Bool { stride > 1 || inputs != outputs }
  }

  /// All blocks in order.
  static func layout(_ configuration: VisionConfiguration) -> [Layout] {
    let channels = configuration.stemChannels
    var blocks: [Layout] = []
    for (stage, depth) in configuration.stageDepths.enumerated() {
      for index in 0..<depth {
        blocks.append(
          Layout(
            stage: stage, inputs: blocks.last?.outputs ?? channels, width: channels << stage,
            stride: stage > 0 && index == 0 ? 2 : 1))
      }
    }
    return blocks
  }

  /// LeCun normal convolutions; the last normalisation of a block begins at zero, so that a block begins as its shortcut, as
  /// OpenAI's do.
  public init(_ configuration: VisionConfiguration, random: inout Random) {
    configuration.check()
    self.configuration = configuration
    let channels = configuration.stemChannels
    stem = [
      ConvolutionNorm(3, channels / 2, kernel: 3, stride: 2, random: &random),
      ConvolutionNorm(channels / 2, channels / 2, kernel: 3, random: &random),
      ConvolutionNorm(channels / 2, channels, kernel: 3, random: &random),
    ]
    var blocks: [BottleneckBlock] = []
    for layout in ModifiedResNet.layout(configuration) {
      blocks.append(BottleneckBlock(layout, random: &random))
    }
    self.blocks = blocks
    pool = AttentionPool2d(
      grid: configuration.gridSize, width: configuration.hiddenWidth, outputs: configuration.width,
      heads: configuration.heads, random: &random)
  }

  /// Pixels `[batch, 3, height, width]` to embeddings `[batch, width]`, not normalised.
  public func callAsFunction(_ pixels: Variable) -> Variable {
    withForwardHooks([pixels]) { pool(lastStage(pixels)) }
  }

  /// Pixels `[batch, 3, height, width]` to the pixels of the last stage, `[batch, tokens, hiddenWidth]`.
  public func tokens(_ pixels: Variable) -> Variable { lastStage(pixels).flatten(from: 2).transpose() }

  private func lastStage(_ pixels: Variable) -> Variable {
    let size = configuration.imageSize
    if pixels.shape != [pixels.shape.first ?? 0, 3, size, size] {
      programmerError("ResNet: pixels of shape \(pixels.shape); expected [batch, 3, \(size), \(size)]")
    }
    var x = pixels
    for unit in stem { x = unit(x).relu() }
    x = x.averagePool2d(window: (2, 2))
    for block in blocks { x = block(x) }
    return x
  }
}

/// A convolution without a bias and its normalisation.
public final class ConvolutionNorm: Layer {
  /// Without a bias.
  public let convolution: Conv2d
  /// Over the batch while training.
  public let norm: BatchNorm2d

  /// A convolution of square windows that keeps height and width where it does not stride.
  public init(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, random: inout Random) {
    convolution = Conv2d(
      inputs: inputs, outputs: outputs, kernel: kernel, stride: stride, padding: kernel / 2, bias: false,
      random: &random)
    norm = BatchNorm2d(channels: outputs)
  }

  /// Maps `[batch, inputs, height, width]` to `[batch, outputs, ...]`.
  public func callAsFunction(_ x: Variable) -> Variable { norm(convolution, of: x) }
}

/// A residual block of three convolutions whose strides are pools.
public final class BottleneckBlock: Layer, Hookable {
  /// 1 x 1, to a quarter of the channels of the result.
  public let reduce: ConvolutionNorm
  /// 3 x 3.
  public let spatial: ConvolutionNorm
  /// 1 x 1.
  public let expand: ConvolutionNorm
  /// Of the input, where its shape is not that of the result.
  public let shortcut: ConvolutionNorm?
  private let stride: Int
  /// See `Module.addForwardHook(at:_:)`.
  public var forwardHooks = ForwardHooks()

  init(_ layout: ModifiedResNet.Layout, random: inout Random) {
    reduce = ConvolutionNorm(layout.inputs, layout.width, kernel: 1, random: &random)
    spatial = ConvolutionNorm(layout.width, layout.width, kernel: 3, random: &random)
    expand = ConvolutionNorm(layout.width, layout.outputs, kernel: 1, random: &random)
    expand.norm.scale.value = .zeros([layout.outputs])
    shortcut =
      layout.hasShortcut
      ? ConvolutionNorm(layout.inputs, layout.outputs, kernel: 1, random: &random) : nil
    stride = layout.stride
  }

  /// Maps `[batch, inputs, height, width]` to `[batch, outputs, height / stride, width / stride]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    withForwardHooks([x]) {
      let hidden = pooled(spatial(reduce(x).relu()).relu())
      return (expand(hidden) + (shortcut.map { $0(pooled(x)) } ?? x)).relu()
    }
  }

  private func pooled(_ x: Variable) -> Variable {
    stride == 1 ? x : x.averagePool2d(window: (stride, stride))
  }
}

/// Attention from the mean of all pixels to the pixels and the mean, as in a transformer with learned positions.
public final class AttentionPool2d: Module, Hookable {
  /// `[1 + pixels, width]`, the mean's first.
  public let positionEmbedding: Parameter
  /// From the mean to all.
  public let attention: MultiHeadAttention
  /// See `Module.addForwardHook(at:_:)`.
  public var forwardHooks = ForwardHooks()

  /// A pool of `grid` x `grid` pixels of `width` channels.
  public init(grid: Int, width: Int, outputs: Int, heads: Int, random: inout Random) {
    positionEmbedding = Parameter(
      random.normal([1 + grid * grid, width], standardDeviation: 1 / Float(width).squareRoot()))
    attention = MultiHeadAttention(width: width, heads: heads, outputs: outputs, random: &random)
  }

  /// `[batch, width, grid, grid]` to `[batch, outputs]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    withForwardHooks([x]) {
      let pixels = x.flatten(from: 2).transpose()
      let mean = pixels.mean(axes: [1], keepDimensions: true)
      let tokens = Variable.concatenate([mean, pixels], axis: 1) + positionEmbedding.variable
      return attention(queries: tokens.slice(0..<1, axis: 1), memory: tokens).select(0, axis: 1)
    }
  }
}

// MARK: - Sizes

extension VisionConfiguration {
  /// CLIP's residual network.
  ///
  /// - Parameters:
  ///   - stages: Blocks in each of the four stages.
  ///   - channels: Of the stem; the last stage has 32 times as many.
  ///   - width: Of the embeddings.
  public static func resNet(imageSize: Int, stages: [Int], channels: Int, width: Int) -> VisionConfiguration {
    let features = 32 * channels
    var result = VisionConfiguration(
      imageSize: imageSize, patchSize: 32, width: width, depth: stages.reduce(0, +), heads: features / 64,
      hiddenWidth: features, activation: .relu)
    result.architecture = .resNet
    result.stageDepths = stages
    return result
  }

  /// Channels of a residual network's stem.
  var stemChannels: Int { hiddenWidth / 32 }

  /// Numbers that a residual network's training learns.
  var resNetParameterCount: Int {
    let channels = stemChannels
    // A weight, and scale and offset of its normalisation.
    func unit(_ inputs: Int, _ outputs: Int, _ kernel: Int) -> Int {
      inputs * outputs * kernel * kernel + 2 * outputs
    }
    let stem =
      unit(3, channels / 2, 3) + unit(channels / 2, channels / 2, 3) + unit(channels / 2, channels, 3)
    let blocks = ModifiedResNet.layout(self).reduce(0) { sum, block in
      sum + unit(block.inputs, block.width, 1) + unit(block.width, block.width, 3)
        + unit(block.width, block.outputs, 1) + (block.hasShortcut ? unit(block.inputs, block.outputs, 1) : 0)
    }
    let pool =
      (1 + gridSize * gridSize) * hiddenWidth + 3 * linearParameters(hiddenWidth, hiddenWidth)
      + linearParameters(hiddenWidth, width)
    return stem + blocks + pool
  }

  /// A residual network's multiply-adds for one image.
  var resNetMultiplyAdds: Int {
    let channels = stemChannels
    let half = (imageSize + 1) / 2
    let stem = half * half * 9 * (3 * channels / 2 + channels * channels / 4 + channels * channels / 2)
    var side = half / 2
    var blocks = 0
    for block in ModifiedResNet.layout(self) {
      let before = side * side
      side /= block.stride
      let after = side * side
      blocks += before * (block.inputs * block.width + 9 * block.width * block.width)
      blocks += after * block.outputs * (block.width + (block.hasShortcut ? block.inputs : 0))
    }
    let tokens = 1 + gridSize * gridSize
    // Keys and values are of all, query and output of one.
    let pool =
      2 * tokens * hiddenWidth * hiddenWidth + 2 * tokens * hiddenWidth + hiddenWidth * (hiddenWidth + width)
    return stem + blocks + pool
  }
}
