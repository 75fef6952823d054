import NN

/// How the next token of a text is chosen.
public enum TokenChoice: Sendable, Hashable {
  /// The most likely one; of several, that with the smallest id.
  case greedy
  /// One drawn with its probability: a temperature below 1 prefers likely ones, and `topK` leaves all but so many of the most
  /// likely out. Every token of every text of a batch has random numbers of its own, which follow from the seed.
  case drawn(temperature: Float = 1, topK: Int? = nil, seed: UInt64)

  /// A token for each row of logits, `[texts, vocabulary]`.
  ///
  /// - Parameters:
  ///   - texts: The texts' places in the batch.
  ///   - position: The token's place in its text.
  fileprivate func tokens(_ logits: Tensor, texts: [Int], position: Int) -> [Int] {
    switch self {
    case .greedy: return logits.argmax().values.map { Int($0) }
    case .drawn(let temperature, let topK, let seed):
      if !(temperature > 0 && temperature.isFinite) || topK.map({ $0 < 1 }) ?? false {
        programmerError(
          "TokenChoice: a temperature of \(temperature) and the \(topK ?? 1) most likely tokens")
      }
      return texts.enumerated().map { row, text in
        var random = Random(seed: seed, stream: UInt64(text), of: UInt64(position))
        let logits = logits[row] / temperature
        guard let topK, topK < logits.count else { return random.categorical(logits: logits).item() }
        let (likely, ids) = logits.topK(topK)
        return Int(ids.values[random.categorical(logits: likely).item()])
      }
    }
  }
}

/// What is kept of tokens for those that follow (a KV cache).
public protocol CaptionCache {
  /// That of some of the texts, in this order.
  func sequences(_ indices: IndexTensor) -> Self
}

extension TransformerDecoder.Cache: CaptionCache {}

/// Writes texts about images, one token after another.
public protocol CaptionWriter: Module {
  /// What it keeps.
  associatedtype Cache: CaptionCache
  /// What every text begins with; it is never written.
  var startToken: Int { get }
  /// What ends a text.
  var endToken: Int { get }
  /// Tokens of a text behind its start, its end among them.
  var contextLength: Int { get }
  /// What there is before the first token of a text about each image, of the images' tokens, `[images, tokens, width]`.
  func cache(of memory: Variable) -> Cache
  /// Logits of the token behind each of some that follow those of a cache, `[texts, tokens, vocabulary]`; adds them to it.
  func callAsFunction(_ tokens: IndexTensor, after cache: inout Cache) -> Variable
}

extension CaptionDecoder: CaptionWriter {
  /// That of the configuration.
  public var startToken: Int { configuration.startToken }
  /// That of the configuration.
  public var endToken: Int { configuration.endToken }
  /// That of the configuration.
  public var contextLength: Int { configuration.contextLength }
}

extension CaptionWriter {
  /// Writes a text about each image, all of them at once; one that has ended takes no more time.
  ///
  /// Texts are the same for an image alone and among others, but where tokens are drawn: then its place counts. It
  /// must not be training, if it drops anything.
  ///
  /// - Parameters:
  ///   - memory: The images' tokens, `[images, image tokens, memoryWidth]`: see ``ImageTower/tokens(_:)``.
  ///   - count: Tokens of a text at most, its end among them; as many as the context has if not given.
  ///   - usesCache: Whether what was computed for a token is kept for those that follow. Without it all tokens so far are
  ///     computed again for each; texts and logits are the same, to the last bit.
  ///   - observe: Told at every step which images' texts go on, and their logits, `[images, vocabulary]`.
  /// - Returns: Tokens, without start and end.
  public func generate(
    about memory: Variable, choosing choice: TokenChoice = .greedy, atMost count: Int? = nil,
    usesCache: Bool = true, observe: (_ images: [Int], _ logits: Tensor) -> Void = { _, _ in }
  ) -> [[Int]] {
    withoutGradients {
      var texts = Array(repeating: [startToken], count: memory.shape[0])
      var open = Array(texts.indices)
      var cache = cache(of: memory)
      for position in 0..<min(count ?? contextLength, contextLength) where !open.isEmpty {
        if !usesCache { cache = self.cache(of: memory.take(IndexTensor(open))) }
        let tokens = open.flatMap { texts[$0].suffix(usesCache ? 1 : position + 1) }
        let logits = self(
          IndexTensor(tokens, shape: [open.count, tokens.count / open.count]), after: &cache)
        let last = logits.value.select(-1, axis: 1)
        observe(open, last)
        let next = choice.tokens(last, texts: open, position: position)
        for (text, token) in zip(open, next) { texts[text].append(token) }
        let rows = next.indices.filter { next[$0] != endToken }
        if rows.count < open.count {
          open = rows.map { open[$0] }
          cache = cache.sequences(IndexTensor(rows))
        }
      }
      return texts.map { text in text.dropFirst().filter { $0 != endToken } }
    }
  }
}
