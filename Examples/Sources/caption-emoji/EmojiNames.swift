import CommandSupport
import Foundation
import SigLIPModel

/// The names of emoji in one language as tokens: those pieces of a tokenizer that the names to learn from consist of, behind
/// its three special ones. A small decoder needs no others.
struct EmojiNames {
  private let tokenizer: any Tokenizer
  /// The tokenizer's id of each token.
  private let pieces: [Int32]
  /// The tokens of each emoji's name, without start and end.
  let ids: [[Int]]

  /// What texts begin with, as in CapPa, what ends them, and what stands for pieces that are not known.
  private static let (start, end, unknown) = (0, 1, 2)

  /// - Parameter training: The emoji to learn from.
  init(_ emoji: EmojiData, tokenizer: any Tokenizer, training: [Int]) {
    self.tokenizer = tokenizer
    let names = emoji.images.indices.map { image in
      tokenizer.encode(
        PunctuationMode.bigVision.prepare(emoji.name(.init(image: image, language: 0)) ?? ""))
    }
    let special = [Int32(Self.start), Int32(Self.end), Int32(Self.unknown)]
    pieces = special + Set(training.flatMap { names[$0] }).subtracting(special).sorted()
    let places = Dictionary(uniqueKeysWithValues: pieces.enumerated().map { ($1, $0) })
    ids = names.map { $0.map { places[$0] ?? Self.unknown } }
  }

  /// Sizes of a decoder that has room for the longest name and its end.
  func sizes(width: Int, depth: Int, memoryWidth: Int) -> CaptionConfiguration {
    var sizes = CaptionConfiguration(
      vocabularySize: pieces.count, contextLength: ids.map(\.count).max()! + 1, width: width,
      depth: depth, heads: width / 48, hiddenWidth: 4 * width, memoryWidth: memoryWidth,
      startToken: Self.start, endToken: Self.end)
    // Fewer weights to learn from few names.
    (sizes.output, sizes.dropout) = (.tokenTable, 0.1)
    return sizes
  }

  /// The text of tokens.
  func text(_ ids: [Int]) -> String { tokenizer.decode(ids.map { pieces[$0] }) }

  /// Its part before a colon, behind which skin tones and hair stand.
  func subject(_ ids: [Int]) -> Substring { text(ids).prefix { $0 != ":" } }
}

/// Prints what was found in validation, a line each.
struct ValidationLines: MetricsWriter {
  func write(_ metrics: StepMetrics) throws {
    guard let loss = metrics.numbers["validation/loss"], let right = metrics.numbers["validation/named right"]
    else { return }
    try printLines(
      "step \(metrics.step): loss of validation \(String(format: "%.3f", loss)), "
        + "\(String(format: "%.0f%%", 100 * right)) named right")
  }
}
