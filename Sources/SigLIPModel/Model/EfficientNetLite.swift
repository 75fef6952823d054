import NN

/// EfficientNet-Lite0 (Tan & Le 2019; the Lite variant without squeeze-and-excitation, with ReLU6): a small image tower,
/// 4.65 million parameters, whose pooled feature has 1,280 numbers.
///
/// For inference: batch normalisation is folded into the convolutions when the weights are loaded, and where no gradient
/// is wanted each block is computed in one pass.
public final class EfficientNetLite0: ImageTower {
  private let stem: ConvolutionUnit
  private let blocks: [InvertedResidual]
  private let head: ConvolutionUnit
  private let classifier: Linear?

  /// Width of the pooled feature.
  public static let featureWidth = 1280

  /// The stages: repeats, kernel, stride of the first, expansion, channels.
  private static let stages = [
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
  ]

  /// Sizes of one block.
  struct Block {
    let inputs, outputs, kernel, stride, expansion: Int
    var hidden: Int { inputs * expansion }
  }

  /// All blocks in order, from the 32 channels of the stem on.
  static let layout = stages.reduce(into: [Block]()) { blocks, stage in
    let (repeats, kernel, stride, expansion, outputs) = stage
    for index in 0..<repeats {
      blocks.append(
        Block(
          inputs: blocks.last?.outputs ?? stemWidth, outputs: outputs, kernel: kernel,
          stride: index == 0 ? stride : 1, expansion: expansion))
    }
  }

  private static let stemWidth = 32

  /// Reads the tower from a safetensors file with the names of the published checkpoint (`_conv_stem.weight`,
  /// `_blocks.0._depthwise_conv.weight`, ...).
  ///
  /// - Parameter hasClassifier: Whether the layer behind the features is kept, which ``classify(features:)`` needs.
  /// - Throws: ``StateError`` listing everything that is missing, unexpected or misshapen; file errors as they are.
  public convenience init(path: String, hasClassifier: Bool = true) throws {
    let file = try SafetensorsFile(path)
    var state: [String: Tensor] = [:]
    for name in file.names { state[name] = try file.tensor(named: name) }
    try self.init(state: state, hasClassifier: hasClassifier)
  }

  /// Takes the weights from tensors named as in the published checkpoint; see ``init(path:hasClassifier:)``.
  public convenience init(state: [String: Tensor], hasClassifier: Bool = true) throws {
    var reader = CheckpointReader(state)
    let weight = reader.take("_fc.weight", [1000, EfficientNetLite0.featureWidth])
    let classifier = Linear(weight: weight, bias: reader.take("_fc.bias", [1000]))
    self.init(classifier: hasClassifier ? classifier : nil) { reader.unit($0) }
    try reader.finish()
  }

  /// A tower of random weights (He et al. 2015), without a classifier, to be filled by reading a state.
  public convenience init(random: inout Random) {
    self.init(classifier: nil) { shape in
      ConvolutionUnit(
        shape, weight: random.kaimingNormal(shape.weightShape), bias: .zeros([shape.outputs]))
    }
  }

  private init(classifier: Linear?, unit: (UnitShape) -> ConvolutionUnit) {
    self.classifier = classifier
    stem = unit(EfficientNetLite0.stemShape)
    blocks = EfficientNetLite0.layout.enumerated().map { index, block in
      let (expand, depthwise, project) = block.units(prefix: "_blocks.\(index).")
      return InvertedResidual(
        expand: expand.map(unit), depthwise: unit(depthwise), project: unit(project),
        isResidual: block.stride == 1 && block.inputs == block.outputs)
    }
    head = unit(EfficientNetLite0.headShape)
  }

  fileprivate static let stemShape = UnitShape(
    "_conv_stem", norm: "_bn0", inputs: 3, outputs: stemWidth, kernel: 3, stride: 2)
  fileprivate static let headShape = UnitShape(
    "_conv_head", norm: "_bn1", inputs: layout.last?.outputs ?? stemWidth, outputs: featureWidth)

  /// Its convolutions in order.
  private static var units: [UnitShape] {
    let blocks = layout.flatMap { block -> [UnitShape] in
      let (expand, depthwise, project) = block.units(prefix: "")
      return (expand.map { [$0] } ?? []) + [depthwise, project]
    }
    return [stemShape] + blocks + [headShape]
  }

  /// Numbers of the tower without a classifier.
  static let parameterCount = units.reduce(0) { $0 + $1.weightShape.elementCount + $1.outputs }

  /// Multiply-adds of all convolutions for a square image.
  static func multiplyAdds(imageSize: Int) -> Int {
    var side = imageSize
    return units.reduce(0) { sum, unit in
      side = (side + unit.stride - 1) / unit.stride
      return sum + side * side * unit.weightShape.elementCount
    }
  }

