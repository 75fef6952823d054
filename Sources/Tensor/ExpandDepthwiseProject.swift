import Kernels

/// The weights of a convolution in the order in which kernels for blocked images read them (see `BlockedKernels`).
///
/// Keeps the tensors that they were made from: as long as it does, a write to those goes to a copy, so that
/// ``isMade(from:bias:)`` notices every change.
package struct BlockedConvolution: Sendable {
  /// The weights as they were given, `[outputs, inputs, height, width]`.
  package let source: Tensor
  private let sourceBias: Tensor
  /// Output blocks x depth x 16.
  private let weight: Tensor
  private let bias: Tensor

  /// Takes the weights `[outputs, inputs / groups, height, width]` and bias `[outputs]` of a convolution that is dense
  /// or, with `isDepthwise`, has as many groups as channels.
  package init(weight: Tensor, bias: Tensor, isDepthwise: Bool) {
    source = weight
    sourceBias = bias
    let outputs = weight.shape[0]
    let depth = weight.count / outputs
    let width = BlockedKernels.width
    let missing = wholeBlocks(outputs) * width - outputs
    // A sum over channels takes whole blocks of them, one over taps does not.
    let missingDepth = isDepthwise ? 0 : wholeBlocks(depth) * width - depth
    self.weight = weight.reshape([outputs, depth]).pad([(0, missing), (0, missingDepth)])
      .reshape([wholeBlocks(outputs), width, depth + missingDepth]).transpose().contiguous()
    self.bias = bias.pad([(0, missing)])
  }

  /// Whether these are the tensors, unchanged.
  package func isMade(from weight: Tensor, bias: Tensor) -> Bool {
    source.isSame(as: weight) && sourceBias.isSame(as: bias)
  }

  /// Blocks of the output.
  fileprivate var blocks: Int { weight.shape[0] }

  fileprivate var pointers: BlockedWeights {
    BlockedWeights(weight: weight.readPointer, bias: bias.readPointer)
  }
}

/// An expand-depthwise-project convolution, for inference, in one pass over each image: a 1 x 1 convolution, ReLU6, a
/// depthwise convolution, ReLU6, and a 1 x 1 convolution.
package struct ExpandDepthwiseProject {
  /// The 1 x 1 convolution; a dense one of any size if the input is not blocked.
  package var expand: BlockedConvolution
  /// Stride and padding of `expand` if the input is not blocked.
  package var expandWindow: (stride: Int, padding: Padding2D)?
  /// The depthwise convolution.
  package var depthwise: BlockedConvolution
  /// Stride and padding of `depthwise`.
  package var depthwiseWindow: (stride: Int, padding: Padding2D)
  /// The last 1 x 1 convolution; `nil` gives what the depthwise convolution gave.
  package var project: BlockedConvolution?
  /// Whether the input is added at the end.
  package var addsInput: Bool

  /// Describes a convolution.
  package init(
    expand: BlockedConvolution, expandWindow: (stride: Int, padding: Padding2D)? = nil,
    depthwise: BlockedConvolution,
    depthwiseWindow: (stride: Int, padding: Padding2D), project: BlockedConvolution?, addsInput: Bool = false
  ) {
    self.expand = expand
    self.expandWindow = expandWindow
    self.depthwise = depthwise
    self.depthwiseWindow = depthwiseWindow
    self.project = project
    self.addsInput = addsInput
  }

  /// Maps blocked images `[batch, blocks, height, width, 16]`, or images `[batch, channels, height, width]` if there is
  /// an `expandWindow`, to blocked images.
  package func callAsFunction(_ x: Tensor) -> Tensor {
    var (height, width) = (x.shape[2], x.shape[3])
    var source = ExpandDepthwiseProjectShape.Source.blocks(x.shape[1])
    if let expandWindow {
      let window = Self.window(x.shape, expand, expandWindow)
      source = .planes(x.shape[1], window)
      (height, width) = (window.outputHeight, window.outputWidth)
    }
    let window = Self.window([x.shape[0], 1, height, width], depthwise, depthwiseWindow)
    let shape = ExpandDepthwiseProjectShape(
      batch: x.shape[0], source: source, hiddenBlocks: expand.blocks, outputBlocks: project?.blocks,
      window: window, addsInput: addsInput)
    let x = x.contiguous()
    let result = Tensor(
      uninitialized: [
        x.shape[0], (project ?? expand).blocks, window.outputHeight, window.outputWidth, BlockedKernels.width,
      ])
    withExtendedLifetime((x, self)) {
      expandDepthwiseProject(
        shape, x: x.readPointer, expand: expand.pointers, depthwise: depthwise.pointers,
        project: project?.pointers, out: result.pointer)
    }
    return result
  }

  private static func window(
    _ images: Shape, _ layer: BlockedConvolution, _ sliding: (stride: Int, padding: Padding2D)
  ) -> WindowShape {
    WindowShape(
      images, (layer.source.shape[2], layer.source.shape[3]), stride: (sliding.stride, sliding.stride),
      padding: sliding.padding, of: "expandDepthwiseProject")
  }
}

/// Blocks that hold so many numbers.
private func wholeBlocks(_ count: Int) -> Int { (count + BlockedKernels.width - 1) / BlockedKernels.width }

extension Tensor {
  /// Whether both are the same view of the same memory.
  fileprivate func isSame(as other: Tensor) -> Bool {
    storage === other.storage && offset == other.offset && shape == other.shape && strides == other.strides
  }
}
