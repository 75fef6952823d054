import NN

/// CoCa's image tower: CLIP's, but learned queries attend to its tokens. The first query's result, projected, is the embedding;
/// the others' are what a decoder looks at.
public final class CoCaImageTower: ImageTower {
  /// A convolution whose window and stride are a patch.
  public let patchEmbedding: Conv2d
  /// Of the token before the patches, `[width]`.
  public let classToken: Parameter
  /// `[1 + patches, width]`.
  public let positionEmbedding: Parameter
  /// Before the blocks.
  public let inputNorm: LayerNorm
  /// From the input to the output.
  public let blocks: [TransformerBlock]
  /// Attends to the tokens.
  public let pooler: QueryPooler
  /// Behind the pooler.
  public let norm: LayerNorm
  /// To the embedding.
  public let projection: Linear

  /// Initialised as a ``VisionTransformer``.
  init(_ configuration: CoCaConfiguration, random: inout Random) {
    let (sizes, patch) = (configuration.image, configuration.patchSize)
    let deviation = 1 / Float(sizes.width).squareRoot()
    patchEmbedding = Conv2d(
      inputs: 3, outputs: sizes.width, kernel: (patch, patch), stride: (patch, patch), bias: false,
      random: &random)
    classToken = Parameter(random.normal([sizes.width], standardDeviation: deviation))
    positionEmbedding = Parameter(
      random.normal(
        [1 + configuration.gridSize * configuration.gridSize, sizes.width], standardDeviation: deviation))
    inputNorm = LayerNorm(width: sizes.width, epsilon: 1e-5)
    blocks = sizes.blocks(configuration.activation, random: &random)
    let width = configuration.embeddingWidth
    pooler = QueryPooler(
      queries: configuration.poolerQueries, width: width, memoryWidth: sizes.width,
      heads: configuration.poolerHeads, random: &random)
    norm = LayerNorm(width: width, epsilon: 1e-5)
    projection = Linear(weight: random.lecunNormal([width, width]))
  }

  /// Pixels `[batch, 3, height, width]` to embeddings, not normalised.
  public func callAsFunction(_ pixels: Variable) -> Variable { outputs(pixels).embeddings }

  /// Pixels to what captions look at, `[batch, queries - 1, embeddingWidth]`.
  public func tokens(_ pixels: Variable) -> Variable { outputs(pixels).tokens }

  /// Both in one pass.
  public func outputs(_ pixels: Variable) -> (embeddings: Variable, tokens: Variable) {
    let patches = patchEmbedding(pixels).flatten(from: 2).transpose()
    let first = classToken.variable.expand(to: [patches.shape[0], 1, patches.shape[2]])
    if patches.shape[1] + 1 != positionEmbedding.shape[0] {
      programmerError(
        "CoCa: pixels of shape \(pixels.shape) have \(patches.shape[1]) patches, expected "
          + "\(positionEmbedding.shape[0] - 1)")
    }
    var x = inputNorm(.concatenate([first, patches], axis: 1) + positionEmbedding.variable)
    for block in blocks { x = block(x) }
    let pooled = norm(pooler(x))
    return (projection(pooled.select(0, axis: 1)), pooled.slice(1..., axis: 1))
  }
}

/// Learned queries that attend to tokens, with normalisations of both.
public final class QueryPooler: Layer {
  /// `[queries, width]`.
  public let query: Parameter
  /// Of the queries.
  public let queryNorm: LayerNorm
  /// Of the tokens.
  public let memoryNorm: LayerNorm
  /// From the queries to the tokens.
  public let attention: MultiHeadAttention

  /// So many normally distributed queries.
  public init(queries: Int, width: Int, memoryWidth: Int, heads: Int, random: inout Random) {
    query = Parameter(random.normal([queries, width]))
    queryNorm = LayerNorm(width: width, epsilon: 1e-5)
    memoryNorm = LayerNorm(width: memoryWidth, epsilon: 1e-5)
    attention = MultiHeadAttention(width: width, heads: heads, memoryWidth: memoryWidth, random: &random)
  }

  /// Tokens `[batch, tokens, memoryWidth]` to `[batch, queries, width]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    let queries = queryNorm(query.variable)
    return attention(queries: queries.expand(to: [x.shape[0]] + queries.shape), memory: memoryNorm(x))
  }
}

