import Tensor

/// The captions of a source in some languages, and the images that have any.
public struct LanguageSource: ImageTextSource {
  private let source: any ImageTextSource
  private let languages: Set<String>
  /// The samples that are left.
  private let samples: [UInt32]

  /// Reads all captions of a source once; memory holds 4 bytes for each sample. What cannot be read stays, and throws when it
  /// is read again.
  ///
  /// - Throws: ``CaptionSourceError`` when nothing is left.
  public init(_ source: any ImageTextSource, languages: [String]) throws {
    let wanted = Set(languages)
    samples = try CaptionSourceError.indices(of: source).filter { index in
      guard let captions = try? source.captions(at: Int(index)) else { return true }
      return captions.contains { $0.language.map(wanted.contains) ?? false }
    }
    if samples.isEmpty {
      throw CaptionSourceError(sentence: "no caption is in the language \(languages.listed())")
    }
    (self.source, self.languages) = (source, wanted)
  }

  /// How many samples are left.
  public var count: Int { samples.count }

  /// The sample's key in the source.
  public func key(at index: Int) -> String { source.key(at: place(index)) }

  /// The sample's image.
  public func image(at index: Int) throws -> SampleImage { try source.image(at: place(index)) }

  /// The sample's captions in the languages.
  public func captions(at index: Int) throws -> [Caption] {
    try source.captions(at: place(index)).filter { $0.language.map(languages.contains) ?? false }
  }

  private func place(_ index: Int) -> Int {
    check(index)
    return Int(samples[index])
  }
}

/// Each caption of a source as a sample of its own, with the image that it belongs to.
public struct CaptionSource: ImageTextSource {
  private let source: any ImageTextSource
  /// The number of each sample's first caption, and their number.
  private let starts: [UInt32]

  /// Reads all captions of a source once; memory holds 4 bytes for each sample. What cannot be read counts as one caption,
  /// and throws when it is read again.
  ///
  /// - Throws: ``CaptionSourceError`` for more than 4 billion captions.
  public init(_ source: any ImageTextSource) throws {
    var starts: [UInt32] = [0]
    for index in try CaptionSourceError.indices(of: source) {
      let captions = (try? source.captions(at: Int(index)))?.count ?? 1
      guard let end = UInt32(exactly: Int(starts.last!) + max(captions, 1)) else {
        throw CaptionSourceError(sentence: "more than \(UInt32.max) captions")
      }
      starts.append(end)
    }
    (self.source, self.starts) = (source, starts)
  }

  /// How many captions there are.
  public var count: Int { Int(starts.last!) }

  /// The image's sample in the source, and the caption's number there.
  public func place(at index: Int) -> (sample: Int, caption: Int) {
    check(index)
    // The last start that is not behind it.
    var (low, high) = (0, starts.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if Int(starts[middle]) <= index { low = middle } else { high = middle }
    }
    return (low, index - Int(starts[low]))
  }

  /// The key of the image, and the caption's number behind it: `a.jpg#2`.
  public func key(at index: Int) -> String {
    let (sample, caption) = place(at: index)
    return "\(source.key(at: sample))#\(caption)"
  }

  /// The image that it belongs to.
  public func image(at index: Int) throws -> SampleImage { try source.image(at: place(at: index).sample) }

  /// The caption.
  public func captions(at index: Int) throws -> [Caption] {
    let (sample, caption) = place(at: index)
    let captions = try source.captions(at: sample)
    guard captions.indices.contains(caption) else {
      throw FileError(.malformed, source.key(at: sample), "its captions were changed")
    }
    return [captions[caption]]
  }
}

/// Captions that there are not.
public struct CaptionSourceError: DataError {
  /// What was found and what was expected.
  public let sentence: String

  /// The samples of a source, as small numbers.
  fileprivate static func indices(of source: any ImageTextSource) throws -> Range<UInt32> {
    guard let count = UInt32(exactly: source.count) else {
      throw CaptionSourceError(sentence: "more than \(UInt32.max) samples")
    }
    return 0..<count
  }
}
