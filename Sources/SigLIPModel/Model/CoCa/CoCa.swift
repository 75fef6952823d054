import Foundation
import NN

/// A contrastive captioner (Yu et al. 2022), as open_clip's `CoCa`: two towers, and a decoder behind the text tower's tokens that
/// looks at the image tower's. It learns by a ``CoCaLoss``.
public final class CoCa: Module {
  /// The sizes it was made with.
  public let configuration: CoCaConfiguration
  /// The image tower.
  public let image: CoCaImageTower
  /// The text tower.
  public let text: CoCaTextTower
  /// From the text tower's tokens to logits.
  public let decoder: CoCaDecoder
  /// t′, `[1]`.
  public let logitScale: Parameter

  /// A model of the given sizes, with random weights.
  public init(_ configuration: CoCaConfiguration, random: inout Random) {
    if let problem = configuration.problem { programmerError("CoCaConfiguration: \(problem)") }
    self.configuration = configuration
    image = CoCaImageTower(configuration, random: &random)
    text = CoCaTextTower(configuration, random: &random)
    decoder = CoCaDecoder(configuration, random: &random)
    logitScale = Parameter(Tensor([Float(log(1 / 0.07))]))
  }

  /// A model whose weights are one zero repeated and take no memory: to be looked at, or filled by reading a state.
  public static func outline(_ configuration: CoCaConfiguration) -> CoCa {
    var random = Random.placeholders
    return CoCa(configuration, random: &random)
  }

  /// What a model makes of pairs.
  public struct Outputs {
    /// Embeddings of length 1, `[batch, embeddingWidth]`.
    public let images: Variable
    /// Embeddings of length 1, `[batch, embeddingWidth]`.
    public let texts: Variable
    /// Of the token behind each but the last, `[batch, context - 1, vocabulary]`.
    public let logits: Variable
  }

  /// Pixels `[batch, 3, height, width]` and token ids `[batch, context]`.
  public func callAsFunction(images: Variable, texts: IndexTensor) -> Outputs {
    let (image, memory) = image.outputs(images)
    let (text, tokens) = text.outputs(texts)
    return Outputs(
      images: image.normalized(), texts: text.normalized(),
      logits: decoder(tokens.slice(..<(-1), axis: 1), memory: memory))
  }

  /// Both terms of a loss of pairs; their sum is what to minimise.
  public func loss(
    images: Variable, texts: IndexTensor, by loss: CoCaLoss = CoCaLoss()
  ) -> (contrastive: Variable, caption: Variable) {
    let outputs = self(images: images, texts: texts)
    return loss(
      images: outputs.images, texts: outputs.texts, logScale: logitScale.variable, logits: outputs.logits,
      labels: texts[0..., 1...])
  }
}

/// Blocks in pairs: of each, one lets tokens see those up to them, the other what is known of an image.
public final class CoCaDecoder: Module {
  /// Of tokens to tokens.
  public let blocks: [TransformerBlock]
  /// Of tokens to the image, one behind each of the others.
  public let crossBlocks: [CrossAttentionBlock]
  /// After the last block.
  public let norm: LayerNorm
  /// To logits, without a bias.
  public let output: Linear

  init(_ configuration: CoCaConfiguration, random: inout Random) {
    let sizes = configuration.decoder
    blocks = sizes.blocks(configuration.activation, random: &random)
    var crossBlocks: [CrossAttentionBlock] = []
    for _ in 0..<sizes.depth {
      crossBlocks.append(
        CrossAttentionBlock(
          width: sizes.width, heads: sizes.heads, hidden: sizes.hiddenWidth,
          activation: configuration.activation, epsilon: 1e-5, random: &random))
    }
    self.crossBlocks = crossBlocks
    norm = LayerNorm(width: sizes.width, epsilon: 1e-5)
    output = Linear(weight: random.lecunNormal([configuration.vocabularySize, sizes.width]))
  }

  /// Tokens `[batch, tokens, width]` and a memory `[batch, others, width]` to logits `[batch, tokens, vocabulary]`.
  public func callAsFunction(_ tokens: Variable, memory: Variable) -> Variable {
    var kept = [KeysAndValues?](repeating: nil, count: blocks.count)
    return self(tokens, memory: crossBlocks.map { $0.keysAndValues(of: memory) }, after: &kept)
  }

  /// The same of tokens that follow those that the blocks have kept.
  func callAsFunction(
    _ tokens: Variable, memory: [KeysAndValues], after kept: inout [KeysAndValues?]
  ) -> Variable {
    let mask = Tensor.causalMask(
      queries: tokens.shape[1], keys: tokens.shape[1] + (kept.first.flatMap { $0?.count } ?? 0))
    var x = tokens
    for index in blocks.indices {
      x = crossBlocks[index](blocks[index](x, after: &kept[index], mask: mask), memory: memory[index])
    }
    return output(norm(x))
  }
}

/// x + attention(norm1(x), memoryNorm(memory)), then x + mlp(norm2(x)).
public final class CrossAttentionBlock: Module {
  /// Before the attention.
  public let norm1: LayerNorm
  /// Of the memory.
  public let memoryNorm: LayerNorm
  /// Of tokens to the memory.
  public let attention: MultiHeadAttention
  /// Before the MLP.
  public let norm2: LayerNorm
  /// Applied to each token.
  public let mlp: MLP

  /// A block of tokens, and a memory, of size `width`.
  public init(
    width: Int, heads: Int, hidden: Int? = nil, activation: Activation = .gelu, epsilon: Float = 1e-6,
    random: inout Random
  ) {
    norm1 = LayerNorm(width: width, epsilon: epsilon)
    memoryNorm = LayerNorm(width: width, epsilon: epsilon)
    attention = MultiHeadAttention(width: width, heads: heads, random: &random)
    norm2 = LayerNorm(width: width, epsilon: epsilon)
    mlp = MLP(width: width, hidden: hidden, activation: activation, random: &random)
  }

  /// Maps `[batch, tokens, width]` to the same shape, with a memory `[batch, others, width]`.
  public func callAsFunction(_ x: Variable, memory: Variable) -> Variable {
    self(x, memory: keysAndValues(of: memory))
  }

  /// Keys and values of a memory, for tokens that come later.
  public func keysAndValues(of memory: Variable) -> KeysAndValues {
    attention.keysAndValues(of: memoryNorm(memory))
  }

  /// The same with a memory whose keys and values are there already.
  public func callAsFunction(_ x: Variable, memory: KeysAndValues) -> Variable {
    let attended = x + attention(queries: norm1(x), memory: memory)
    return attended + mlp(norm2(attended))
  }
}
