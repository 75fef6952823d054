import Foundation
import SigLIPModel

/// From files to training steps; `comparison/pictures.py` makes the files. `train/loader/photos/512`: that many pairs read,
/// decoded, changed by RandAugment(2, 10), resized to 224 x 224 and tokenised by two workers. `train/step/photos/...`:
/// a step of SigLIP B/16 at 224 pixels that waits for such batches; of the suite `bare` the same step of one batch again and
/// again, its peer. `train/table/1000000`: a table of that many rows, for its memory.
enum TrainingData {
  static var work: [Work] {
    [loader] + steps(withData: true)
      + [Work(name: "train/table/1000000") { try table(rows: 1_000_000) }]
  }

  /// The steps alone.
  static var bareSteps: [Work] { steps(withData: false) }

  private static let pictures = URL(filePath: #filePath).appending(path: "../../../../.pictures").standardized

  private static var loader: Work {
    Work(name: "train/loader/photos/512") {
      var batches = try Batches("photos", imageSize: 224, contextLength: 64, batchSize: 32, workers: 2)
      return { for _ in 0..<16 { batches.next() } }
    }
  }

  private static func steps(withData: Bool) -> [Work] {
    func step(
      _ name: String, _ pictures: String, imageSize: Int, contextLength: Int, batch: Int,
      _ model: @escaping () -> SigLIP
    ) -> Work {
      Work(name: "train/step/\(name)/batch\(batch)") {
        let model = model()
        let optimizer = AdamW(model, learningRate: 1e-5, beta2: 0.95, weightDecay: 1e-4)
        var batches = try Batches(
          pictures, imageSize: imageSize, contextLength: contextLength, batchSize: batch, workers: 1)
        var (images, texts) = batches.next()
        if !withData { batches.stop() }
        return {
          var gradients = model.loss(images: Variable(images), texts: texts).backward()
          optimizer.clipGlobalNorm(&gradients, to: 1)
          optimizer.step(gradients)
          if withData { (images, texts) = batches.next() }
        }
      }
    }
    return [
      step("siglip-b16-224/photos", "photos", imageSize: 224, contextLength: 64, batch: 8) {
        SigLIPWork.makeModel()
      },
      step("siglip-64/drawings", "drawings", imageSize: 64, contextLength: 16, batch: 256) { small() },
    ]
  }

  /// What `siglip train --example siglip-openclipart` trains.
  private static func small() -> SigLIP {
    var random = Random(seed: 1)
    let image = VisionTransformer(
      VisionConfiguration(imageSize: 64, patchSize: 8, width: 192, depth: 6, heads: 3, hiddenWidth: 768),
      random: &random)
    let text = TextTransformer(
      TextConfiguration(
        vocabularySize: 8000, contextLength: 16, width: 192, depth: 4, heads: 3, hiddenWidth: 768,
        outputWidth: 192, pooling: .mean), random: &random)
    return SigLIP(image: image, text: text)
  }

  /// A table of images that are not there, opened.
  private static func table(rows: Int) throws -> () -> Void {
    let path = FileManager.default.temporaryDirectory.appending(path: "rows-\(UUID().uuidString).tsv")
    FileManager.default.createFile(atPath: path.path, contents: nil)
    defer { try? FileManager.default.removeItem(at: path) }
    let file = try FileHandle(forWritingTo: path)
    try file.write(contentsOf: Data("image\tcaption\n".utf8))
    for start in stride(from: 0, to: rows, by: 1000) {
      let lines = (start..<start + 1000).map { row in
        "images/\(row / 1000)/\(row).jpg\tPicture \(row) of very many.\n"
      }
      try file.write(contentsOf: Data(lines.joined().utf8))
    }
    try file.close()
    let source = try TableSource(path.path)
    return { precondition(source.count == rows && source.key(at: rows / 2).hasSuffix("/\(rows / 2).jpg")) }
  }

  /// Batches from files, as a training run has them.
  private struct Batches {
    private typealias Pairs = (images: Tensor, texts: IndexTensor)
    private var loader: DataLoader<Pairs>?
    private var position = DataPosition()

    init(_ folder: String, imageSize: Int, contextLength: Int, batchSize: Int, workers: Int) throws {
      let table = pictures.appending(path: "\(folder)/train.tsv").path
      let source = try TableSource(table)
      let tokenizer = try SentencePieceTokenizer(
        path: pictures.appending(path: "../../Examples/Data/tokenizer.model").standardized.path)
      let encoder = TextEncoder(tokenizer: tokenizer, contextLength: contextLength)
      let preprocessing = ImagePreprocessing.openCLIP(imageSize: imageSize)
      let augmentations = [Augmentation(RandAugment(layers: 2, magnitude: 10))]
      let order = try BatchOrder(sampleCount: source.count, batchSize: batchSize, seed: 1)
      loader = DataLoader(order, workers: workers) { samples in
        var (images, tokens): ([RGBImage], [Int32]) = ([], [])
        for (place, index) in samples.indices.enumerated() {
          let sample = try source.sample(at: index)
          var random = samples.random(at: place)
          tokens += encoder.row(sample.captions[0].text)
          images.append(preprocessing.fit(augmentations(try sample.image.decoded(), random: &random)))
        }
        return (
          preprocessing.normalization.tensor(images),
          IndexTensor(tokens, shape: [samples.count, contextLength])
        )
      }
    }

    @discardableResult
    mutating func next() -> (images: Tensor, texts: IndexTensor) {
      do {
        let loaded = try loader!.batch(at: position)
        position = loaded.end
        return loaded.batch
      } catch {
        fatalError("\(error)")
      }
    }

    /// No more batches, and no thread that makes them.
    mutating func stop() { loader = nil }
  }
}
