import Foundation
import NN

/// Pictures, their names in many languages, and which of the names are never trained on.
///
/// Read from a folder with `images.safetensors` (`images`, U8 [count, height, width, 3]), `names.tsv` and `held_out.tsv`: such
/// is `Examples/Data`.
///
/// What is held out is there twice: ``compositions`` and ``translations`` to report results on, and two of the same kinds for
/// validation, by which settings are chosen.
public struct EmojiData: Sendable {
  /// A name of a picture.
  public struct Caption: Sendable, Hashable {
    /// The number of the picture.
    public let image: Int
    /// The number of the language.
    public let language: Int

    /// A name in a language.
    public init(image: Int, language: Int) { (self.image, self.language) = (image, language) }
  }

  /// Code points in hexadecimal, joined by `-`.
  public let codes: [String]
  /// The languages of names.
  public let languages: [String]
  /// The pictures.
  public let images: [RGBImage]
  /// Images that are never trained on, in any language.
  public private(set) var compositions: [Int]
  /// Captions that are never trained on although the image is, with others.
  public private(set) var translations: [Caption]
  /// Further such images, to choose settings by.
  public private(set) var validationCompositions: [Int]
  /// Further such captions, to choose settings by.
  public private(set) var validationTranslations: [Caption]
  /// By language, then image; nil where a language has no name.
  private let names: [[String?]]

  /// The files that hold the data.
  public static let fileNames = ["images.safetensors", "names.tsv", "held_out.tsv"]

  /// Reads a folder.
  ///
  /// - Parameter wanted: The languages to keep; nil for all.
  /// - Throws: ``FileError``, naming the file, what was found and what was expected.
  public init(folder: URL, languages wanted: [String]? = nil) throws {
    let imagesPath = folder.appending(path: "images.safetensors").path
    images = try EmojiData.images(imagesPath)

    let namesPath = folder.appending(path: "names.tsv").path
    func damaged(_ problem: String, _ expected: String? = nil) -> FileError {
      FileError(.malformed, namesPath, problem, expected: expected)
    }
    let table = try EmojiData.rows(namesPath)
    let all = Array(table[0].dropFirst())
    languages = wanted ?? all
    if Set(languages).count != languages.count {
      throw wanted == nil
        ? damaged("a language has two columns")
        : FileError(
          .unsupported, namesPath, "of languages \(languages.joined(separator: ",")) one is there twice")
    }
    let columns = try languages.map { language in
      guard let column = all.firstIndex(of: language) else {
        throw FileError(
          .unsupported, namesPath, "no language \(language); there are \(all.joined(separator: " "))")
      }
      return column + 1
    }
    codes = table.dropFirst().map { $0[0] }
    guard codes.count == images.count else {
      throw damaged("\(codes.count) rows for the \(images.count) images of images.safetensors")
    }
    names = columns.map { column in table.dropFirst().map { $0[column].isEmpty ? nil : $0[column] } }
    for (language, names) in zip(languages, names) where !names.contains(where: { $0 != nil }) {
      throw damaged("no name in the language \(language)")
    }
    let heldOut = try EmojiData.heldOut(
      folder.appending(path: "held_out.tsv").path, codes: codes, languages: languages, names: names)
    (compositions, translations) = (heldOut.images[.compositions]!, heldOut.captions[.translations]!)
    validationCompositions = heldOut.images[.validationCompositions]!
    validationTranslations = heldOut.captions[.validationTranslations]!
  }

  private static func images(_ path: String) throws -> [RGBImage] {
    let file = try SafetensorsFile(path)
    guard let entry = file["images"], entry.elementType == .uint8, entry.shape.count == 4,
      entry.shape[3] == 3,
      entry.shape[1] > 0, entry.shape[2] > 0
    else {
      throw FileError(
        .unsupported, path, "it has no pictures",
        expected: "a U8 tensor images of shape [count, height, width, 3]")
    }
    let (height, width) = (entry.shape[1], entry.shape[2])
    let size = height * width * 3
    let bytes = try file.bytes(named: "images")
    return (0..<entry.shape[0]).map { index in
      RGBImage(width: width, height: height, pixels: Array(bytes[(index * size)..<((index + 1) * size)]))
    }
  }

  /// The images and the captions of the parts that are never trained on; an image is in one of them.
  private static func heldOut(
    _ path: String, codes: [String], languages: [String], names: [[String?]]
  ) throws -> (images: [EmojiSource.Split: [Int]], captions: [EmojiSource.Split: [Caption]]) {
    let position = Dictionary(
      codes.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    var images: [EmojiSource.Split: [Int]] = [.compositions: [], .validationCompositions: []]
    var captions: [EmojiSource.Split: [Caption]] = [.translations: [], .validationTranslations: []]
    var seen: Set<Int> = []
    for row in try rows(path).dropFirst() {
      guard row.count == 3, let image = position[row[0]] else {
        throw FileError(.malformed, path, "\(row[0]) is not in names.tsv")
      }
      if !seen.insert(image).inserted { throw FileError(.malformed, path, "\(row[0]) is there twice") }
      guard let split = EmojiSource.Split(rawValue: row[1]), split != .training else {
        throw FileError(
          .malformed, path, "split \(row[1])", expected: EmojiSource.Split.heldOut.map(\.rawValue).listed())
      }
      if images[split] != nil {
        images[split]!.append(image)
      } else {
        captions[split]! += row[2].split(separator: " ").compactMap { language in
          guard let index = languages.firstIndex(of: String(language)), names[index][image] != nil else {
            return nil
          }
          return Caption(image: image, language: index)
        }
      }
    }
    return (images, captions)
  }

  /// The name of an image in a language, or nil.
  public func name(_ caption: Caption) -> String? { names[caption.language][caption.image] }

  /// The same, where ``compositions`` and ``translations`` are those for validation, and the other way round.
  public var forValidation: EmojiData {
    var data = self
    swap(&data.compositions, &data.validationCompositions)
    swap(&data.translations, &data.validationTranslations)
    return data
  }

  /// All captions that may be trained on, by image and then by language.
  public var trainingCaptions: [Caption] {
    let heldOutImages = Set(compositions + validationCompositions)
    let heldOut = Set(translations + validationTranslations)
    return images.indices.filter { !heldOutImages.contains($0) }.flatMap { image in
      languages.indices.map { Caption(image: image, language: $0) }
    }.filter { !heldOut.contains($0) && name($0) != nil }
  }

  /// Rows of a tab-separated file, all as long as the first.
  private static func rows(_ path: String) throws -> [[String]] {
    let bytes = try readFile(path, maximumBytes: 1 << 28)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FileError(.malformed, path, "it is not UTF-8")
    }
    let rows = text.split(whereSeparator: \.isNewline).map {
      $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
    guard rows.count > 1 else { throw FileError(.missing, path, "rows") }
    for (number, row) in rows.enumerated() where row.count != rows[0].count {
      throw FileError(
        .malformed, path, "line \(number + 1): \(row.count) columns", expected: "\(rows[0].count)")
    }
    return rows
  }
}
