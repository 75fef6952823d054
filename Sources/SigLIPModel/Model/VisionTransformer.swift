import NN

/// The image tower of SigLIP and of CLIP: patches, learned positions, pre-norm blocks, and as embedding what a head attends to
/// from one learned query or a token that goes with the patches (``ImagePooling``).
public final class VisionTransformer: ImageTower, Hookable {
  /// The sizes it was made with.
  public let configuration: VisionConfiguration
  /// A convolution whose window and stride are a patch.
  public let patchEmbedding: Conv2d
  /// Of the token before the patches, `[width]`, where that is the embedding.
  public let classToken: Parameter?
  /// `[tokens, width]`, the class token's first.
  public let positionEmbedding: Parameter
  /// Before the blocks, with a class token.
  public let inputNorm: LayerNorm?
  /// Leaves out patches while training, once they have their positions; nothing at first.
  public var patchDropout: PatchDropout?
  /// The blocks and the last normalisation.
  public let encoder: TransformerEncoder
  /// ``encoder``.
  public var transformer: TransformerEncoder? { encoder }
  /// Pools the tokens, without a class token.
  public let head: AttentionPoolingHead?
  /// See `Module.addForwardHook(at:_:)`.
  public var forwardHooks = ForwardHooks()

  /// Initialised as big_vision does (reference: `vit.py`): positions, and the class token, normal of deviation 1/√width.
  public init(_ configuration: VisionConfiguration, random: inout Random) {
    configuration.check()
    self.configuration = configuration
    let (width, patch) = (configuration.width, configuration.patchSize)
    let deviation = 1 / Float(width).squareRoot()
    let hasClassToken = configuration.pooling == .classToken
    patchEmbedding = Conv2d(
      inputs: 3, outputs: width, kernel: (patch, patch), stride: (patch, patch), bias: !hasClassToken,
      random: &random)
    patchEmbedding.weight.value = random.lecunNormal(patchEmbedding.weight.shape)
    classToken =
      hasClassToken ? Parameter(random.normal([width], standardDeviation: deviation)) : nil
    positionEmbedding = Parameter(
      random.normal([configuration.tokenCount, width], standardDeviation: deviation))
    inputNorm = hasClassToken ? LayerNorm(width: width, epsilon: configuration.normEpsilon) : nil
    encoder = TransformerEncoder(
      width: width, depth: configuration.depth, heads: configuration.heads, hidden: configuration.hiddenWidth,
      activation: configuration.activation, epsilon: configuration.normEpsilon, random: &random)
    head =
      hasClassToken
      ? nil
      : AttentionPoolingHead(
        width: width, heads: configuration.heads, hiddenWidth: configuration.hiddenWidth,
        activation: configuration.activation, epsilon: configuration.normEpsilon, random: &random)
  }

  /// Pixels `[batch, 3, height, width]` in [-1, 1] to embeddings `[batch, width]`, not normalised.
  public func callAsFunction(_ pixels: Variable) -> Variable {
    withForwardHooks([pixels]) {
      let tokens = tokens(pixels)
      return head.map { $0(tokens) } ?? tokens.select(0, axis: 1)
    }
  }

  /// Pixels `[batch, 3, height, width]` in [-1, 1] to tokens behind the last normalisation, `[batch, tokens, width]`, the class
  /// token first.
  public func tokens(_ pixels: Variable) -> Variable {
    let size = configuration.imageSize
    if pixels.shape != [pixels.shape.first ?? 0, 3, size, size] {
      programmerError(
        "vision transformer: pixels of shape \(pixels.shape); expected [batch, 3, \(size), \(size)]")
    }
    let patches = patchEmbedding(pixels).flatten(from: 2).transpose()
    guard let classToken, let inputNorm else {
      let tokens = patches + positionEmbedding.variable
      return encoder(patchDropout?(tokens) ?? tokens)
    }
    let (batch, width) = (patches.shape[0], patches.shape[2])
    let positions = positionEmbedding.variable
    let first = (classToken.variable + positions[0]).expand(to: [batch, 1, width])
    let others = patches + positions[1...]
    return encoder(inputNorm(.concatenate([first, patchDropout?(others) ?? others], axis: 1)))
  }
}

/// Multi-head attention pooling: one learned query attends to all tokens, then an MLP is added (Zhai et al. 2022).
public final class AttentionPoolingHead: Module, Hookable {
  /// The query, `[1, 1, width]`. It is not added to the result.
  public let probe: Parameter
  /// From the query to the tokens.
  public let attention: MultiHeadAttention
  /// Before the MLP.
  public let norm: LayerNorm
  /// Added to what was attended.
  public let mlp: MLP
  /// See `Module.addForwardHook(at:_:)`.
  public var forwardHooks = ForwardHooks()

  /// A head of the given sizes.
  public init(
    width: Int, heads: Int, hiddenWidth: Int, activation: Activation = .gelu, epsilon: Float = 1e-6,
    random: inout Random
  ) {
    probe = Parameter(random.xavierUniform([1, width]).reshape([1, 1, width]))
    attention = MultiHeadAttention(width: width, heads: heads, random: &random)
    norm = LayerNorm(width: width, epsilon: epsilon)
    mlp = MLP(width: width, hidden: hiddenWidth, activation: activation, random: &random)
  }

  /// `[batch, tokens, width]` to `[batch, width]`.
  ///
  /// - Parameter mask: Added to the scores of the tokens (-infinity hides one); broadcasts to `[batch, heads, 1, tokens]`.
  public func callAsFunction(_ x: Variable, mask: Tensor? = nil) -> Variable {
    let (batch, width) = (x.shape[0], x.shape[2])
    return withForwardHooks([x]) {
      let attended = attention(queries: probe.variable.expand(to: [batch, 1, width]), memory: x, mask: mask)
      return (attended + mlp(norm(attended))).reshape([batch, width])
    }
  }
}
