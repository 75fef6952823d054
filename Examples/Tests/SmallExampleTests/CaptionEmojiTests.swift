import Foundation
import SigLIPModel
import Testing

@testable import caption_emoji

@Suite struct CaptionEmojiTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Data")

  private static func emoji() throws -> (EmojiData, EmojiNames) {
    let emoji = try EmojiData(folder: folder, languages: ["en"])
    let tokenizer = try SentencePieceTokenizer(path: folder.appending(path: "tokenizer.model").path)
    return (emoji, EmojiNames(emoji, tokenizer: tokenizer, training: emoji.trainingCaptions.map(\.image)))
  }

  @Test func namesAreTheirTokens() throws {
    let (emoji, names) = try Self.emoji()
    for image in stride(from: 0, to: emoji.images.count, by: 97) {
      let name = try #require(emoji.name(.init(image: image, language: 0)))
      #expect(names.text(names.ids[image]) == name.lowercased(), "\(name)")
    }
    let sizes = names.sizes(width: 48, depth: 1, memoryWidth: 8)
    #expect(sizes.problem == nil)
    let rows = sizes.rows(of: names.ids)
    // Every name has its end.
    #expect(rows[0..., -1].values.allSatisfy { $0 == 1 } && rows[0..., 0].values.allSatisfy { $0 == 0 })
  }

  /// Learns the names of a few pictures by heart and writes them, with the cache and without.
  @Test func writesWhatItHasLearned() throws {
    let (emoji, names) = try Self.emoji()
    let images = Array(stride(from: 0, to: emoji.images.count, by: 120))
    var random = Random(seed: 1)
    let vision = VisionConfiguration(
      imageSize: 32, patchSize: 16, width: 48, depth: 1, heads: 2, hiddenWidth: 96)
    let memory = CaptionEmoji.tokens(
      of: images.map { emoji.images[$0] }, VisionTransformer(vision, random: &random), imageSize: 32,
      normalizedOver: Array(images.indices))
    #expect(memory.shape == [images.count, 4, 48])
    #expect(memory.mean(axes: [0, 1]).abs().max().item() < 1e-3)
    let decoder = CaptionDecoder(names.sizes(width: 48, depth: 1, memoryWidth: 48), random: &random)
    let expected = images.map { names.ids[$0] }
    let texts = decoder.configuration.rows(of: expected)
    #expect(decoder.generate(about: Variable(memory)) != expected)
    let steps = 200
    try CaptionEmoji.train(
      decoder, memory, texts, by: CaptionEmoji.trainer(of: decoder, steps: steps), until: steps,
      batchSize: 64, seed: 1)
    decoder.evaluate()
    #expect(decoder.generate(about: Variable(memory)) == expected)
    #expect(decoder.generate(about: Variable(memory), usesCache: false) == expected)
  }
}
