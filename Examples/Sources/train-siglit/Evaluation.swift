import Foundation
import SigLIPModel

/// Retrieval in both directions.
struct Retrieval: Codable, Hashable {
  var imageToText: Recall
  var textToImage: Recall
  /// Number of candidates that the queries choose from.
  var candidates: Int

  enum CodingKeys: String, CodingKey {
    case imageToText = "image_to_text"
    case textToImage = "text_to_image"
    case candidates
  }
}

/// How well the model does on captions it never saw.
struct Evaluation: Codable, Hashable {
  /// Held-out emoji among themselves, the mean over languages.
  var compositions: Retrieval
  /// Held-out emoji among all, the mean over languages.
  var compositionsAmongAll: Retrieval
  /// Held-out names of known emoji among all.
  var translations: Retrieval
  /// Held-out emoji among themselves, by language.
  var languages: [String: Retrieval]

  enum CodingKeys: String, CodingKey {
    case compositions
    case compositionsAmongAll = "compositions_among_all"
    case translations, languages
  }

  /// Embeds nothing: takes embeddings of length 1 of all images, and of all names by language.
  ///
  /// - Parameters:
  ///   - images: `[images, width]`.
  ///   - texts: For each language the embeddings of its names, with the images they name.
  init(data: EmojiData, images: Tensor, texts: [NamedTexts]) {
    func retrieval(among candidates: [Int], _ language: NamedTexts, queries: [Int]) -> Retrieval {
      let rows = language.rows
      let named = candidates.filter { rows[$0] != nil }
      let place = Dictionary(uniqueKeysWithValues: named.enumerated().map { ($0.element, $0.offset) })
      let queries = queries.filter { place[$0] != nil }
      let candidateTexts = language.embeddings.take(IndexTensor(named.map { rows[$0]! }), axis: 0)
      let candidateImages = images.take(IndexTensor(named), axis: 0)
      let targets = queries.map { place[$0]! }
      return Retrieval(
        imageToText: Recall(
          ranks: retrievalRanks(
            queries: images.take(IndexTensor(queries), axis: 0), candidates: candidateTexts, targets: targets)
        ),
        textToImage: Recall(
          ranks: retrievalRanks(
            queries: language.embeddings.take(IndexTensor(queries.map { rows[$0]! }), axis: 0),
            candidates: candidateImages, targets: targets)),
        candidates: named.count)
    }
    let everything = Array(data.images.indices)
    let among = texts.map { retrieval(among: data.compositions, $0, queries: data.compositions) }
    compositions = .mean(among)
    compositionsAmongAll = .mean(
      texts.map { retrieval(among: everything, $0, queries: data.compositions) })
    languages = Dictionary(uniqueKeysWithValues: zip(data.languages, among))

    var imageToText: [Int] = []
    var textToImage: [Int] = []
    for (index, language) in texts.enumerated() {
      let queries = data.translations.filter { $0.language == index }.map(\.image)
      if queries.isEmpty { continue }
      imageToText += retrievalRanks(
        queries: images.take(IndexTensor(queries), axis: 0), candidates: language.embeddings,
        targets: queries.map { language.rows[$0]! })
      textToImage += retrievalRanks(
        queries: language.embeddings.take(IndexTensor(queries.map { language.rows[$0]! }), axis: 0),
        candidates: images, targets: queries)
    }
    translations = Retrieval(
      imageToText: Recall(ranks: imageToText), textToImage: Recall(ranks: textToImage),
      candidates: data.images.count)
  }

  /// Sorted keys: equal evaluations are equal byte for byte.
  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return try encoder.encode(self) + Data("\n".utf8)
  }
}

/// The names of one language: their embeddings, and which row belongs to which image.
struct NamedTexts {
  let embeddings: Tensor
  let rows: [Int: Int]
}

extension Retrieval {
  /// The mean of several, for the largest number of candidates.
  static func mean(_ all: [Retrieval]) -> Retrieval {
    Retrieval(
      imageToText: .mean(all.map(\.imageToText)), textToImage: .mean(all.map(\.textToImage)),
      candidates: all.map(\.candidates).max() ?? 0)
  }
}

// MARK: - Table

extension Evaluation {
  /// R@1, R@5 and R@10 in both directions against chance, then R@1 by language.
  var table: String {
    func cells(_ recall: Recall) -> String {
      [recall.r1, recall.r5, recall.r10].map { String(format: "%6.3f", $0) }.joined(separator: " ")
    }
    func lines(_ name: String, _ retrieval: Retrieval) -> [String] {
      let title = "\(name) (\(retrieval.candidates) candidates)"
      return [
        title.padding(toLength: 44, withPad: " ", startingAt: 0) + "   R@1    R@5   R@10",
        "  image to text".padding(toLength: 44, withPad: " ", startingAt: 0) + cells(retrieval.imageToText),
        "  text to image".padding(toLength: 44, withPad: " ", startingAt: 0) + cells(retrieval.textToImage),
        "  chance".padding(toLength: 44, withPad: " ", startingAt: 0)
          + cells(.chance(candidates: retrieval.candidates)),
      ]
    }
    let byLanguage = languages.sorted { $0.key < $1.key }.map { language, retrieval in
      language
        + String(format: " %.2f/%.2f", retrieval.imageToText.r1, retrieval.textToImage.r1)
    }
    return
      (lines("compositions", compositions) + lines("compositions among all", compositionsAmongAll)
      + lines("translations", translations)
      + ["R@1 of compositions by language, image to text / text to image:"]
      + stride(from: 0, to: byLanguage.count, by: 6).map {
        "  " + byLanguage[$0..<min($0 + 6, byLanguage.count)].joined(separator: "   ")
      }).joined(separator: "\n")
  }
}
