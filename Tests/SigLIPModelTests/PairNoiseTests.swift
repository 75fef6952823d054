import NN
import SigLIPModel
import TestSupport
import Testing
import Training

/// Pictures of one colour each, with two words for each.
private struct ColorSource: ImageTextSource {
  let count = 400

  func key(at index: Int) -> String { "\(index)" }
  func image(at index: Int) -> SampleImage {
    let color = [UInt8(index % 256), UInt8(index / 256), 7]
    return .pixels(RGBImage(width: 6, height: 4, pixels: (0..<24).flatMap { _ in color }))
  }
  func captions(at index: Int) -> [Caption] { [Caption("picture \(index)")] }
}

/// Images, texts and alignments that are noise on purpose.
@Suite struct PairNoiseTests {
  private let encoder: TextEncoder

  init() throws {
    encoder = TextEncoder(
      tokenizer: try SentencePieceTokenizer(path: exampleData("tokenizer.model")), contextLength: 8)
  }

  private func shares(
    images: Double = 0, texts: Double = 0, alignments: Double = 0
  ) -> NoiseConfiguration {
    var shares = NoiseConfiguration()
    (shares.images, shares.texts, shares.alignments) = (images, texts, alignments)
    return shares
  }

  /// What a pass makes of the samples.
  private struct Pass {
    /// Pixels of each image, by sample.
    var images: [Int: [Float]] = [:]
    /// Token ids of each text, by sample.
    var texts: [Int: [Int]] = [:]
    /// Those of a picture of several colours.
    var noiseImages: Set<Int> { Set(images.filter { Set($0.value.prefix(24)).count > 1 }.map(\.key)) }
  }

  private func pass(
    _ shares: NoiseConfiguration, seed: UInt64 = 1, epoch: Int = 0, batchSize: Int = 50
  ) throws -> Pass {
    var maker = PairBatchMaker(
      reader: TolerantReader(ColorSource()), preprocessing: .huggingFaceV1(imageSize: 8), encoder: encoder)
    maker.noise = PairNoise(shares, seed: seed)
    let order = try BatchOrder(sampleCount: 400, batchSize: batchSize, seed: 3)
    var pass = Pass()
    for start in stride(from: 0, to: 400, by: batchSize) {
      let batch = try maker(order.batch(at: DataPosition(epoch: epoch, sample: start)))
      guard case .images(.pixels(let pixels)) = batch.images else {
        Issue.record("no pixels")
        return pass
      }
      for (place, sample) in batch.samples.enumerated() {
        pass.images[sample] = pixels[place].scalars
        pass.texts[sample] = batch.tokens[place].values.map { Int($0) }
      }
    }
    return pass
  }

  /// The samples whose text is not their own caption.
  private func changedTexts(_ pass: Pass) -> Set<Int> {
    Set(pass.texts.filter { $0.value != encoder.row("picture \($0.key)").map { Int($0) } }.map(\.key))
  }

  @Test func samplesAreNoiseInAllPassesAndBatches() throws {
    let both = shares(images: 0.3, texts: 0.3)
    let first = try pass(both)
    let (images, texts) = (first.noiseImages, changedTexts(first))
    #expect(abs(images.count - 120) < 35 && abs(texts.count - 120) < 35)
    // Images and texts are chosen by themselves.
    #expect(abs(images.intersection(texts).count - 36) < 20)
    let second = try pass(both, epoch: 1, batchSize: 80)
    #expect(second.images == first.images && second.texts == first.texts)
    let other = try pass(both, seed: 2)
    #expect(other.noiseImages != images && changedTexts(other) != texts)
    // What is noise with a small share is noise with a larger one.
    let more = try pass(shares(images: 0.6, texts: 0.6))
    #expect(images.isSubset(of: more.noiseImages) && texts.isSubset(of: changedTexts(more)))
  }

  @Test func eachKindIsByItself() throws {
    let images = try pass(shares(images: 1))
    #expect(images.noiseImages.count == 400 && changedTexts(images).isEmpty)
    #expect(Set(images.images.values).count == 400)
    let texts = try pass(shares(texts: 1))
    #expect(texts.noiseImages.isEmpty && changedTexts(texts).count == 400)
    for ids in texts.texts.values {
      let end = try #require(ids.firstIndex(of: Int(encoder.endID)))
      #expect(ids.allSatisfy((0..<8000).contains) && ids[end...].allSatisfy { $0 == Int(encoder.padID) })
    }
    #expect(Set(texts.texts.values.map { $0.firstIndex(of: 1)! }).isSuperset(of: 1...7))
    let none = try pass(shares())
    #expect(none.noiseImages.isEmpty && changedTexts(none).isEmpty)
  }

  @Test(arguments: [(0.5, 25), (1, 50), (0.02, 1)])
  func captionsOfABatchChangePlaces(share: Double, atMost: Int) throws {
    let first = try pass(shares(alignments: share))
    let own = (0..<400).map { encoder.row("picture \($0)").map { Int($0) } }
    #expect(Set(first.texts.values) == Set(own) && first.noiseImages.isEmpty)
    let moved = changedTexts(first).count
    // One of those that are shuffled stays where it was, on average.
    #expect(moved <= 8 * atMost && moved >= 8 * (atMost - 3), "\(moved)")
    // Others in the next pass.
    if share < 1 && atMost > 1 {
      #expect(changedTexts(try pass(shares(alignments: share), epoch: 1)) != changedTexts(first))
    }
  }

  @Test func noiseJoinsNoPairs() throws {
    var maker = PairBatchMaker(
      reader: TolerantReader(ColorSource()), preprocessing: .huggingFaceV1(imageSize: 8), encoder: encoder)
    maker.noise = PairNoise(shares(images: 0.5, texts: 1, alignments: 0.5), seed: 1)
    let order = try BatchOrder(sampleCount: 400, batchSize: 100, seed: 3)
    #expect(try maker(order.batch(at: DataPosition())).classes == Array(0..<100))
  }
}
