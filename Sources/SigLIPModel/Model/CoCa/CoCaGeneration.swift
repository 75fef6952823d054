import NN

/// Writes captions: see `generate(images:choosing:atMost:usesCache:)`.
extension CoCa: CaptionWriter {
  /// What is kept of the image and of the tokens so far.
  public struct Cache: CaptionCache {
    fileprivate var tokens: IndexTensor
    fileprivate var text: [KeysAndValues?]
    fileprivate var decoder: [KeysAndValues?]
    fileprivate var memory: [KeysAndValues]

    /// That of some of the texts, in this order.
    public func sequences(_ indices: IndexTensor) -> Cache {
      Cache(
        tokens: tokens[indices], text: text.map { $0?.sequences(indices) },
        decoder: decoder.map { $0?.sequences(indices) }, memory: memory.map { $0.sequences(indices) })
    }
  }

  /// That of the configuration.
  public var startToken: Int { configuration.startToken }
  /// That of the configuration.
  public var endToken: Int { configuration.endToken }
  /// That of the configuration.
  public var contextLength: Int { configuration.contextLength }

  /// What there is before the first token of a text about each image, of ``CoCaImageTower/tokens(_:)``.
  public func cache(of memory: Variable) -> Cache {
    Cache(
      tokens: IndexTensor([Int](), shape: [memory.shape[0], 0]),
      text: Array(repeating: nil, count: text.blocks.count),
      decoder: Array(repeating: nil, count: decoder.blocks.count),
      memory: decoder.crossBlocks.map { $0.keysAndValues(of: memory) })
  }

  /// Logits of the token behind each of some that follow those of a cache, `[texts, tokens, vocabulary]`: the same, to the last
  /// bit, as of all in one call.
  public func callAsFunction(_ tokens: IndexTensor, after cache: inout Cache) -> Variable {
    let rows = zip(cache.tokens.rows, tokens.rows).flatMap { Array($0) + Array($1) }
    cache.tokens = IndexTensor(rows, shape: [tokens.shape[0], cache.tokens.shape[1] + tokens.shape[1]])
    let x = text.outputs(cache.tokens, last: tokens.shape[1], after: &cache.text)
    return decoder(x, memory: cache.memory, after: &cache.decoder)
  }

  /// Writes a text about each image of pixels `[images, 3, height, width]`: see
  /// ``CaptionWriter/generate(about:choosing:atMost:usesCache:observe:)``.
  public func generate(
    images: Variable, choosing choice: TokenChoice = .greedy, atMost count: Int? = nil, usesCache: Bool = true
  ) -> [[Int]] {
    generate(
      about: withoutGradients { image.tokens(images) }, choosing: choice, atMost: count, usesCache: usesCache)
  }
}
