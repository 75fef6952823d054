import NN
import Training

/// Images with a caption each, as a training step takes them.
public struct PairBatch: Sendable {
  /// Images as a tower takes them, or as a locked one saw them.
  public enum Images: Sendable {
    /// What goes through the tower.
    case images(ImageBatch)
    /// Rows of ``LockedFeatures``.
    case features([Int])
    /// No images: other ranks have the pairs.
    case none
  }

  /// The images.
  public let images: Images
  /// Token ids, `[pairs, context]`.
  public let tokens: IndexTensor
  /// By what pairs are known that belong together beside each image and its own caption.
  let identities: [PairIdentity]
  /// Which pairs belong together: those of the same number. Of a part of a batch, the pairs outside are not known.
  public let classes: [Int]
  /// How many of the pairs each shard of the batch has, of those that this is made of.
  let shardCounts: [Int]
  /// The samples, as their source numbers them.
  public let samples: [Int]
  /// For what is drawn for the batch as a whole.
  let random: Random

  /// How many pairs there are.
  public var count: Int { samples.count }
}

/// Makes batches of samples: reads, decodes and changes images, chooses a caption of each, and tokenises.
///
/// A batch depends on its samples, seed and pass alone. It can be asked for batches on several threads at once.
public struct PairBatchMaker: Sendable {
  /// Where samples come from; damaged ones are left out.
  public let reader: TolerantReader
  /// What happens to images before they get the tower's size.
  public let augmentations: [Augmentation]
  /// How images get the tower's size and numbers.
  public let preprocessing: ImagePreprocessing
  /// How texts become token ids.
  public let encoder: TextEncoder
  /// How image files are read.
  public let options: ImageReadingOptions
  /// Whether equal captions, and those of one image, belong to each other's images.
  public let joinsEqualCaptions: Bool
  /// Images that a locked tower has seen before.
  var features: FeatureRows?
  /// What is spoiled on purpose.
  public var noise: PairNoise?
  /// Which part of each batch is made; the whole if not given.
  public var shards: Shards?

  /// A maker of batches for a model's preprocessing and tokenizer.
  public init(
    reader: TolerantReader, augmentations: [Augmentation] = [], preprocessing: ImagePreprocessing,
    encoder: TextEncoder, options: ImageReadingOptions = ImageReadingOptions(),
    joinsEqualCaptions: Bool = true
  ) {
    (self.reader, self.augmentations) = (reader, augmentations)
    (self.preprocessing, self.encoder) = (preprocessing, encoder)
    (self.options, self.joinsEqualCaptions) = (options, joinsEqualCaptions)
  }

  /// A sample that is ready.
  private struct Pair {
    let sample: Int
    var image: RGBImage?
    var row: Int?
    var identity: PairIdentity
    var text: Text
  }

  /// What belongs to an image.
  private enum Text {
    case caption(String)
    case noise([Int32])

    /// Of a caption; noise is equal to nothing.
    var digest: ContentDigest? {
      guard case .caption(let caption) = self else { return nil }
      return ContentDigest { $0.update(caption.utf8) }
    }
  }

  /// The batch of some samples; smaller where some are damaged.
  ///
  /// - Throws: ``TooManyDamagedSamples``; ``EmptyBatch`` when all are damaged.
  public func callAsFunction(_ samples: BatchSamples) throws -> PairBatch {
    var pairs: [Pair] = []
    pairs.reserveCapacity(samples.count)
    let parts = shards.map { shards in shards.own.map { shards.places(of: $0, in: samples.count) } }
    let shardCounts = try (parts ?? [0..<samples.count]).map { places in
      let known = pairs.count
      for place in places {
        let index = reader.source.index(ofPlace: samples.indices[place], epoch: samples.epoch)
        var random = samples.random(at: place)
        if let pair = try reader.read(index, { try pair($0, &random) }) { pairs.append(pair) }
      }
      return pairs.count - known
    }
    // Other ranks may have some.
    if pairs.isEmpty && shards == nil { throw EmptyBatch(count: samples.count) }
    if let noise {
      let texts = pairs.map(\.text)
      for (place, other) in noise.places(of: pairs.count, in: samples).enumerated() {
        pairs[place].text = texts[other]
        pairs[place].identity.caption = identity(of: texts[other])
      }
    }
    let tokens = pairs.flatMap { row(of: $0.text) }
    var random = samples.random(at: 0)
    return PairBatch(
      images: images(of: pairs),
      tokens: IndexTensor(tokens, shape: [pairs.count, encoder.contextLength]),
      identities: pairs.map(\.identity),
      classes: joinsEqualCaptions ? PairIdentity.classes(of: pairs.map(\.identity)) : Array(pairs.indices),
      shardCounts: shardCounts, samples: pairs.map(\.sample), random: random.split())
  }

  private func images(of pairs: [Pair]) -> PairBatch.Images {
    if features != nil { return .features(pairs.compactMap(\.row)) }
    return pairs.isEmpty ? .none : .images(preprocessing.batch(ofFitted: pairs.compactMap(\.image)))
  }

  private func pair(_ index: Int, _ random: inout Random) throws -> Pair {
    let source = reader.source
    let captions = try source.captions(at: index)
    let caption = captions[captions.count == 1 ? 0 : random.nextInt(below: captions.count)].text
    let text = noise?.tokens(of: index, encoder).map(Text.noise) ?? .caption(caption)
    var pair = Pair(
      sample: index, identity: PairIdentity(image: -1 - index, caption: identity(of: text)), text: text)
    if let features {
      let row = try features.row(of: index)
      let noiseRow = noise?.picture(of: index).map { features.features.noiseRows[$0] }
      pair.row = noiseRow ?? row
      if noiseRow == nil { pair.identity.image = row }
    } else {
      let image = try source.image(at: index).decoded(options: options)
      let fitted = preprocessing.fit(augmentations(image, random: &random))
      pair.image = noise?.image(of: index, like: fitted) ?? fitted
    }
    return pair
  }

  private func identity(of text: Text) -> ContentDigest? { joinsEqualCaptions ? text.digest : nil }

  private func row(of text: Text) -> [Int32] {
    switch text {
    case .caption(let caption): encoder.row(caption)
    case .noise(let tokens): encoder.row(ofTokens: tokens)
    }
  }

  /// Images and captions of some samples, as a step would see them, for people to look at.
  ///
  /// - Throws: ``TooManyDamagedSamples``.
  func pictures(_ samples: BatchSamples) throws -> [(image: RGBImage, caption: String, key: String)] {
    var maker = self
    maker.features = nil
    return try samples.indices.enumerated().compactMap { place, sample in
      let index = reader.source.index(ofPlace: sample, epoch: samples.epoch)
      var random = samples.random(at: place)
      guard let pair = try reader.read(index, { try maker.pair($0, &random) }), let image = pair.image else {
        return nil
      }
      let caption =
        switch pair.text {
        case .caption(let caption): caption
        case .noise(let tokens): encoder.tokenizer.decode(tokens)
        }
      return (image, caption, reader.source.key(at: index))
    }
  }
}

/// Every sample of a batch is damaged.
public struct EmptyBatch: DataError {
  /// How many samples there were.
  public let count: Int

  /// The number, and what to do.
  public var sentence: String {
    "all \(count) samples of a batch are damaged: see damaged.tsv, or choose larger batches"
  }
}
