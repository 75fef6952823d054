import Foundation
import NN
import SigLIPModel
import TestSupport

/// A folder with a small model and pictures for evaluations, and what the model says of them one by one.
final class EvaluationPlace {
  let folder: TemporaryFolder
  let checkpoint: SigLIPCheckpoint

  init() throws {
    folder = try TemporaryFolder()
    let configuration = SigLIPConfiguration(
      vision: VisionConfiguration(imageSize: 8, patchSize: 4, width: 16, depth: 1, heads: 2, hiddenWidth: 32),
      text: TextConfiguration(
        vocabularySize: 8000, contextLength: 8, width: 16, depth: 1, heads: 2, hiddenWidth: 32,
        outputWidth: 16))
    var random = Random(seed: 3)
    let model = SigLIP(configuration, random: &random)
    model.evaluate()
    model.logitScale.value = Tensor([1.5])
    model.logitBias?.value = Tensor([-1])
    checkpoint = SigLIPCheckpoint(
      model: model, configuration: configuration, preprocessing: .huggingFaceV1(imageSize: 8),
      tokenizer: exampleData("tokenizer.model"))
  }

  /// The model; its cache is one for all.
  func model(maximumDamagedShare: Double = 0.01) throws -> EvaluationModel {
    try EvaluationModel(
      checkpoint, cache: folder.path("embeddings"), batchSize: 5, maximumDamagedShare: maximumDamagedShare)
  }

  // MARK: One by one

  /// Embeddings of length 1.
  func images(_ source: any ImageTextSource) throws -> Tensor {
    withoutGradients { Variable(try! features(source)).normalized().value }
  }

  /// What the image tower gives.
  func features(_ source: any ImageTextSource) throws -> Tensor {
    .concatenate(
      try (0..<source.count).map { index in
        switch try checkpoint.imagePreprocessing()([try source.image(at: index).decoded()]) {
        case .pixels(let pixels): withoutGradients { checkpoint.model.image(Variable(pixels)).value }
        case .patches: fatalError("the model is not for patches")
        }
      })
  }

  /// Embeddings of length 1.
  func texts(_ texts: [String]) throws -> Tensor {
    let encoder = try checkpoint.textEncoder()
    return .concatenate(
      texts.map { text in withoutGradients { checkpoint.model.embed(texts: encoder([text])).value } })
  }

  // MARK: Pictures

  /// A picture of noise around a colour that its class decides.
  private func picture(_ kind: Int, _ number: Int) -> [UInt8] {
    var random = Random(seed: UInt64(kind * 100 + number))
    let noise = random.uniform([8 * 8 * 3]).scalars
    let pixels = noise.enumerated().map {
      UInt8(min(255, Float(kind * 37 % 7 * 30 + $0.offset % 3 * kind * 9) + $0.element * 30))
    }
    return Array("P6 8 8 255 ".utf8) + pixels
  }

  /// Six folders of pictures, the last with one more.
  func classFolders(perClass: Int = 3, shift: Int = 0, classes: String = "abcdef") throws -> ClassFolderSource
  {
    let root = "classes\(shift)-\(perClass)-\(classes)"
    for (kind, letter) in classes.enumerated() {
      let name = ["a": "a_dog", "b": "b_cat"][String(letter)] ?? String(letter)
      try FileManager.default.createDirectory(
        atPath: folder.path("\(root)/\(name)"), withIntermediateDirectories: true)
      for number in 0..<(letter == "f" ? perClass + 1 : perClass) {
        _ = try folder.write(picture(kind, number + shift), to: "\(root)/\(name)/\(number).ppm")
      }
    }
    return try ClassFolderSource(folder.path(root))
  }

  /// Twelve pictures, each with captions in each language, some of which several pictures have.
  func table(captionsPerImage: Int, languages: [String] = [""]) throws -> TableSource {
    let words = ["red", "green", "blue", "dark", "nothing", "something"]
    var lines = ["image,caption,language"]
    for number in 0..<12 {
      _ = try folder.write(picture(number % 6, number), to: "\(number).ppm")
      for language in languages {
        for caption in 0..<captionsPerImage {
          let word = words[(number * 5 + caption * 7 + number / 3) % 6]
          let text = captionsPerImage == 1 ? "\(word) \(number)" : word
          lines.append("\(number).ppm,\(text)\(language == "de" ? " auf deutsch" : ""),\(language)")
        }
      }
    }
    let name = "table-\(captionsPerImage)-\(languages.joined()).csv"
    return try TableSource(folder.write(Array(lines.joined(separator: "\n").utf8), to: name))
  }
}
