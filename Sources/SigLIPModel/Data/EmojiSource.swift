import Foundation

/// Emoji with their names as a source.
public struct EmojiSource: ImageTextSource {
  /// Parts of the data.
  public enum Split: String, Sendable, CaseIterable, Codable {
    /// All names but those held out.
    case training
    /// Images that are in no other part.
    case compositions
    /// Names held out of images that are trained on with others.
    case translations
    /// Further images that are in no other part, to choose settings by.
    case validationCompositions
    /// Further names of images that are trained on with others, to choose settings by.
    case validationTranslations

    /// What is never trained on.
    static let heldOut = allCases.filter { $0 != .training }
  }

  private let data: EmojiData
  /// Images with their names, by image.
  private let samples: [(image: Int, captions: [EmojiData.Caption])]

  /// Whether a folder holds such data.
  static func isThere(_ folder: String) -> Bool {
    EmojiData.fileNames.allSatisfy { FileManager.default.fileExists(atPath: folder + "/" + $0) }
  }

  /// Reads a folder; see ``EmojiData``.
  ///
  /// - Throws: ``FileError``, also where the part is empty.
  public init(folder: String, split: Split = .training) throws {
    data = try EmojiData(folder: URL(filePath: folder))
    let captions =
      switch split {
      case .training: data.trainingCaptions
      case .compositions: data.names(of: data.compositions)
      case .translations: data.translations
      case .validationCompositions: data.names(of: data.validationCompositions)
      case .validationTranslations: data.validationTranslations
      }
    samples = Dictionary(grouping: captions, by: \.image).sorted { $0.key < $1.key }.map { ($0, $1) }
    if samples.isEmpty { throw FileError(.missing, folder, "\(split.rawValue)") }
  }

  /// How many images the part has.
  public var count: Int { samples.count }

  /// The code points of the emoji.
  public func key(at index: Int) -> String {
    check(index)
    return data.codes[samples[index].image]
  }

  /// The picture.
  public func image(at index: Int) -> SampleImage {
    check(index)
    return .pixels(data.images[samples[index].image])
  }

  /// Its names that belong to the part.
  public func captions(at index: Int) -> [Caption] {
    check(index)
    return samples[index].captions.map {
      Caption(data.name($0)!, language: data.languages[$0.language])
    }
  }
}

extension EmojiData {
  /// All names of some images, by image and then by language.
  fileprivate func names(of images: [Int]) -> [Caption] {
    images.sorted().flatMap { image in
      languages.indices.map { Caption(image: image, language: $0) }.filter { name($0) != nil }
    }
  }
}
