import Foundation
import SigLIPModel

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

  /// Compares embeddings.
  ///
  /// Images of one name are one answer: a query finds it with any of them. Names that differ are different answers, also
  /// where the model cannot tell them apart: such ties count against it.
  ///
  /// - Throws: `EvaluationError` for embeddings that are not finite.
  init(data: EmojiData, _ embeddings: EmojiEmbeddings) throws {
    let (images, texts) = (embeddings.images, embeddings.texts)
    func ranks(of queries: [Int], among candidates: [Int], language: Int) throws -> RetrievalRanks {
      let rows = texts[language].rows
      func name(_ image: Int) -> String? { data.name(.init(image: image, language: language)) }
      let named = candidates.filter { rows[$0] != nil }
      let places = Dictionary(grouping: named.indices) { name(named[$0]) }
      let queries = queries.filter { rows[$0] != nil }
      if queries.isEmpty { return RetrievalRanks() }
      let rightAnswers = queries.map { places[name($0)]! }
      func seen(_ some: [Int]) -> Tensor { images.take(IndexTensor(some), axis: 0) }
      func read(_ some: [Int]) -> Tensor {
        texts[language].embeddings.take(IndexTensor(some.map { rows[$0]! }), axis: 0)
      }
      return RetrievalRanks(
        imageToText: try retrievalRankings(
          queries: seen(queries), candidates: read(named), rightAnswers: rightAnswers),
        textToImage: try retrievalRankings(
          queries: read(queries), candidates: seen(named), rightAnswers: rightAnswers),
        candidates: named.count)
    }
    let everything = Array(data.images.indices)
    let among = try texts.indices.map {
      Retrieval(try ranks(of: data.compositions, among: data.compositions, language: $0))
    }
    compositions = .mean(among)
    compositionsAmongAll = .mean(
      try texts.indices.map {
        Retrieval(try ranks(of: data.compositions, among: everything, language: $0))
      })
    languages = Dictionary(uniqueKeysWithValues: zip(data.languages, among).filter { $0.1.queries > 0 })

    translations = Retrieval(
      try texts.indices.reduce(into: RetrievalRanks()) { all, language in
        let queries = data.translations.filter { $0.language == language }.map(\.image)
        all.add(try ranks(of: queries, among: everything, language: language))
      })
  }

  /// Sorted keys: equal evaluations are equal byte for byte.
  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return try encoder.encode(self) + Data("\n".utf8)
  }
}

// MARK: - Table

extension Evaluation {
  /// R@1, R@5 and R@10 in both directions against chance, then R@1 by language.
  var table: String {
    let byLanguage = languages.sorted { $0.key < $1.key }.map { language, retrieval in
      language
        + String(format: " %.2f/%.2f", retrieval.imageToText.r1, retrieval.textToImage.r1)
    }
    return
      (compositions.table(title: "compositions") + compositionsAmongAll.table(title: "compositions among all")
      + translations.table(title: "translations")
      + ["R@1 of compositions by language, image to text / text to image:"]
      + stride(from: 0, to: byLanguage.count, by: 6).map {
        "  " + byLanguage[$0..<min($0 + 6, byLanguage.count)].joined(separator: "   ")
      }).joined(separator: "\n")
  }
}