/// CoCa's text tower, which reads in one direction: what it makes of each token is what the decoder goes on with, and a learned
/// token behind all others becomes the embedding.
public final class CoCaTextTower: TextTower {
  private let configuration: CoCaConfiguration
  /// `[vocabulary, width]`.
  public let tokenEmbedding: Embedding
  /// Of the token behind the text, `[width]`.
  public let classToken: Parameter
  /// `[context + 1, width]`.
  public let positionEmbedding: Parameter
  /// From the input to the output.
  public let blocks: [TransformerBlock]
  /// Of the last token alone.
  public let norm: LayerNorm
  /// To the embedding.
  public let projection: Linear
  /// nil: what follows the blocks is not of all tokens.
  public var transformer: TransformerEncoder? { nil }

  /// Initialised as a ``TextTransformer``.
  init(_ configuration: CoCaConfiguration, random: inout Random) {
    self.configuration = configuration
    let sizes = configuration.text
    let deviation = 1 / Float(sizes.width).squareRoot()
    tokenEmbedding = Embedding(count: configuration.vocabularySize, width: sizes.width, random: &random)
    classToken = Parameter(random.normal([sizes.width], standardDeviation: deviation))
    positionEmbedding = Parameter(
      random.normal([configuration.contextLength + 1, sizes.width], standardDeviation: deviation))
    blocks = sizes.blocks(configuration.activation, random: &random)
    norm = LayerNorm(width: sizes.width, epsilon: 1e-5)
    projection = Linear(weight: random.lecunNormal([configuration.embeddingWidth, sizes.width]))
  }

  /// Token ids `[texts, context]` to embeddings, not normalised.
  public func callAsFunction(_ tokens: IndexTensor) -> Variable { outputs(tokens).embeddings }

  /// The same, and what became of each token, `[texts, context, width]`.
  public func outputs(_ tokens: IndexTensor) -> (embeddings: Variable, tokens: Variable) {
    let length = configuration.contextLength
    if tokens.rank != 2 || tokens.shape[1] != length {
      programmerError("CoCa: tokens of shape \(tokens.shape), expected [texts, \(length)]")
    }
    let rows = tokenEmbedding(tokens)
    let last = classToken.variable.expand(to: [rows.shape[0], 1, rows.shape[2]])
    var x = Variable.concatenate([rows, last], axis: 1) + positionEmbedding.variable
    let mask = mask(tokens)
    for block in blocks { x = block(x, mask: mask) }
    return (projection(norm(x.select(-1, axis: 1))), x.slice(..<length, axis: 1))
  }

  /// What becomes of the last of some tokens, `[texts, tokens, width]`, given what the blocks keep of those before them, to which
  /// they are added.
  func outputs(_ tokens: IndexTensor, last count: Int, after kept: inout [KeysAndValues?]) -> Variable {
    let length = tokens.shape[1]
    if length > configuration.contextLength {
      programmerError("CoCa: \(length) tokens, expected \(configuration.contextLength) at most")
    }
    var x =
      tokenEmbedding(tokens[0..., (length - count)...])
      + positionEmbedding.variable[(length - count)..<length]
    // The token behind the text, which no other sees, is left out.
    let mask = mask(tokens)[0..., 0..., (length - count)..<length, ..<length]
    for index in blocks.indices { x = blocks[index](x, after: &kept[index], mask: mask) }
    return x
  }

  /// `[texts, 1, tokens + 1, tokens + 1]`: hides what comes later, and padding.
  private func mask(_ tokens: IndexTensor) -> Tensor {
    let hidden = tokens.rows.flatMap { row -> [Float] in
      let padding = row.map { Int($0) == configuration.paddingToken ? -Float.infinity : 0 }
      return configuration.hasCorrectMask ? padding + [0] : [0] + padding
    }
    let count = tokens.shape[1] + 1
    return Tensor.causalMask(queries: count) + Tensor(hidden, shape: [tokens.shape[0], 1, 1, count])
  }
}

extension CoCaConfiguration.Blocks {
  func blocks(_ activation: Activation, random: inout Random) -> [TransformerBlock] {
    var blocks: [TransformerBlock] = []
    for _ in 0..<depth {
      blocks.append(
        TransformerBlock(
          width: width, heads: heads, hidden: hiddenWidth, activation: activation, epsilon: 1e-5,
          random: &random))
    }
    return blocks
  }
}
