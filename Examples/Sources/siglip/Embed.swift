import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel
import Tensor

/// Embeddings of images and texts, into a file.
struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes embeddings of images and texts to a safetensors file.",
    discussion: """
      The file holds image_embeds [images, width] and text_embeds [texts, width], each of length 1, and with both \
      logits_per_image [images, texts]. Its metadata lists the images and the texts in order, as JSON.

      An input is an image file, a folder of images, a .txt file with one text on a line, or else a text. All of them \
      are read before the file is written, in one step. An image that cannot be read is named on standard error and left \
      out; then the exit status is 2.

      Examples:
        siglip embed photos --model siglip-base-patch16-224 --output photos.safetensors
        siglip embed cat.jpg "a cat" "a dog" --model DIR --output scores.safetensors
        siglip embed --pixels pixels.safetensors --tokens tokens.safetensors --model DIR --output embeds.safetensors
      """)

  @Argument(help: "Image files, folders, .txt files and texts.", completion: .file())
  var inputs: [String] = []
  @OptionGroup var model: ModelOptions
  @Option(help: "The safetensors file to write.", completion: .file(extensions: ["safetensors"]))
  var output: String
  @Option(help: "A text, even if a file has that name; may be given several times.")
  var text: [String] = []
  @Option(
    help: "A safetensors file with pixel_values [images, 3, height, width] instead of images.",
    completion: .file(extensions: ["safetensors"]))
  var pixels: String?
  @Option(
    help: "A safetensors file with input_ids [texts, context] instead of texts.",
    completion: .file(extensions: ["safetensors"]))
  var tokens: String?

  func run() throws {
    try checkOutputFile(output, option: "--output")
    let inputs = try Inputs(inputs, texts: text)
    try checkOutput(output, option: "--output", isNoneOf: inputs.images + [pixels, tokens])
    if !inputs.images.isEmpty, pixels != nil {
      throw ValidationError("--pixels takes the place of images: give one")
    }
    if !inputs.texts.isEmpty, tokens != nil {
      throw ValidationError("--tokens takes the place of texts: give one")
    }
    if inputs.images.isEmpty, inputs.texts.isEmpty, pixels == nil, tokens == nil {
      throw ValidationError("expected images, texts, --pixels or --tokens")
    }
    Interruption.watch()
    let model = try model.load()
    let start = ContinuousClock.now
    var writer = SafetensorsWriter()
    var failures = inputs.failures

    var images: Tensor?
    if let pixels {
      images = try PrecomputedInputs(model).images(pixels)
    } else if !inputs.images.isEmpty {
      let embedded = try embedImages(inputs.images, model)
      images = embedded.embeddings
      failures += embedded.failures
      writer.metadata["images"] = try compactJSON(embedded.files)
    }
    var texts: Tensor?
    if let tokens {
      texts = try PrecomputedInputs(model).texts(tokens)
    } else if !inputs.texts.isEmpty {
      texts = try embedTexts(inputs.texts, model)
      writer.metadata["texts"] = try compactJSON(inputs.texts)
    }
    try Interruption.check("stopped: nothing is written")

    if let images { writer.add(images, named: "image_embeds") }
    if let texts { writer.add(texts, named: "text_embeds") }
    if let images, let texts {
      let logits = withoutGradients {
        model.checkpoint.model.logits(images: Variable(images), texts: Variable(texts)).value
      }
      writer.add(logits, named: "logits_per_image")
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    try writer.write(to: output)
    try printLines(
      "\(output.shown): \(images?.shape[0] ?? 0) images and \(texts?.shape[0] ?? 0) texts, embedded in "
        + String(format: "%.2f s", seconds))
    ImageFiles.report(failures)
    if !failures.isEmpty { throw filesLeftOut }
  }

  private func embedImages(
    _ files: [String], _ model: EmbeddingModel
  ) throws -> (files: [String], embeddings: Tensor, failures: [any Error]) {
    let progress = Progress("embedding", total: files.count, unit: "images")
    var (embedded, parts, failures): ([String], [Tensor], [any Error]) = ([], [], [])
    for start in stride(from: 0, to: files.count, by: model.batchSize) {
      try Interruption.check("stopped: nothing is written")
      let batch = files[start..<min(start + model.batchSize, files.count)]
      var images: [RGBImage] = []
      for (file, image) in zip(batch, model.read(batch)) {
        switch image {
        case .success(let image):
          images.append(image)
          embedded.append(file)
        case .failure(let error): failures.append(error)
        }
      }
      if !images.isEmpty { parts.append(try model.embed(fitted: images)) }
      progress.advance(by: batch.count)
    }
    if parts.isEmpty {
      ImageFiles.report(failures)
      throw CommandError("none of the \(files.count) images could be read; nothing is written")
    }
    return (embedded, Tensor.concatenate(parts, axis: 0), failures)
  }

  private func embedTexts(_ texts: [String], _ model: EmbeddingModel) throws -> Tensor {
    let progress = Progress("embedding", total: texts.count, unit: "texts")
    return try model.inBatches(of: texts.count) { range in
      defer { progress.advance(by: range.count) }
      return model.checkpoint.model.embed(texts: try model.tokens(Array(texts[range]))).value
    }
  }

  private func compactJSON(_ strings: [String]) throws -> String {
    String(decoding: try JSONEncoder().encode(strings), as: UTF8.self)
  }
}

