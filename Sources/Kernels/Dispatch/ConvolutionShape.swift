/// The sizes of a two-dimensional convolution. All tensors are contiguous: images batch x channels x height x width,
/// weights outputChannels x (inputChannels / groups) x kernelHeight x kernelWidth.
public struct ConvolutionShape: Sendable, Equatable {
  /// Number of images.
  public var batch: Int
  /// Channels of the input; a multiple of `groups`.
  public var inputChannels: Int
  /// Channels of the output; a multiple of `groups`.
  public var outputChannels: Int
  /// Parts into which the channels fall; each output channel sees the input channels of its part only.
  public var groups: Int
  /// How the window slides over a channel's plane.
  public var window: WindowShape

  /// Describes a convolution.
  public init(batch: Int, inputChannels: Int, outputChannels: Int, groups: Int = 1, window: WindowShape) {
    self.batch = batch
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.groups = groups
    self.window = window
  }

  var inputGroupChannels: Int { inputChannels / groups }
  var outputGroupChannels: Int { outputChannels / groups }
  /// Numbers of one image that one group sees.
  var inputGroupSize: Int { inputGroupChannels * window.inputArea }
  /// Numbers of one image that one group gives.
  var outputGroupSize: Int { outputGroupChannels * window.outputArea }
  /// Numbers that one output channel multiplies at each position.
  var depth: Int { inputGroupChannels * window.kernelArea }
  /// Weights of one group.
  var weightGroupSize: Int { outputGroupChannels * depth }

  /// Whether each output channel sees one input channel.
  var isDepthwise: Bool { inputGroupChannels == 1 }

  /// Whether the convolution is a matrix product as it stands.
  var isPointwise: Bool {
    let w = window
    return w.kernelArea == 1 && w.strideHeight == 1 && w.strideWidth == 1 && w.paddingTop == 0
      && w.paddingBottom == 0
      && w.paddingLeft == 0 && w.paddingRight == 0
  }

  /// Rows of positions that are unfolded at a time: at most a million numbers (4 MiB), or one row if that is more.
  var stripRows: Int {
    max(1, min(window.outputHeight, (1 << 20) / max(1, depth * window.outputWidth)))
  }
}
