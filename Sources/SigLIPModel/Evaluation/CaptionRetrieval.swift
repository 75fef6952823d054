import NN

/// Images and captions of one language that ask for each other.
public struct CaptionRetrieval: Sendable, Hashable {
  /// How well they are found.
  public let ranks: RetrievalRanks
  /// The row of each image that asks.
  public let images: [Int]
  /// The row of each caption that asks: the first of equal ones.
  public let texts: [Int]
  /// The captions of each image, as places in ``texts``.
  public let textsOfImages: [[Int]]
  /// The images of each caption, as places in ``images``.
  public let imagesOfTexts: [[Int]]

  /// Ranks embeddings of length 1 in each language; captions without one are under `""`.
  ///
  /// In each language the images that have captions in it are candidates for its captions, and the other way round. Captions
  /// of equal words are one answer, and so are the images that have it. A tie with a wrong answer counts against the model.
  ///
  /// - Parameters:
  ///   - images: `[images, width]`.
  ///   - texts: `[captions, width]`.
  ///   - captions: What each text is, and the row of its image.
  /// - Throws: ``EvaluationError`` for embeddings that are not finite.
  public static func byLanguage(
    images: Tensor, texts: Tensor, captions: [(caption: Caption, image: Int)]
  ) throws -> [String: CaptionRetrieval] {
    try Dictionary(grouping: captions.indices) { captions[$0].caption.language ?? "" }.mapValues { rows in
      try CaptionRetrieval(images: images, texts: texts, captions: captions, rows: rows)
    }
  }

  private init(
    images: Tensor, texts: Tensor, captions: [(caption: Caption, image: Int)], rows: [Int]
  ) throws {
    // Equal captions once: their embeddings are equal.
    var numbers: [ExactString: Int] = [:]
    var distinct: [Int] = []
    var pairs: [(image: Int, text: Int)] = []
    for row in rows {
      let text = ExactString(captions[row].caption.text)
      if numbers[text] == nil {
        numbers[text] = distinct.count
        distinct.append(row)
      }
      pairs.append((captions[row].image, numbers[text]!))
    }
    let named = Set(pairs.map(\.image)).sorted()
    let places = Dictionary(uniqueKeysWithValues: named.enumerated().map { ($0.element, $0.offset) })
    var textsOfImages = Array(repeating: Set<Int>(), count: named.count)
    var imagesOfTexts = Array(repeating: Set<Int>(), count: distinct.count)
    for (image, text) in pairs {
      textsOfImages[places[image]!].insert(text)
      imagesOfTexts[text].insert(places[image]!)
    }
    (self.images, self.texts) = (named, distinct)
    self.textsOfImages = textsOfImages.map { $0.sorted() }
    self.imagesOfTexts = imagesOfTexts.map { $0.sorted() }
    let seen = images.take(IndexTensor(named), axis: 0)
    let read = texts.take(IndexTensor(distinct), axis: 0)
    ranks = RetrievalRanks(
      imageToText: try retrievalRankings(
        queries: seen, candidates: read, rightAnswers: self.textsOfImages),
      textToImage: try retrievalRankings(
        queries: read, candidates: seen, rightAnswers: self.imagesOfTexts),
      candidates: max(named.count, distinct.count))
  }
}
