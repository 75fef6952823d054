import NN

/// SigLIP 2's image tower for images of any size and shape: patches are projected, positions resized to each image's grid
/// (bilinear with antialiasing), and padding hidden from every attention (Tschannen et al. 2025).
public final class NaFlexVisionTransformer: ImageTower, Hookable {
  /// The sizes it was made with.
  public let configuration: VisionConfiguration
  /// From a patch's numbers, (row, column, channel), to a token.
  public let patchEmbedding: Linear
  /// `[grid · grid, width]`: positions of a square image.
  public let positionEmbedding: Parameter
  /// The blocks and the last normalisation.
  public let encoder: TransformerEncoder
  /// ``encoder``.
  public var transformer: TransformerEncoder? { encoder }
  /// Pools the tokens.
  public let head: AttentionPoolingHead
  /// See `Module.addForwardHook(at:_:)`.
  public var forwardHooks = ForwardHooks()

  /// Initialised as big_vision does (reference: `naflex_vit.py`).
  public init(_ configuration: VisionConfiguration, random: inout Random) {
    configuration.check()
    self.configuration = configuration
    let (width, grid) = (configuration.width, configuration.gridSize)
    let patch = configuration.patchSize * configuration.patchSize * 3
    patchEmbedding = Linear(weight: random.lecunNormal([width, patch]), bias: .zeros([width]))
    positionEmbedding = Parameter(
      random.normal([grid * grid, width], standardDeviation: 1 / Float(width).squareRoot()))
    encoder = TransformerEncoder(
      width: width, depth: configuration.depth, heads: configuration.heads, hidden: configuration.hiddenWidth,
      activation: configuration.activation, epsilon: configuration.normEpsilon, random: &random)
    head = AttentionPoolingHead(
      width: width, heads: configuration.heads, hiddenWidth: configuration.hiddenWidth,
      activation: configuration.activation, epsilon: configuration.normEpsilon, random: &random)
  }

  /// Pixels `[batch, 3, height, width]` in [-1, 1], whose sides are multiples of the patch, to embeddings
  /// `[batch, width]`, not normalised.
  public func callAsFunction(_ pixels: Variable) -> Variable {
    let (patches, positions) = cut(pixels)
    return embed(patches, positions: positions, mask: nil)
  }

  /// Pixels `[batch, 3, height, width]` in [-1, 1], whose sides are multiples of the patch, to tokens behind the last
  /// normalisation, `[batch, tokens, width]`.
  public func tokens(_ pixels: Variable) -> Variable {
    let (patches, positions) = cut(pixels)
    return encode(patches, positions: positions, mask: nil)
  }

  /// The patches of images of one size, and what resizes positions to them.
  private func cut(_ pixels: Variable) -> (patches: Variable, positions: Tensor) {
    let patches = PatchSequences.cut(pixels, patchSize: configuration.patchSize)
    let grid = (pixels.shape[2] / configuration.patchSize, pixels.shape[3] / configuration.patchSize)
    return (patches, resize(to: grid, room: patches.shape[1]))
  }

  /// Patches of images of any size and shape to embeddings `[batch, width]`, not normalised.
  public func callAsFunction(_ sequences: PatchSequences) -> Variable {
    let room = sequences.patches.shape[1]
    let matrices = sequences.grids.map { resize(to: $0, room: room) }
    return embed(
      Variable(sequences.patches), positions: Tensor.stack(matrices), mask: sequences.mask)
  }

  /// - Parameter positions: Resize the grid of positions, `[room, grid · grid]` or one for each image.
  private func embed(_ patches: Variable, positions: Tensor, mask: Tensor?) -> Variable {
    withForwardHooks([patches]) { head(encode(patches, positions: positions, mask: mask), mask: mask) }
  }

  private func encode(_ patches: Variable, positions: Tensor, mask: Tensor?) -> Variable {
    if patches.shape[2] != patchEmbedding.inputs {
      programmerError(
        "NaFlex vision transformer: patches of \(patches.shape[2]) numbers, expected \(patchEmbedding.inputs)"
      )
    }
    let tokens = patchEmbedding(patches) + matmul(Variable(positions), positionEmbedding.variable)
    return encoder(tokens, mask: mask)
  }

  /// `[room, grid · grid]`; rows of padding are zero.
  private func resize(to grid: (height: Int, width: Int), room: Int) -> Tensor {
    let matrix = PositionResize.bilinearAntialiased.matrix(
      side: configuration.gridSize, height: grid.height, width: grid.width)
    return matrix.pad([(0, room - matrix.shape[0]), (0, 0)])
  }
}
