import NN
import Testing

/// The decoder against PyTorch's `TransformerDecoder`, and tokens one after another against all of them at once.
@Suite struct TransformerDecoderTests {
  private var random = Random(seed: 11)

  @Test mutating func valuesAndGradientsAreThoseOfPyTorch() throws {
    let decoder = TransformerDecoder(width: 6, depth: 2, heads: 2, hidden: 10, random: &random)
    let reference = try LayerFixture("decoder")
    try reference.check(decoder) { decoder($0["x"]!, memory: $0["memory"]!) }
    decoder.rematerializesBlocks = true
    try reference.check(decoder) { decoder($0["x"]!, memory: $0["memory"]!) }
    // In parts, through the cache.
    try reference.check(decoder) { inputs in
      var cache = decoder.cache(of: inputs["memory"]!)
      let x = inputs["x"]!
      let parts = [0..<1, 1..<3, 3..<5].map { decoder(x.slice($0, axis: 1), after: &cache) }
      return .concatenate(parts, axis: 1)
    }
  }

  /// Long enough for several vectors of keys, and for the sums of products to be in several parts.
  @Test(arguments: [(1, 1), (1, 3), (17, 1), (40, 37)]) func tokensThatFollowHaveTheSameBits(
    _ first: Int, _ step: Int
  ) {
    var random = Random(seed: 12)
    let decoder = TransformerDecoder(
      width: 48, depth: 2, heads: 3, attentionBias: false, random: &random)
    let count = 90
    let (x, memory) = (Variable(random.normal([3, count, 48])), Variable(random.normal([3, 21, 48])))
    let whole = decoder(x, memory: memory).value
    var cache = decoder.cache(of: memory)
    var start = 0
    while start < count {
      let end = min(count, start + (start == 0 ? first : step))
      let part = decoder(x.slice(start..<end, axis: 1), after: &cache).value
      #expect(cache.count == end)
      #expect(
        part.scalars == whole.slice(start..<end, axis: 1).contiguous().scalars, "tokens \(start)..<\(end)")
      start = end
    }
  }

  @Test mutating func aCacheGoesOnWithSomeSequences() {
    let decoder = TransformerDecoder(width: 8, depth: 2, heads: 2, random: &random)
    let (x, memory) = (Variable(random.normal([3, 4, 8])), Variable(random.normal([3, 5, 8])))
    let whole = decoder(x, memory: memory).value
    var cache = decoder.cache(of: memory)
    _ = decoder(x.slice(0..<3, axis: 1), after: &cache)
    let order = IndexTensor([2, 0, 2] as [Int])
    var some = cache.sequences(order)
    let last = decoder(x.slice(3..<4, axis: 1).take(order), after: &some).value
    #expect(last.scalars == whole.slice(3..<4, axis: 1).take(order, axis: 0).contiguous().scalars)
    // The other one is as it was.
    #expect(cache.count == 3 && some.count == 4)
    #expect(cache.blocks.allSatisfy { $0.tokens?.count == 3 && $0.memory.count == 5 })
  }

  @Test mutating func laterTokensChangeNothing() {
    let decoder = TransformerDecoder(width: 8, depth: 1, heads: 2, random: &random)
    let memory = Variable(random.normal([1, 3, 8]))
    let x = random.normal([1, 4, 8])
    var other = x
    other[0, 2] = random.normal([8])
    let (a, b) = (decoder(Variable(x), memory: memory).value, decoder(Variable(other), memory: memory).value)
    #expect(a[0, ..<2] == b[0, ..<2] && a[0, 2] != b[0, 2] && a[0, 3] != b[0, 3])
    #expect(decoder(Variable(x), memory: memory * 2).value[0, 0] != a[0, 0])
  }
}