  /// Pixels `[batch, 3, height, width]`, (value - 127) / 128, to pooled features `[batch, 1280]`; an image's are the same,
  /// to the last bit, in any batch.
  public func callAsFunction(_ pixels: Variable) -> Variable {
    if isRecorded(pixels) { return lastPixels(pixels).mean(axes: [2, 3]) }
    let means = infer(pixels.value) { height, width in
      .full([height, width], 1 / Float(height * width))
    }
    return Variable(means.reshape([means.shape[0], EfficientNetLite0.featureWidth]))
  }

  /// Pixels as above to the pixels of the last layer, `[batch, tokens, 1280]`, whose mean is the pooled feature.
  public func tokens(_ pixels: Variable) -> Variable {
    if isRecorded(pixels) { return lastPixels(pixels).flatten(from: 2).transpose() }
    let blocks = infer(pixels.value) { _, _ in .ones([1, 1]) }
    let (batch, count) = (blocks.shape[0], blocks.shape[2] * blocks.shape[3])
    return Variable(
      blocks.permute([0, 2, 3, 1, 4]).reshape([batch, count, EfficientNetLite0.featureWidth]))
  }

  private func lastPixels(_ pixels: Variable) -> Variable {
    var x = stem(pixels)
    for block in blocks { x = block(x) }
    return head(x)
  }

  private func isRecorded(_ pixels: Variable) -> Bool {
    guard Recording.isEnabled else { return false }
    let units = [stem, head] + blocks.flatMap(\.units)
    return pixels.requiresGradient || units.contains(where: \.requiresGradient)
  }

  /// Blocked images of the last layer without a tape. The stem is the expansion of the first block, which has none of its
  /// own, and the head is a block without a projection.
  ///
  /// - Parameter window: The head's depthwise convolution of images of a height and a width, for every channel the same.
  private func infer(_ pixels: Tensor, window: (Int, Int) -> Tensor) -> Tensor {
    if pixels.rank != 4 || pixels.shape[1] != 3 {
      programmerError(
        "EfficientNetLite0: pixels of shape \(pixels.shape), expected [batch, 3, height, width]")
    }
    var x = pixels
    for (index, block) in blocks.enumerated() {
      x = block.infer(x, expansion: block.expand ?? stem, isBlocked: index > 0)
    }
    let window = window(x.shape[2], x.shape[3])
    let channels = EfficientNetLite0.featureWidth
    let depthwise = BlockedConvolution(
      weight: window.expand(to: [channels, 1] + window.shape).contiguous(), bias: .zeros([channels]),
      isDepthwise: true)
    return ExpandDepthwiseProject(
      expand: head.blocked, depthwise: depthwise, depthwiseWindow: (stride: 1, padding: .zero), project: nil)(
        x)
  }

  /// Pooled features to logits of the 1,000 classes of ImageNet.
  public func classify(features: Variable) -> Variable {
    classifier.map { $0(features) } ?? features
  }
}

/// What one convolution is called in the published checkpoint, and its sizes.
private struct UnitShape {
  let name: String
  let norm: String
  let inputs, outputs, kernel, stride, groups: Int
  let isActivated: Bool

  init(
    _ name: String, norm: String, inputs: Int, outputs: Int, kernel: Int = 1, stride: Int = 1,
    groups: Int = 1, isActivated: Bool = true
  ) {
    (self.name, self.norm, self.isActivated) = (name, norm, isActivated)
    (self.inputs, self.outputs, self.kernel) = (inputs, outputs, kernel)
    (self.stride, self.groups) = (stride, groups)
  }

  var weightShape: Shape { [outputs, inputs / groups, kernel, kernel] }
}

extension EfficientNetLite0.Block {
  /// Its convolutions, of which the first is left out where it would change no number of channels.
  fileprivate func units(prefix: String) -> (expand: UnitShape?, depthwise: UnitShape, project: UnitShape) {
    (
      expansion == 1
        ? nil : UnitShape(prefix + "_expand_conv", norm: prefix + "_bn0", inputs: inputs, outputs: hidden),
      UnitShape(
        prefix + "_depthwise_conv", norm: prefix + "_bn1", inputs: hidden, outputs: hidden, kernel: kernel,
        stride: stride, groups: hidden),
      UnitShape(
        prefix + "_project_conv", norm: prefix + "_bn2", inputs: hidden, outputs: outputs, isActivated: false)
    )
  }
}

/// Expansion, depthwise convolution, projection, and the input added where shapes agree (Sandler et al. 2018).
private final class InvertedResidual: Module {
  let expand: ConvolutionUnit?
  let depthwise: ConvolutionUnit
  let project: ConvolutionUnit
  let isResidual: Bool

  init(expand: ConvolutionUnit?, depthwise: ConvolutionUnit, project: ConvolutionUnit, isResidual: Bool) {
    self.expand = expand
    self.depthwise = depthwise
    self.project = project
    self.isResidual = isResidual
  }

