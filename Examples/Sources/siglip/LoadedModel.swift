import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel

/// Options of every command that runs a model.
struct ModelOptions: ParsableArguments {
  @Option(
    help:
      "A checkpoint: a folder as siglip train, transformers or open_clip writes it, or big_vision's .npz beside its tokenizer.",
    completion: .directory)
  var model: String
  @OptionGroup var computing: ComputingOptions
}

/// How a model is run.
struct ComputingOptions: ParsableArguments {
  @Option(help: "How many images or texts are computed at a time.")
  var batchSize = 16
  @Option(
    help:
      "What shows through transparent pixels: six hexadecimal digits, or none to forget alpha as Python does."
  )
  var background = Background(transparency: .over(.white))

  func validate() throws {
    if !(1...4096).contains(batchSize) {
      throw ValidationError("--batch-size \(batchSize): expected 1 to 4096")
    }
  }
}

/// The value of `--background`.
struct Background: ExpressibleByArgument {
  let transparency: Transparency

  init(transparency: Transparency) { self.transparency = transparency }

  init?(argument: String) {
    if argument == "none" {
      transparency = .dropped
    } else if argument.count == 6, let value = UInt32(argument, radix: 16) {
      transparency = .over(
        RGBColor(
          red: UInt8(value >> 16), green: UInt8(value >> 8 & 255), blue: UInt8(value & 255)))
    } else {
      return nil
    }
  }

  var defaultValueDescription: String { "ffffff" }
}

/// A checkpoint with all that stands between files, texts and its towers.
struct LoadedModel {
  let checkpoint: SigLIPCheckpoint
  let options: ComputingOptions
  private let preprocessing: ImagePreprocessing

  init(path: String, options: ComputingOptions) throws {
    checkpoint = try SigLIPCheckpoint(path: path)
    self.options = options
    preprocessing = try checkpoint.imagePreprocessing()
  }

  /// Rows of token ids, `[texts, context]`; the tokenizer is read when it is needed.
  func tokens(_ texts: [String]) throws -> IndexTensor {
    let text = checkpoint.configuration.text
    let rows = try checkpoint.textEncoder()(texts)
    if let id = rows.values.max(), id >= text.vocabularySize {
      throw CommandError(
        "\(checkpoint.folder): its tokenizer makes id \(id), but its text tower knows \(text.vocabularySize) tokens"
      )
    }
    return rows
  }

  /// Image files ready for the tower; each that cannot be read has its error instead.
  func read(_ files: some Sequence<String>) -> [Result<RGBImage, any Error>] {
    preprocessing.fit(
      files: Array(files), options: ImageReadingOptions(transparency: options.background.transparency))
  }

  /// Embeddings, `[images, width]`, of images that went through ``read(_:)``.
  func embed(fitted images: [RGBImage]) throws -> Tensor {
    try finite {
      switch preprocessing.batch(ofFitted: images) {
      case .pixels(let pixels): checkpoint.model.embed(images: Variable(pixels)).value
      case .patches(let patches): checkpoint.model.embed(patches: patches).value
      }
    }
  }

  /// The embedding of an image of any size, `[1, width]`.
  func embed(_ image: RGBImage) throws -> Tensor { try embed(fitted: [preprocessing.fit(image)]) }

  /// Embeddings of texts, `[texts, width]`.
  func embed(texts: [String]) throws -> Tensor { try embed(tokens: try tokens(texts)) }

  /// Embeddings of rows of token ids, `[texts, width]`.
  func embed(tokens: IndexTensor) throws -> Tensor {
    try inBatches(of: tokens.shape[0]) { range in
      checkpoint.model.embed(texts: tokens.rows(range)).value
    }
  }

  /// What `embed` gives for ranges of a batch's size, one below the other; without a tape. Ends between two of them after
  /// Ctrl-C.
  func inBatches(of count: Int, _ embed: (Range<Int>) throws -> Tensor) throws -> Tensor {
    let parts = try stride(from: 0, to: count, by: options.batchSize).map { start in
      try Interruption.check("stopped: nothing is written")
      return try finite { try embed(start..<min(start + options.batchSize, count)) }
    }
    return Tensor.concatenate(parts, axis: 0)
  }

  /// Refuses embeddings that nothing can be compared with: weights that are damaged, or too large, give such ones.
  private func finite(_ embed: () throws -> Tensor) throws -> Tensor {
    let embeddings = try withoutGradients(embed)
    if !embeddings.isFinite {
      throw CommandError(
        "\(checkpoint.path): the model gives an embedding that is not finite; its weights are damaged")
    }
    return embeddings
  }

  /// Logits `[images, texts]`, from embeddings.
  func logits(images: Tensor, texts: Tensor) -> Tensor {
    withoutGradients { checkpoint.model.logits(images: Variable(images), texts: Variable(texts)).value }
  }
}

extension IndexTensor {
  /// Some rows of a matrix.
  func rows(_ range: Range<Int>) -> IndexTensor {
    let width = shape[1]
    return IndexTensor(
      Array(values[(range.lowerBound * width)..<(range.upperBound * width)]), shape: [range.count, width])
  }
}
