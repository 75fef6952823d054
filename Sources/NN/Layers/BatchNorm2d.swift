/// Normalises each channel of `[batch, channels, height, width]` (Ioffe & Szegedy 2015): over the batch while training,
/// by running statistics otherwise.
public final class BatchNorm2d: Layer, TrainingDependent, Hookable {
  /// `[channels]`, ones at first.
  public let scale: Parameter
  /// `[channels]`, zeros at first.
  public let offset: Parameter
  /// `[channels]`, zeros at first.
  public let runningMean: Buffer
  /// `[channels]`, ones at first; of the unbiased variance.
  public let runningVariance: Buffer
  /// Added to the variance.
  public let epsilon: Float
  /// Weight of the newest batch in the running statistics.
  public let momentum: Float
  /// Whether the module is training, as it is at first.
  public var isTraining = true
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// A layer for `channels` channels, with PyTorch's meaning of `momentum`.
  public init(channels: Int, epsilon: Float = 1e-5, momentum: Float = 0.1) {
    scale = Parameter(.ones([channels]))
    offset = Parameter(.zeros([channels]))
    runningMean = Buffer(.zeros([channels]))
    runningVariance = Buffer(.ones([channels]))
    self.epsilon = epsilon
    self.momentum = momentum
  }

  /// Normalises `[batch, channels, height, width]`; while training it also updates the running statistics.
  /// A part of a batch is normalised by the whole one, where ``BatchSums`` are at hand.
  public func callAsFunction(_ x: Variable) -> Variable {
    let channels = scale.shape[0]
    guard x.rank == 4, x.shape[1] == channels else {
      programmerError(
        "BatchNorm2d: an input of shape \(x.shape), expected [batch, \(channels), height, width]")
    }
    return withForwardHooks([x]) { normalize(x, channels: channels) }
  }

  /// Normalises what a convolution without a bias makes of `x`. Where no derivative is recorded, nor a hook looks on, and
  /// running statistics count, it is part of the convolution's weights: numbers are rounded otherwise than by the two alone.
  public func callAsFunction(_ convolution: Conv2d, of x: Variable) -> Variable {
    let weight = convolution.weight.variable
    if isTraining || convolution.bias != nil || isHooked || convolution.isHooked
      || requiresRecording([x, weight, scale.variable, offset.variable])
    {
      return self(convolution(x))
    }
    let (factor, shift) = running
    return conv2d(
      x, weight: weight * factor.reshape([factor.count, 1, 1, 1]), bias: shift, stride: convolution.stride,
      padding: convolution.padding, dilation: convolution.dilation, groups: convolution.groups)
  }

  /// What running statistics multiply each channel by, and add to it.
  private var running: (factor: Variable, shift: Variable) {
    let factor = scale.variable * Variable((runningVariance.value + epsilon).rsqrt())
    return (factor, offset.variable - Variable(runningMean.value) * factor)
  }

  private func normalize(_ x: Variable, channels: Int) -> Variable {
    func perChannel(_ v: Variable) -> Variable { v.reshape([1, channels, 1, 1]) }
    guard isTraining else {
      let (factor, shift) = running
      return x * perChannel(factor) + perChannel(shift)
    }
    let (centred, variance) = statistics(x, channels: channels)
    return centred * (perChannel(scale.variable) * (variance + epsilon).rsqrt()) + perChannel(offset.variable)
  }

  /// Each channel without its mean, and its variance, over the batch.
  private func statistics(_ x: Variable, channels: Int) -> (centred: Variable, variance: Variable) {
    let axes = [0, 2, 3]
    guard isPartOfBatch else {
      let centred = x.centred(axes: axes)
      let variance = centred.square().mean(axes: axes, keepDimensions: true)
      updateStatistics(
        mean: x.value.mean(axes: axes), variance: variance.value, count: x.count / Swift.max(channels, 1))
      return (centred, variance)
    }
    guard let sums = BatchSums.current else {
      programmerError(
        "BatchNorm2d: a part of a batch does not have the batch's statistics; set isTraining to false, or compute the "
          + "batch in one part")
    }
    let count = sums.rowCount * x.shape[2] * x.shape[3]
    let mean = sums(x.sum(axes: axes, keepDimensions: true)) * (1 / Float(count))
    let centred = x - mean
    let variance = sums(centred.square().sum(axes: axes, keepDimensions: true)) * (1 / Float(count))
    // All parts have the same.
    if sums.isFirst { updateStatistics(mean: mean.value, variance: variance.value, count: count) }
    return (centred, variance)
  }

  private func updateStatistics(mean: Tensor, variance: Tensor, count: Int) {
    // What a checkpoint computes again was counted the first time.
    if isRecomputing { return }
    let shape = runningMean.value.shape
    let unbiased = variance.reshape(shape) * (Float(count) / Float(Swift.max(count - 1, 1)))
    runningMean.value = runningMean.value * (1 - momentum) + mean.reshape(shape) * momentum
    runningVariance.value = runningVariance.value * (1 - momentum) + unbiased * momentum
  }
}
