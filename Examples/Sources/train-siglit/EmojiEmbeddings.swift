import SigLIPModel

/// What a model makes of all pictures and names, each of length 1.
struct EmojiEmbeddings {
  /// The names of one language: their embeddings, and which row belongs to which image.
  struct Names {
    let embeddings: Tensor
    let rows: [Int: Int]
  }

  /// `[images, width]`.
  let images: Tensor
  /// By language.
  let texts: [Names]

  init(images: Tensor, texts: [Names]) { (self.images, self.texts) = (images, texts) }

  /// Embeds everything.
  ///
  /// - Throws: What the model throws.
  init(of data: EmojiData, by model: EvaluationModel) throws {
    images = try model.embed(Pictures(data: data)).embeddings
    texts = try data.languages.indices.map { language in
      let named = data.images.indices.filter { data.name(.init(image: $0, language: language)) != nil }
      return Names(
        embeddings: try model.embed(
          texts: named.map { data.name(.init(image: $0, language: language))! }),
        rows: Dictionary(uniqueKeysWithValues: named.enumerated().map { ($0.element, $0.offset) }))
    }
  }
}

/// Pictures by themselves.
private struct Pictures: ImageTextSource {
  let data: EmojiData

  var count: Int { data.images.count }
  func key(at index: Int) -> String { data.codes[index] }
  func image(at index: Int) -> SampleImage { .pixels(data.images[index]) }
  func captions(at index: Int) -> [Caption] { [Caption(data.codes[index])] }
}