/// Inputs sorted into images and texts.
private struct Inputs {
  var images: [String] = []
  var texts: [String] = []
  /// What folders hold that is called an image and cannot be one.
  var failures: [any Error] = []

  init(_ inputs: [String], texts: [String]) throws {
    for input in inputs {
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: input, isDirectory: &isFolder) {
        if isFolder.boolValue {
          let found = try ImageFiles(below: input)
          images += found.entries.map { (input.hasSuffix("/") ? input : input + "/") + $0.path }
          failures += found.failures
        } else if input.lowercased().hasSuffix(".txt") {
          self.texts += try lines(of: input)
        } else {
          images.append(input)
        }
      } else if RGBImage.isImageName(input) || input.contains("/") {
        throw CommandError("there is no file \(input); a text that looks like a file's name needs --text")
      } else {
        self.texts.append(input)
      }
    }
    self.texts += texts
  }
}

/// What other programs have prepared for the towers.
private struct PrecomputedInputs {
  private let model: EmbeddingModel
  private var vision: VisionConfiguration { model.checkpoint.configuration.vision }

  init(_ model: EmbeddingModel) { self.model = model }

  /// Embeddings of `pixel_values`, and for NaFlex of `spatial_shapes` with them.
  func images(_ path: String) throws -> Tensor {
    let file = try SafetensorsFile(path)
    let pixels = try file.tensor(named: "pixel_values")
    if vision.isNaFlex { return try patches(pixels, file) }
    try check(path, "pixel_values", pixels.shape, [nil, 3, vision.imageSize, vision.imageSize])
    return try model.inBatches(of: pixels.shape[0]) { range in
      model.checkpoint.model.embed(images: Variable(pixels.slice(range, axis: 0))).value
    }
  }

  private func patches(_ patches: Tensor, _ file: SafetensorsFile) throws -> Tensor {
    let shapes = try file.indices(named: "spatial_shapes")
    let width = vision.patchSize * vision.patchSize * 3
    try check(file.path, "pixel_values", patches.shape, [nil, nil, width])
    try check(file.path, "spatial_shapes", shapes.shape, [patches.shape[0], 2])
    let grids = stride(from: 0, to: shapes.values.count, by: 2).map { i in
      (height: Int(shapes.values[i]), width: Int(shapes.values[i + 1]))
    }
    for (index, grid) in grids.enumerated()
    where grid.height < 1 || grid.width < 1 || grid.height * grid.width > patches.shape[1] {
      throw CommandError(
        "\(file.path): image \(index) has \(grid.height) x \(grid.width) patches, expected 1 to \(patches.shape[1])"
      )
    }
    return try model.inBatches(of: grids.count) { range in
      let part = PatchSequences(patches: patches.slice(range, axis: 0), grids: Array(grids[range]))
      return model.checkpoint.model.embed(patches: part).value
    }
  }

  /// Embeddings of `input_ids`.
  func texts(_ path: String) throws -> Tensor {
    let ids = try SafetensorsFile(path).indices(named: "input_ids")
    let text = model.checkpoint.configuration.text
    try check(path, "input_ids", ids.shape, [nil, text.contextLength])
    if let id = ids.values.first(where: { $0 < 0 || $0 >= text.vocabularySize }) {
      throw CommandError("\(path): id \(id) in input_ids, expected 0 to \(text.vocabularySize - 1)")
    }
    return try model.inBatches(of: ids.shape[0]) { range in
      model.checkpoint.model.embed(texts: ids.rows(range)).value
    }
  }

  /// Refuses another shape; nil stands for any size above 0.
  private func check(_ path: String, _ name: String, _ shape: Shape, _ expected: [Int?]) throws {
    let fits = shape.count == expected.count && zip(shape, expected).allSatisfy { $0 > 0 && $0 == ($1 ?? $0) }
    if !fits {
      let wanted = expected.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
      throw CommandError("\(path): \(name) has shape \(shape), expected [\(wanted)]")
    }
  }
}

extension IndexTensor {
  /// Some rows of a matrix.
  fileprivate func rows(_ range: Range<Int>) -> IndexTensor {
    let width = shape[1]
    return IndexTensor(
      Array(values[(range.lowerBound * width)..<(range.upperBound * width)]), shape: [range.count, width])
  }
}
