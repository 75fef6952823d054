import Foundation
import SigLIPModel

/// Pictures, their names in many languages, and which of the names are never trained on.
///
/// Read from a folder with `images.safetensors` (`images`, U8 [count, height, width, 3]), `names.tsv` and `held_out.tsv`.
struct EmojiData {
  /// A name of a picture.
  struct Caption: Hashable {
    let image: Int
    let language: Int
  }

  /// Code points in hexadecimal, joined by `-`.
  let codes: [String]
  let languages: [String]
  let images: [RGBImage]
  /// Images that are never trained on, in any language.
  let compositions: [Int]
  /// Captions that are never trained on although the image is, with others.
  let translations: [Caption]
  /// By language, then image; nil where a language has no name.
  private let names: [[String?]]

  /// Reads a folder.
  ///
  /// - Parameter wanted: The languages to keep; nil for all.
  /// - Throws: ``CommandError`` or a file error, naming the file, what was found and what was expected.
  init(folder: URL, languages wanted: [String]? = nil) throws {
    let imagesPath = folder.appending(path: "images.safetensors").path
    let file = try SafetensorsFile(imagesPath)
    guard let entry = file["images"], entry.elementType == .uint8, entry.shape.count == 4, entry.shape[3] == 3
    else {
      throw CommandError("\(imagesPath): expected a U8 tensor images of shape [count, height, width, 3]")
    }
    let (height, width) = (entry.shape[1], entry.shape[2])
    guard height > 0 && width > 0 else {
      throw CommandError("\(imagesPath): images of \(width) x \(height) pixels")
    }
    let bytes = try file.bytes(named: "images")
    images = (0..<entry.shape[0]).map { index in
      let size = height * width * 3
      return RGBImage(
        width: width, height: height, pixels: Array(bytes[(index * size)..<((index + 1) * size)]))
    }

    let namesPath = folder.appending(path: "names.tsv").path
    let table = try EmojiData.rows(namesPath)
    let all = Array(table[0].dropFirst())
    languages = wanted ?? all
    if Set(languages).count != languages.count {
      throw CommandError(
        wanted == nil
          ? "\(namesPath): a language has two columns"
          : "--languages \(languages.joined(separator: ",")): a language is there twice")
    }
    let columns = try languages.map { language in
      guard let column = all.firstIndex(of: language) else {
        throw CommandError("\(namesPath): no language \(language); there are \(all.joined(separator: " "))")
      }
      return column + 1
    }
    codes = table.dropFirst().map { $0[0] }
    guard codes.count == images.count else {
      throw CommandError(
        "\(namesPath): \(codes.count) rows for the \(images.count) images of images.safetensors")
    }
    names = columns.map { column in table.dropFirst().map { $0[column].isEmpty ? nil : $0[column] } }
    for (language, names) in zip(languages, names) where !names.contains(where: { $0 != nil }) {
      throw CommandError("\(namesPath): no name in the language \(language)")
    }

    let heldOutPath = folder.appending(path: "held_out.tsv").path
    let position = Dictionary(
      codes.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    var compositions: [Int] = []
    var translations: [Caption] = []
    for row in try EmojiData.rows(heldOutPath).dropFirst() {
      guard row.count == 3, let image = position[row[0]] else {
        throw CommandError("\(heldOutPath): \(row[0]) is not in names.tsv")
      }
      switch row[1] {
      case "compositions":
        if compositions.contains(image) { throw CommandError("\(heldOutPath): \(row[0]) is there twice") }
        compositions.append(image)
      case "translations":
        for language in row[2].split(separator: " ") {
          guard let index = languages.firstIndex(of: String(language)), names[index][image] != nil else {
            continue
          }
          translations.append(Caption(image: image, language: index))
        }
      default: throw CommandError("\(heldOutPath): split \(row[1]); expected compositions or translations")
      }
    }
    self.compositions = compositions
    self.translations = translations
  }

  /// The name of an image in a language, or nil.
  func name(_ caption: Caption) -> String? { names[caption.language][caption.image] }

  /// All captions that may be trained on, by image and then by language.
  var trainingCaptions: [Caption] {
    let heldOutImages = Set(compositions)
    let heldOut = Set(translations)
    return images.indices.filter { !heldOutImages.contains($0) }.flatMap { image in
      languages.indices.map { Caption(image: image, language: $0) }
    }.filter { !heldOut.contains($0) && name($0) != nil }
  }

  /// Rows of a tab-separated file, all as long as the first.
  private static func rows(_ path: String) throws -> [[String]] {
    let rows = try readText(path).split(whereSeparator: \.isNewline).map {
      $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
    guard rows.count > 1 else { throw CommandError("\(path): has no rows") }
    for (number, row) in rows.enumerated() where row.count != rows[0].count {
      throw CommandError("\(path), line \(number + 1): \(row.count) columns, expected \(rows[0].count)")
    }
    return rows
  }
}
