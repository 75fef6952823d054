import NN
import Training

/// A checkpoint with all that stands between files, texts and its towers: images and sentences in, embeddings of length 1 out.
///
///     let model = try EmbeddingModel(SigLIPCheckpoint(path: "siglip-base-patch16-224"))
///     let image = try model.embed(RGBImage(contentsOf: "cat.jpg"))
///     let texts = try model.embed(texts: ["a cat", "a dog"])
///     print(model.probabilities(matmul(image, texts.transpose())))
///
/// No tape is kept. Embeddings that are not finite are refused: damaged weights, or too large ones, give such.
public final class EmbeddingModel {
  /// The model with its files.
  public let checkpoint: SigLIPCheckpoint
  /// What happens to images.
  public let preprocessing: ImagePreprocessing
  /// How image files are read.
  public let options: ImageReadingOptions
  /// Images or texts that are computed at a time.
  public let batchSize: Int
  private lazy var encoder = Result { try checkpoint.textEncoder() }

  /// A checkpoint for use; its tokenizer is read when it is needed.
  ///
  /// - Throws: ``FileError`` when the preprocessing cannot be read.
  public init(
    _ checkpoint: SigLIPCheckpoint, options: ImageReadingOptions = ImageReadingOptions(), batchSize: Int = 16
  ) throws {
    if batchSize < 1 { programmerError("EmbeddingModel: batchSize \(batchSize), expected at least 1") }
    (self.checkpoint, self.options, self.batchSize) = (checkpoint, options, batchSize)
    preprocessing = try checkpoint.imagePreprocessing()
  }

  // MARK: Images

  /// Image files as ``embed(fitted:)`` takes them; each that cannot be read has its error instead.
  public func read(_ files: some Sequence<String>) -> [Result<RGBImage, any Error>] {
    preprocessing.fit(files: Array(files), options: options)
  }

  /// Embeddings `[images, width]` of images that went through ``read(_:)``, all at once.
  ///
  /// - Throws: ``FileError`` when one is not finite.
  public func embed(fitted images: [RGBImage]) throws -> Tensor {
    try finite {
      preprocessing.batch(ofFitted: images).embedded(by: checkpoint.model.image).normalized().value
    }
  }

  /// The embedding `[1, width]` of an image of any size.
  ///
  /// - Throws: ``FileError`` when it is not finite.
  public func embed(_ image: RGBImage) throws -> Tensor { try embed(fitted: [preprocessing.fit(image)]) }

  // MARK: Texts

  /// Refuses a model without a tokenizer before any work is done.
  ///
  /// - Throws: ``FileError``.
  public func checkTokenizer() throws { _ = try encoder.get() }

  /// Rows of token ids, `[texts, context]`.
  ///
  /// - Throws: ``FileError`` when there is no tokenizer, or it does not belong to the model.
  public func tokens(_ texts: [String]) throws -> IndexTensor {
    let rows = try encoder.get()(texts)
    let vocabularySize = checkpoint.configuration.text.vocabularySize
    if let id = rows.values.max(), id >= vocabularySize {
      throw FileError(
        .unsupported, checkpoint.folder,
        "its tokenizer makes id \(id), but its text tower knows \(vocabularySize) tokens")
    }
    return rows
  }

  /// Embeddings `[texts, width]`, a batch at a time.
  ///
  /// - Throws: As ``tokens(_:)`` and ``inBatches(of:_:)``.
  public func embed(texts: [String]) throws -> Tensor {
    try inBatches(of: texts.count) { range in
      checkpoint.model.embed(texts: try tokens(Array(texts[range]))).value
    }
  }

  // MARK: Batches

  /// What `embed` gives for ranges of a batch's size, one below the other.
  ///
  /// - Throws: What `embed` throws; ``FileError`` when an embedding is not finite; ``Interrupted`` between two batches.
  public func inBatches(of count: Int, _ embed: (Range<Int>) throws -> Tensor) throws -> Tensor {
    let parts = try stride(from: 0, to: count, by: batchSize).map { start in
      try Interruption.check("stopped: nothing is written")
      return try finite { try embed(start..<min(start + batchSize, count)) }
    }
    return .concatenate(parts)
  }

  /// What `embed` gives, without a tape.
  ///
  /// - Throws: What `embed` throws; ``FileError`` when something is not finite.
  func finite(_ embed: () throws -> Tensor) throws -> Tensor {
    let embeddings = try withoutGradients(embed)
    if !embeddings.isFinite {
      throw FileError(
        .malformed, checkpoint.path,
        "the model gives an embedding that is not finite; its weights are damaged")
    }
    return embeddings
  }

  // MARK: Probabilities

  /// The probabilities that images and texts belong together, of their similarities `[..., texts]`: of each pair by itself,
  /// or of a model that learned by the softmax loss the shares of an image's texts.
  public func probabilities(_ similarities: Tensor) -> Tensor {
    let model = checkpoint.model
    return withoutGradients {
      model.probabilities(logits: model.logits(similarities: Variable(similarities))).value
    }
  }
}
