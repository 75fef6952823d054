import NN

/// Images, texts and alignments that are noise on purpose.
///
/// Whether a sample's image or caption is noise, and which, depends on the seed and the sample's number alone, so that it
/// stays noise in every pass; which captions of a batch change places, on the seed, the pass and the batch.
public struct PairNoise: Sendable {
  /// How much of each.
  public let shares: NoiseConfiguration
  /// What decides which.
  public let seed: UInt64

  /// Noise of some shares.
  public init(_ shares: NoiseConfiguration, seed: UInt64) { (self.shares, self.seed) = (shares, seed) }

  /// What is spoiled; each has random numbers of its own, apart from those of augmentation, whose streams are the passes.
  private enum Part: UInt64 { case images = 1, texts, alignments }

  /// Random numbers for noise in a part of a sample, if it is noise.
  private func random(_ part: Part, _ share: Double, of sample: Int) -> Random? {
    var random = Random(seed: seed, stream: .max - part.rawValue, of: UInt64(sample))
    return random.nextShare() < share ? random : nil
  }

  /// A picture of noise in the place of a sample's, and of its size; nil where the image stays.
  func image(of sample: Int, like image: RGBImage) -> RGBImage? {
    guard var random = random(.images, shares.images, of: sample) else { return nil }
    return RGBImage(noise: &random, width: image.width, height: image.height)
  }

  /// Which of ``NoisePictures`` a sample has in the place of its own; nil where the image stays.
  func picture(of sample: Int) -> Int? {
    guard var random = random(.images, shares.images, of: sample) else { return nil }
    return random.nextInt(below: NoisePictures.count)
  }

  /// Random tokens in the place of a sample's caption, as many as fit into the context at most; nil where the caption stays.
  func tokens(of sample: Int, _ encoder: TextEncoder) -> [Int32]? {
    guard var random = random(.texts, shares.texts, of: sample) else { return nil }
    let room = max(encoder.contextLength - (encoder.startID == nil ? 1 : 2), 1)
    return (0...random.nextInt(below: room)).map { _ in
      Int32(random.nextInt(below: encoder.tokenizer.vocabularySize))
    }
  }

  /// The place that each pair of a batch has its caption from.
  func places(of count: Int, in samples: BatchSamples) -> [Int] {
    var places = Array(0..<count)
    guard shares.alignments > 0, let first = samples.indices.first else { return places }
    var random = Random(
      seed: seed, stream: .max - Part.alignments.rawValue - UInt64(samples.epoch), of: UInt64(first))
    let shuffled = random.permutation(count).prefix(Int((shares.alignments * Double(count)).rounded()))
    for (place, other) in zip(shuffled.sorted(), shuffled) { places[place] = other }
    return places
  }
}

/// Pictures of noise, whose features stand for those of any: a locked tower sees each once.
struct NoisePictures: ImageTextSource {
  static let count = 64
  /// Width and height.
  let side: Int

  var count: Int { Self.count }
  func key(at index: Int) -> String { "noise \(index)" }
  func captions(at index: Int) -> [Caption] { [Caption("noise")] }

  func image(at index: Int) -> SampleImage {
    check(index)
    var random = Random(seed: 0, stream: .max, of: UInt64(index))
    return .pixels(RGBImage(noise: &random, width: side, height: side))
  }
}

extension RGBImage {
  /// Pixels of any colour.
  fileprivate init(noise random: inout Random, width: Int, height: Int) {
    var pixels: [UInt8] = []
    let count = width * height * 3
    pixels.reserveCapacity(count + 7)
    while pixels.count < count {
      withUnsafeBytes(of: random.nextUInt64().littleEndian) { pixels += $0 }
    }
    self.init(width: width, height: height, pixels: Array(pixels.prefix(count)))
  }
}

extension Random {
  /// A number in 0..<1.
  fileprivate mutating func nextShare() -> Double { Double(nextUInt64() >> 11) * 0x1p-53 }
}
