import NN

/// How well images and captions find each other, in each language: recall, median rank and mean average precision.
public struct RetrievalTask: EvaluationTask {
  /// Images with captions, any number each.
  public var source: any ImageTextSource
  /// What all evaluations have in common.
  public var settings = EvaluationSettings()

  /// Retrieval among the images of a source.
  public init(source: any ImageTextSource) { self.source = source }

  /// Evaluates a model.
  public func run(on model: EvaluationModel) throws -> EvaluationResult {
    try model.checkTokenizer()
    let data = try CaptionedImages(source, on: model)
    let languages = try CaptionRetrieval.byLanguage(
      images: data.images.embeddings, texts: data.texts, captions: data.captions)
    let evaluations = languages.mapValues { Retrieval($0.ranks) }
    let mean = Retrieval.mean(evaluations.sorted { $0.key < $1.key }.map(\.value))

    var result = EvaluationResult(task: "retrieval")
    result.counts = [
      ("images", data.images.count), ("captions", data.captions.count), ("languages", languages.count),
      ("candidates", mean.candidates),
    ]
    for direction in Direction.allCases {
      try add(direction, languages, mean, imageCount: data.images.count, to: &result)
    }
    if languages.count > 1 {
      let rows = evaluations.sorted { $0.key < $1.key }.map { language, retrieval in
        EvaluationResult.Table.Row(
          language.isEmpty ? "-" : language,
          Direction.allCases.flatMap { direction in
            let recall = direction.recall(retrieval)
            return [recall.r1, recall.r5, recall.r10, recall.medianRank, recall.meanAveragePrecision]
          } + [Double(retrieval.candidates)])
      }
      let numbers = ["R@1", "R@5", "R@10", "median", "mAP"]
      result.tables.append(
        .init(
          "by language",
          columns: Direction.allCases.flatMap { way in numbers.map { "\(way.short) \($0)" } }
            + ["candidates"], rows: rows))
    }
    result.damaged = data.images.reader.damaged
    addCards(data, languages, model, to: &result)
    return result
  }

  private enum Direction: String, CaseIterable {
    case imageToText = "image to text"
    case textToImage = "text to image"

    var short: String { self == .imageToText ? "i2t" : "t2i" }

    func recall(_ retrieval: Retrieval) -> Recall {
      self == .imageToText ? retrieval.imageToText : retrieval.textToImage
    }

    func rankings(_ language: CaptionRetrieval) -> [QueryRanking] {
      self == .imageToText ? language.ranks.imageToText : language.ranks.textToImage
    }

    /// The image that a query belongs to: captions of several belong to the first.
    func image(_ query: Int, of language: CaptionRetrieval) -> Int {
      language.images[self == .imageToText ? query : language.imagesOfTexts[query][0]]
    }

    /// How often one of a query's right answers is among `k` candidates that are picked blindly.
    func chance(_ k: Int, _ language: CaptionRetrieval) -> Double {
      let isImages = self == .imageToText
      let right = isImages ? language.textsOfImages : language.imagesOfTexts
      let candidates = isImages ? language.texts.count : language.images.count
      let shares = Dictionary(grouping: right, by: \.count).sorted { $0.key < $1.key }.map { count, queries in
        let missed = (0..<min(k, candidates)).reduce(1.0) {
          $0 * Double(max(candidates - count - $1, 0)) / Double(candidates - $1)
        }
        return (1 - missed) * Double(queries.count)
      }
      return shares.reduce(0, +) / Double(right.count)
    }
  }

  /// Adds the measures of a direction, each the mean over languages.
  private func add(
    _ direction: Direction, _ languages: [String: CaptionRetrieval], _ mean: Retrieval, imageCount: Int,
    to result: inout EvaluationResult
  ) throws {
    /// Images are drawn with all that belongs to them: captions of one image do not vote apart. Each image has its share in
    /// the mean over languages of what `value` says of a query.
    func interval(_ value: (QueryRanking) -> Double) throws -> ClosedRange<Double> {
      var shares = [Double](repeating: 0, count: imageCount)
      for (_, language) in languages.sorted(by: { $0.key < $1.key }) {
        let rankings = direction.rankings(language)
        for (query, ranking) in rankings.enumerated() {
          shares[direction.image(query, of: language)] +=
            value(ranking) * Double(imageCount) / Double(rankings.count * languages.count)
        }
      }
      return try settings.interval(mean: shares)
    }
    let (recall, name) = (direction.recall(mean), direction.rawValue)
    for (k, value) in [(1, recall.r1), (5, recall.r5), (10, recall.r10)] {
      let chances = languages.values.map { direction.chance(k, $0) }
      result.measures.append(
        .init(
          "\(name) R@\(k)", value, interval: try interval { $0.rank < k ? 1 : 0 },
          chance: chances.sorted().reduce(0, +) / Double(chances.count)))
    }
    if let precision = recall.meanAveragePrecision {
      result.measures.append(.init("\(name) mAP", precision, interval: try interval(\.averagePrecision)))
    }
    if let rank = recall.medianRank { result.measures.append(.init("\(name) median rank", rank)) }
  }

