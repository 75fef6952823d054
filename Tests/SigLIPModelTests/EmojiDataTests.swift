import Foundation
import SigLIPModel
import TestSupport
import Testing

@Suite struct EmojiDataTests {
  private let embedded = URL(filePath: exampleData(""))

  private func folder(replacing name: String, with text: String) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "siglit-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for file in ["images.safetensors", "names.tsv", "held_out.tsv"] where file != name {
      try FileManager.default.createSymbolicLink(
        at: folder.appending(path: file), withDestinationURL: URL(filePath: exampleData(file)))
    }
    try Data(text.utf8).write(to: folder.appending(path: name))
    return folder
  }

  @Test func splitsAreThoseOfTheReadme() throws {
    let data = try EmojiData(folder: embedded)
    #expect(data.images.count == 1789 && data.languages.count == 24)
    #expect(data.compositions.count == 60 && data.translations.count == 2000)
    #expect(data.validationCompositions.count == 59 && data.validationTranslations.count == 1928)
    let training = data.trainingCaptions
    #expect(training.count == 36_152)
    let translations = data.translations + data.validationTranslations
    let compositions = data.compositions + data.validationCompositions
    #expect(Set(training).isDisjoint(with: translations) && Set(translations).count == 3928)
    #expect(Set(training.map(\.image)).isDisjoint(with: compositions) && Set(compositions).count == 119)
    // Of what is held out in some languages, others are trained on.
    #expect(Set(translations.map(\.image)).isSubset(of: training.map(\.image)))
    let pizza = try #require(data.codes.firstIndex(of: "1f355"))
    #expect(data.name(.init(image: pizza, language: 0)) == "pizza")
  }

  @Test func sourcesAreTheParts() throws {
    let data = try EmojiData(folder: embedded)
    let counts = try EmojiSource.Split.allCases.map { split in
      let source = try EmojiSource(folder: embedded.path, split: split)
      return (
        images: source.count, captions: (0..<source.count).map { source.captions(at: $0).count }
      )
    }
    #expect(counts.map(\.images) == [1670, 60, 169, 59, 160])
    #expect(counts.map { $0.captions.reduce(0, +) } == [36_152, 1440, 2000, 1416, 1928])
    let validation = data.forValidation
    #expect(validation.compositions == data.validationCompositions)
    #expect(validation.translations == data.validationTranslations)
    #expect(validation.trainingCaptions == data.trainingCaptions)
  }

  @Test func languagesCanBeChosen() throws {
    let data = try EmojiData(folder: embedded, languages: ["ja", "en"])
    #expect(data.languages == ["ja", "en"])
    #expect(data.name(.init(image: 0, language: 1)) == "keycap: #")
    #expect(data.translations.allSatisfy { $0.language < 2 } && data.translations.count < 200)
  }

  @Test(arguments: [
    ("names.tsv", "codepoints\ten\n23-20e3\n", "line 2: 1 columns, expected 2"),
    ("names.tsv", "codepoints\ten\n23-20e3\tx\n", "1 rows for the 1789 images"),
    ("names.tsv", "", "has no rows"),
    (
      "names.tsv", "codepoints\ten\tde\n" + String(repeating: "1\tx\t\n", count: 1789),
      "no name in the language de"
    ),
    ("held_out.tsv", "codepoints\tsplit\tlanguages\nffff\tcompositions\ten\n", "ffff is not in names.tsv"),
    (
      "held_out.tsv", "codepoints\tsplit\tlanguages\n23-20e3\tnone\ten\n",
      "split none, expected compositions, translations, validationCompositions"
    ),
    (
      "held_out.tsv", "c\ts\tl\n23-20e3\tcompositions\t\n23-20e3\tcompositions\t\n", "23-20e3 is there twice"
    ),
    (
      "held_out.tsv", "c\ts\tl\n23-20e3\ttranslations\ten\n23-20e3\tvalidationTranslations\tde\n",
      "23-20e3 is there twice"
    ),
    ("held_out.tsv", "c\ts\tl\n23-20e3\ttraining\ten\n", "split training, expected"),
    ("names.tsv", "codepoints\ten\ten\n23-20e3\tx\ty\n", "a language has two columns"),
    ("names.tsv", "codepoints\t\u{1B}[2Jen\n23-20e3\tx\ty\n", "line 2: 3 columns, expected 2"),
    ("images.safetensors", "short", "images.safetensors"),
  ])
  func damagedFilesAreNamed(name: String, text: String, message: String) throws {
    let folder = try folder(replacing: name, with: text)
    defer { try? FileManager.default.removeItem(at: folder) }
    do {
      _ = try EmojiData(folder: folder)
      Issue.record("\(name) was read")
    } catch {
      #expect("\(error)".contains(message), "\(error)")
    }
  }

  @Test func unknownLanguagesAreNamed() {
    let error = #expect(throws: FileError.self) {
      try EmojiData(folder: embedded, languages: ["tlh"])
    }
    #expect(error?.description.contains("no language tlh; there are en de fr") ?? false)
    let twice = #expect(throws: FileError.self) {
      try EmojiData(folder: embedded, languages: ["en", "de", "en"])
    }
    #expect(twice?.description == "\(exampleData("names.tsv")): of languages en,de,en one is there twice.")
  }
}