  func callAsFunction(_ x: Variable) -> Variable {
    let y = project(depthwise(expand.map { $0(x) } ?? x))
    return isResidual ? x + y : y
  }

  var units: [ConvolutionUnit] { (expand.map { [$0] } ?? []) + [depthwise, project] }

  /// Maps blocked images, or images that `expansion` is a dense convolution of, to blocked images.
  func infer(_ x: Tensor, expansion: ConvolutionUnit, isBlocked: Bool) -> Tensor {
    let (height, width) = (x.shape[2], x.shape[3])
    return ExpandDepthwiseProject(
      expand: expansion.blocked,
      expandWindow: isBlocked
        ? nil : (stride: expansion.stride, padding: expansion.padding(height: height, width: width)),
      depthwise: depthwise.blocked,
      depthwiseWindow: (
        stride: depthwise.stride,
        padding: depthwise.padding(
          height: expansion.outputSize(height), width: expansion.outputSize(width))
      ), project: project.blocked, addsInput: isResidual)(x)
  }
}

/// A convolution with the batch normalisation behind it folded in, padded as TensorFlow's "same", then ReLU6.
private final class ConvolutionUnit: Module {
  let weight: Parameter
  let bias: Parameter
  let kernel: Int
  let stride: Int
  let groups: Int
  let isActivated: Bool
  private var blockedConvolution: BlockedConvolution?

  init(_ shape: UnitShape, weight: Tensor, bias: Tensor) {
    self.weight = Parameter(weight)
    self.bias = Parameter(bias)
    kernel = shape.kernel
    stride = shape.stride
    groups = shape.groups
    isActivated = shape.isActivated
  }

  func callAsFunction(_ x: Variable) -> Variable {
    let y = conv2d(
      x, weight: weight.variable, bias: bias.variable, stride: (stride, stride),
      padding: padding(height: x.shape[2], width: x.shape[3]), groups: groups)
    return isActivated ? y.relu6() : y
  }

  var requiresGradient: Bool { weight.variable.requiresGradient || bias.variable.requiresGradient }

  /// The weights for blocked images, made when they are first needed, and anew when the parameters have changed.
  var blocked: BlockedConvolution {
    if let made = blockedConvolution, made.isMade(from: weight.value, bias: bias.value) { return made }
    let made = BlockedConvolution(weight: weight.value, bias: bias.value, isDepthwise: groups > 1)
    blockedConvolution = made
    return made
  }

  /// Padding that gives `outputSize` results along each axis.
  func padding(height: Int, width: Int) -> Padding2D {
    let (top, bottom) = samePadding(height)
    let (left, right) = samePadding(width)
    return Padding2D(top: top, bottom: bottom, left: left, right: right)
  }

  /// Results along an axis of so many pixels.
  func outputSize(_ size: Int) -> Int { (size + stride - 1) / stride }

  /// Padding before and after, the odd pixel after the image.
  private func samePadding(_ size: Int) -> (Int, Int) {
    let total = max((outputSize(size) - 1) * stride + kernel - size, 0)
    return (total / 2, total - total / 2)
  }
}

/// Takes tensors out of a checkpoint and remembers everything that does not fit.
private struct CheckpointReader {
  private var state: [String: Tensor]
  private var missing: [String] = []
  private var mismatched: [(path: String, expected: Shape, found: Shape)] = []

  init(_ state: [String: Tensor]) { self.state = state }

  mutating func take(_ name: String, _ shape: Shape) -> Tensor {
    guard let tensor = state.removeValue(forKey: name) else {
      missing.append(name)
      return .zeros(shape)
    }
    if tensor.shape != shape {
      mismatched.append((name, shape, tensor.shape))
      return .zeros(shape)
    }
    return tensor
  }

  mutating func unit(_ shape: UnitShape) -> ConvolutionUnit {
    let outputs = shape.outputs
    let weight = take(shape.name + ".weight", shape.weightShape)
    let scale = take(shape.norm + ".weight", [outputs])
    let offset = take(shape.norm + ".bias", [outputs])
    let mean = take(shape.norm + ".running_mean", [outputs])
    let variance = take(shape.norm + ".running_var", [outputs])
    let factor = scale / (variance + 1e-3).sqrt()
    return ConvolutionUnit(
      shape, weight: weight * factor.reshape([outputs, 1, 1, 1]), bias: offset - mean * factor)
  }

  /// Throws when anything was missing, misshapen or left over.
  func finish() throws {
    let unexpected = state.keys.filter { !$0.hasSuffix("num_batches_tracked") }.sorted()
    guard missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty else {
      throw StateError(missing: missing, unexpected: unexpected, mismatched: mismatched)
    }
  }
}