  // MARK: Pictures

  private func addCards(
    _ data: CaptionedImages, _ languages: [String: CaptionRetrieval], _ model: EvaluationModel,
    to result: inout EvaluationResult
  ) {
    let cards = AnswerCards(data.images, options: model.options)
    let names = languages.keys.sorted()
    /// Queries of all languages in turn, each query in one of them.
    func turns(_ direction: Direction) -> [(name: String, query: Int, isRight: Bool)] {
      let rankings = names.map { direction.rankings(languages[$0]!) }
      return (0..<(rankings.map(\.count).max() ?? 0)).compactMap { query in
        let place = query % names.count
        guard query < rankings[place].count else { return nil }
        return (names[place], query, rankings[place][query].rank == 0)
      }
    }
    let images = turns(.imageToText)
    let shownImages = AnswerCards.chosen(images.map(\.isRight), count: settings.pictures).map { place in
      card(images[place].query, images[place].name, languages[images[place].name]!, data, model)
    }
    result.sections += cards.sections(
      shownImages, wrong: "Images that like another's caption better",
      right: "Images that find a caption of their own")
    let texts = turns(.textToImage)
    let shownTexts = AnswerCards.chosen(texts.map(\.isRight), count: settings.pictures / 2).map { place in
      row(texts[place].query, texts[place].name, languages[texts[place].name]!, data)
    }
    result.sections += cards.section("Captions and the images they like best", shownTexts)
  }

  /// An image with the captions of a language that it likes best.
  private func card(
    _ query: Int, _ name: String, _ language: CaptionRetrieval, _ data: CaptionedImages,
    _ model: EvaluationModel
  ) -> AnswerCards.Card {
    let image = language.images[query]
    let scores = matmul(data.texts.take(IndexTensor(language.texts), axis: 0), data.images.embeddings[image])
    let probabilities = model.probabilities(scores).scalars
    let own = Set(language.textsOfImages[query])
    let best = AnswerCards.order(scores.scalars, own: own, count: 5)
    return AnswerCards.Card(
      image: image, isRight: language.ranks.imageToText[query].rank == 0,
      answers: best.map {
        .init(
          text: data.captions[language.texts[$0]].caption.text, isOwn: own.contains($0),
          score: percent(probabilities[$0]))
      }, note: name)
  }

  /// A caption with the images that it likes best.
  private func row(
    _ query: Int, _ name: String, _ language: CaptionRetrieval, _ data: CaptionedImages
  ) -> AnswerCards.Row {
    let text = language.texts[query]
    let scores = matmul(data.images.embeddings.take(IndexTensor(language.images), axis: 0), data.texts[text])
    let own = Set(language.imagesOfTexts[query])
    return AnswerCards.Row(
      text: data.captions[text].caption.text, note: name,
      images: AnswerCards.order(scores.scalars, own: own, count: 5).map {
        (language.images[$0], own.contains($0))
      })
  }
}

/// Images and their captions with embeddings.
struct CaptionedImages {
  let images: EmbeddedImages
  /// `[captions, width]`.
  let texts: Tensor
  /// What each text is, and the row of its image.
  let captions: [(caption: Caption, image: Int)]

  /// Embeds the samples of a source.
  init(_ source: any ImageTextSource, on model: EvaluationModel) throws {
    let (images, captions) = try model.embed(source).keeping { try source.captions(at: $0) }
    self.images = images
    self.captions = captions.enumerated().flatMap { image, captions in captions.map { ($0, image) } }
    // Equal texts once: names of classes are the captions of many images.
    var numbers: [ExactString: Int] = [:]
    var distinct: [String] = []
    let rows = self.captions.map { caption, _ in
      let text = ExactString(caption.text)
      if let number = numbers[text] { return number }
      numbers[text] = distinct.count
      distinct.append(caption.text)
      return distinct.count - 1
    }
    texts = try model.embed(texts: distinct).take(IndexTensor(rows), axis: 0)
  }
}
