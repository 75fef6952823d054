import Foundation
import NN
import Training

/// Retrieval in both directions.
public struct Retrieval: Sendable, Hashable, Codable {
  /// How often an image finds a text of its own.
  public var imageToText: Recall
  /// How often a text finds an image of its own.
  public var textToImage: Recall
  /// Number of candidates that the queries choose from; of the direction with more of them.
  public var candidates: Int
  /// Number of images that asked; without any, recall says nothing.
  public var queries: Int

  enum CodingKeys: String, CodingKey {
    case imageToText = "image_to_text"
    case textToImage = "text_to_image"
    case candidates, queries
  }

  /// Recall of ranks.
  public init(_ ranks: RetrievalRanks) {
    imageToText = Recall(ranks.imageToText)
    textToImage = Recall(ranks.textToImage)
    (candidates, queries) = (ranks.candidates, ranks.imageToText.count)
  }

  /// The mean of those that have queries, for the largest number of candidates.
  public static func mean(_ all: [Retrieval]) -> Retrieval {
    let counted = all.filter { $0.queries > 0 }
    var mean = Retrieval(RetrievalRanks())
    mean.imageToText = .mean(counted.map(\.imageToText))
    mean.textToImage = .mean(counted.map(\.textToImage))
    mean.candidates = counted.map(\.candidates).max() ?? 0
    mean.queries = counted.map(\.queries).reduce(0, +)
    return mean
  }

  /// R@1, R@5 and R@10 in both directions beside chance, with `title` above them.
  public func table(title: String) -> [String] {
    if queries == 0 { return ["\(title): nothing to ask for"] }
    func line(_ name: String, _ recall: Recall) -> String {
      name.padding(toLength: 44, withPad: " ", startingAt: 0)
        + [recall.r1, recall.r5, recall.r10].map { String(format: "%6.3f", $0) }.joined(separator: " ")
    }
    let heading = "\(title) (\(candidates) candidates)".padding(toLength: 44, withPad: " ", startingAt: 0)
    return [
      heading + "   R@1    R@5   R@10", line("  image to text", imageToText),
      line("  text to image", textToImage), line("  chance", .chance(candidates: candidates)),
    ]
  }
}

extension Retrieval {
  /// The same as ``table(title:)`` in rows of an HTML table.
  public func tableRows(title: String) -> String {
    if queries == 0 { return "<tr><th>\(escapedForHTML(title)): nothing to ask for</th></tr>" }
    func row(_ name: String, _ recall: Recall) -> String {
      let cells = [recall.r1, recall.r5, recall.r10].map { "<td>\(String(format: "%.3f", $0))</td>" }
      return "<tr><td>\(name)</td>\(cells.joined())</tr>"
    }
    return
      "<tr><th>\(escapedForHTML(title)), \(candidates) candidates</th><th>R@1</th><th>R@5</th><th>R@10</th></tr>"
      + row("image to text", imageToText) + row("text to image", textToImage)
      + row("chance", .chance(candidates: candidates))
  }
}

/// Where right answers stand in both directions.
public struct RetrievalRanks: Sendable, Hashable {
  /// Of images that ask for texts.
  public var imageToText: [QueryRanking] = []
  /// Of texts that ask for images.
  public var textToImage: [QueryRanking] = []
  /// Number of candidates, of the direction with more of them.
  public var candidates = 0

  /// None.
  public init() {}

  /// Rankings in both directions.
  public init(imageToText: [QueryRanking], textToImage: [QueryRanking], candidates: Int) {
    (self.imageToText, self.textToImage, self.candidates) = (imageToText, textToImage, candidates)
  }

  /// Adds those of more queries.
  public mutating func add(_ more: RetrievalRanks) {
    imageToText += more.imageToText
    textToImage += more.textToImage
    candidates = max(candidates, more.candidates)
  }
}

/// How well images and their captions find each other, by language.
public struct RetrievalEvaluation: Sendable, Hashable, Codable {
  /// The mean over languages.
  public var retrieval: Retrieval
  /// By language; captions without one are under `""`.
  public var languages: [String: Retrieval]

  /// Ranks embeddings of length 1, as ``CaptionRetrieval`` does.
  ///
  /// - Parameters:
  ///   - images: `[images, width]`.
  ///   - texts: `[captions, width]`.
  ///   - captions: What each text is, and the row of its image.
  /// - Throws: ``EvaluationError`` for embeddings that are not finite.
  public init(images: Tensor, texts: Tensor, captions: [(caption: Caption, image: Int)]) throws {
    self.init(try CaptionRetrieval.byLanguage(images: images, texts: texts, captions: captions))
  }

  /// Counts what was found in each language.
  public init(_ languages: [String: CaptionRetrieval]) {
    self.languages = languages.mapValues { Retrieval($0.ranks) }
    // In an order of their own: that of a dictionary differs from process to process, and with it the rounding of sums.
    retrieval = .mean(self.languages.sorted { $0.key < $1.key }.map(\.value))
  }

  /// Numbers for a line of metrics.
  public var metrics: [String: Double] {
    [
      "image to text R@1": retrieval.imageToText.r1, "image to text R@5": retrieval.imageToText.r5,
      "text to image R@1": retrieval.textToImage.r1, "text to image R@5": retrieval.textToImage.r5,
    ]
  }

  /// The table of ``Retrieval/table(title:)``, and R@1 by language where there are several.
  public func table(title: String) -> String {
    var lines = retrieval.table(title: title)
    if languages.count > 1 {
      let cells = languages.sorted { $0.key < $1.key }.map { language, retrieval in
        (language.isEmpty ? "-" : language.oneLine(limit: 20))
          + String(format: " %.2f/%.2f", retrieval.imageToText.r1, retrieval.textToImage.r1)
      }
      lines.append("R@1 by language, image to text / text to image:")
      lines += stride(from: 0, to: cells.count, by: 6).map {
        "  " + cells[$0..<min($0 + 6, cells.count)].joined(separator: "   ")
      }
    }
    return lines.joined(separator: "\n")
  }
}
