import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel

/// Finds the images of an index that fit a text or an image best.
struct Search: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Finds the images of an index that fit a text, or resemble an image.",
    discussion: """
      Prints the images that fit best, with the probability that a text describes them; with their cosine similarity to \
      an image, or where the model learned by the softmax loss, which gives a pair by itself no probability. The model is \
      the one that the index was made with.

      Examples:
        siglip search photos.index "a dog in the snow"
        siglip search photos.index --image cat.jpg --top 20 --html found.html
      """)

  @Argument(help: "A file that siglip index wrote.", completion: .file())
  var index: String
  @Argument(help: "What to look for.")
  var text: String?
  @Option(help: "An image to look for instead of a text.", completion: .file())
  var image: String?
  @Option(help: "How many images to find.")
  var top = 10
  @Option(help: "A web page to write with the images found.", completion: .file(extensions: ["html"]))
  var html: String?
  @Option(help: "The checkpoint, where it is no longer where the index was made.", completion: .directory)
  var model: String?
  @OptionGroup var computing: ComputingOptions

  func validate() throws {
    if (text == nil) == (image == nil) { throw ValidationError("expected a text or --image, one of the two") }
    if top < 1 { throw ValidationError("--top \(top): expected at least 1") }
  }

  func run() throws {
    if let html {
      try checkOutputFile(html, option: "--html")
      try checkOutput(html, option: "--html", isNoneOf: [index, image])
    }
    let index = try ImageIndex(path: index)
    if index.entries.isEmpty { throw CommandError("\(self.index) holds no images") }
    if model == nil && !FileManager.default.fileExists(atPath: index.model) {
      throw CommandError(
        "\(self.index) was made with \(index.model), which is no longer there: expected --model")
    }
    let model = try computing.load(path: model ?? index.model)
    if try !index.isFrom(modelWithProbe: model.embed(ImageIndex.probeImage)) {
      throw CommandError(
        "\(self.index) was made with another model, \(index.model), than \(model.checkpoint.path); index anew"
      )
    }
    let query = try query(model)
    let start = ContinuousClock.now
    let nearest = index.nearest(to: query, count: top)
    let time = ContinuousClock.now - start

    let found = nearest.map { entry, similarity in
      FoundImage(
        path: index.folder + "/" + entry.path, name: entry.path,
        score: (text == nil ? nil : model.probability(similarity)).map { String(format: "%6.2f%%", $0 * 100) }
          ?? String(format: "%.4f", similarity))
    }
    try printLines(found.map { "\($0.score)  \($0.path.shown)" }.joined(separator: "\n"))
    printError(
      "\(index.entries.count) images searched in \(time.formatted(.units(allowed: [.milliseconds], fractionalPart: .show(length: 1))))"
    )
    if let html {
      let page = Gallery(query: text ?? image ?? "", queryImage: image.map(absolutePath), images: found)
      try page.write(to: html)
    }
  }

  /// The embedding to look for, `[1, width]`.
  private func query(_ model: EmbeddingModel) throws -> Tensor {
    if let text { return try model.embed(texts: [text]) }
    return try model.embed(fitted: [try model.read([image!])[0].get()])
  }
}

extension EmbeddingModel {
  /// The probability that a text describes an image, from their cosine similarity, where the model knows it.
  fileprivate func probability(_ similarity: Float) -> Float? {
    checkpoint.model.objective == .sigmoid ? probabilities(Tensor([similarity])).item() : nil
  }
}
