import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel

/// Probabilities of labels for images.
struct Classify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says how well each label fits each image.",
    discussion: """
      The probability of a label is the sigmoid of its logit: each label stands by itself, several may fit, or none. \
      With --softmax the labels compete and their shares add up to 1; so do those of models that learned by the softmax \
      loss, as CLIP, without being asked. A label is put in place of {} in each template, \
      and the embeddings of its texts are averaged.

      An image that cannot be read is named on standard error and left out; then the exit status is 2. Ctrl-C ends after \
      the current batch without results.

      Examples:
        siglip classify cat.jpg --model siglip-base-patch16-224 --labels "a cat,a dog"
        siglip classify *.png --model DIR --labels-file animals.txt --template "a photo of a {}." --json
      """)

  @Argument(help: "Image files.", completion: .file())
  var images: [String]
  @OptionGroup var model: ModelOptions
  @Option(help: "Labels, separated by commas.")
  var labels: String?
  @Option(help: "A file with one label on a line.", completion: .file())
  var labelsFile: String?
  @Option(help: "A sentence with {} where the label goes; may be given several times.")
  var template: [String] = []
  @Flag(help: "Let the labels of an image compete.")
  var softmax = false
  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func validate() throws {
    if labels == nil && labelsFile == nil { throw ValidationError("expected --labels or --labels-file") }
    for sentence in template where !sentence.contains("{}") {
      throw ValidationError("--template \"\(sentence)\": expected {} where the label goes")
    }
  }

  func run() throws {
    let labels = try allLabels()
    Interruption.watch()
    let model = try model.load()
    let texts = try zeroShotClassifier(
      classes: labels, templates: template.isEmpty ? .name : PromptTemplates(template),
      embed: model.embed(texts:))
    var (results, failures): ([Result], [any Error]) = ([], [])
    for start in stride(from: 0, to: images.count, by: model.batchSize) {
      try Interruption.check("stopped: nothing is printed")
      let names = images[start..<min(start + model.batchSize, images.count)]
      let read = model.read(names)
      let readable = zip(names, read).compactMap { name, image in (try? image.get()).map { (name, $0) } }
      for image in read { if case .failure(let error) = image { failures.append(error) } }
      if readable.isEmpty { continue }
      let similarities = matmul(try model.embed(fitted: readable.map(\.1)), texts.transpose())
      for (row, (name, _)) in readable.enumerated() {
        results.append(result(name, labels, similarities[row], model))
      }
    }
    if json {
      try printLines(siglip.json(results))
    } else {
      for result in results { try printLines(result.table(softmax: softmax)) }
    }
    ImageFiles.report(failures)
    if !failures.isEmpty { throw filesLeftOut }
  }

  private func allLabels() throws -> [String] {
    var result = labels?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } ?? []
    if let labelsFile { result += try lines(of: labelsFile) }
    result.removeAll(where: \.isEmpty)
    if result.isEmpty { throw ValidationError("there is no label") }
    return result
  }

  private func result(
    _ image: String, _ labels: [String], _ similarities: Tensor, _ model: EmbeddingModel
  ) -> Result {
    let logits = withoutGradients {
      model.checkpoint.model.logits(similarities: Variable(similarities)).value
    }
    let probabilities = model.probabilities(similarities).scalars
    let shares = softmax ? withoutGradients { Variable(logits).softmax(axis: -1).value.scalars } : nil
    let entries = zip(labels, logits.scalars).enumerated().map { index, entry in
      Result.Entry(
        label: entry.0, logit: entry.1, probability: probabilities[index], softmax: shares?[index])
    }
    return Result(image: image, labels: entries.sorted { $0.logit > $1.logit })
  }

  /// What is found out about an image.
  private struct Result: Encodable {
    struct Entry: Encodable {
      let label: String
      let logit: Float
      let probability: Float
      let softmax: Float?
    }

    let image: String
    /// The best first.
    let labels: [Entry]

    func table(softmax: Bool) -> String {
      let rows = labels.map { entry in
        let share = entry.softmax.map { "  " + Result.percent($0) } ?? ""
        return "  \(Result.percent(entry.probability))\(share)  \(entry.label.shown)"
      }
      return ([image.shown] + rows).joined(separator: "\n")
    }

    private static func percent(_ value: Float) -> String { String(format: "%6.2f%%", value * 100) }
  }
}

/// The lines of a text file that hold something.
func lines(of file: String) throws -> [String] {
  let text = try readText(file)
  return text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
    .filter { !$0.isEmpty }
}
