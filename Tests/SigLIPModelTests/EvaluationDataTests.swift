import Foundation
import SigLIPModel
import TestSupport
import Testing

/// What evaluations read: classes of images, parts of sources, descriptions of data, Crossmodal-3600.
@Suite struct EvaluationDataTests {
  private let place: EvaluationPlace
  private var folder: TemporaryFolder { place.folder }

  init() throws { place = try EvaluationPlace() }

  // MARK: Classes

  @Test func classesAreFoldersOrCaptions() throws {
    let source = try place.classFolders()
    let byFolder = try LabeledImages(source)
    #expect(byFolder.classes == ["a dog", "b cat", "c", "d", "e", "f"])
    #expect(try byFolder.labels(at: 4) == [1])
    let renamed = try LabeledImages(source, classes: ["1", "2", "3", "4", "5", "6"])
    #expect(renamed.classes[5] == "6")
    #expect(try renamed.label(at: 18) == 5)

    let table = try place.table(captionsPerImage: 2)
    let all = try LabeledImages(table)
    #expect(all.classes.prefix(2) == ["red", "green"] && all.classes.count == 6)
    #expect(try all.labels(at: 0) == [0, 1])
    // In ascending order, whatever that of the captions.
    let some = try LabeledImages(table, classes: ["green", "red", "none"])
    #expect(try some.labels(at: 0) == [0, 1])
  }

  @Test func composedAndDecomposedNamesAreTwoClasses() throws {
    let table = try TableSource(
      folder.write(Array("image,caption\na.ppm,caf\u{E9}\nb.ppm,cafe\u{301}\n".utf8), to: "t.csv"))
    let images = try LabeledImages(table)
    #expect(images.classes.count == 2)
    #expect(try images.label(at: 1) == 1)
  }

  @Test func aPartOfASourceComesFromAllOfIt() throws {
    let source = try place.classFolders()
    let part = source.spread(maximum: 6)
    #expect(part.count == 6)
    #expect((0..<6).map(part.key) == [0, 3, 6, 9, 12, 15].map(source.key))
    let images = try LabeledImages(part)
    #expect(try (0..<6).map(images.label) == [0, 1, 2, 3, 4, 5])
    #expect(try part.captions(at: 1) == source.captions(at: 3))
    #expect(try part.image(at: 5).decoded() == source.image(at: 15).decoded())
    #expect(source.spread(maximum: 100).count == source.count)
  }

  // MARK: Descriptions

  @Test func dataAreDescribedByAPathAnObjectOrAFile() throws {
    _ = try place.classFolders()
    let root = folder.path("classes0-3-abcdef")
    #expect(try SourceConfiguration(describedBy: root).images().count == 19)
    let object = "{\"path\": \"\(root)\", \"templates\": [\"a {}\"]}"
    let described = try SourceConfiguration(describedBy: object).images()
    #expect(try described.captions(at: 0).map(\.text) == ["a a dog"])
    let file = try folder.write(
      Array("{\"path\": \"classes0-3-abcdef\", \"templates\": [\"the {}\"]}".utf8), to: "data.json")
    #expect(try SourceConfiguration(describedBy: file).images().captions(at: 0).map(\.text) == ["the a dog"])
    // Captions as samples are for training: an evaluation wants each image once.
    let captions = "{\"path\": \"\(root)\", \"samples\": \"captions\", \"templates\": [\"a {}\", \"{}\"]}"
    #expect(try SourceConfiguration(describedBy: captions).images().count == 19)
  }

  @Test(arguments: [
    ("{\"path\": 3}", "path: expected a text"), ("{}", "path: is missing"),
    ("{\"path\": \"a\", \"label\": \"b\"}", "label: there is no such key; the nearest is labels"),
    ("{\"path\"", "data"), ("nowhere.json", "nowhere.json"), ("nowhere", "nowhere"),
  ])
  func wrongDescriptionsAreRefused(_ text: String, _ expected: String) {
    do {
      _ = try SourceConfiguration(describedBy: text).images()
      Issue.record("nothing thrown")
    } catch {
      #expect("\(error)".contains(expected), "\(error)")
      #expect(!"\(error)".contains("\n"))
    }
  }

  // MARK: Crossmodal-3600

  private static let line =
    "{\"image/key\": \"000a\", \"image/locale\": \"quz\", "
    + "\"en\": {\"caption\": [\"A bowl.\", \"Soup.\"], \"caption/tokenized\": [\"A bowl .\"], "
    + "\"caption/tokenized/lowercase\": [\"a bowl .\"]}, \"zh\": {\"caption\": [\"\u{6C64}\"]}}"

  @Test func crossmodalCaptionsAreATable() throws {
    _ = try place.table(captionsPerImage: 1)
    try FileManager.default.createDirectory(atPath: folder.path("images"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: folder.path("0.ppm"), toPath: folder.path("images/000a.jpg"))
    let path = try folder.write(Array("\(Self.line)\n".utf8), to: "captions.jsonl")
    let source = try SourceConfiguration(describedBy: path).images()
    #expect(source.count == 1 && source.key(at: 0) == "images/000a.jpg")
    #expect(
      try source.captions(at: 0) == [
        Caption("A bowl.", language: "en"), Caption("Soup.", language: "en"),
        Caption("\u{6C64}", language: "zh"),
      ])
    #expect(try source.image(at: 0).decoded().width == 8)
    let chinese = try SourceConfiguration(describedBy: "{\"path\": \"\(path)\", \"languages\": [\"zh\"]}")
      .images()
    #expect(try chinese.captions(at: 0).map(\.text) == ["\u{6C64}"])
  }

  @Test(arguments: [
    ("{\"image/key\": \"../x\", \"en\": {\"caption\": [\"a\"]}}", "image/key is no name of an image"),
    ("{\"image/key\": \"\", \"en\": {\"caption\": [\"a\"]}}", "image/key is no name of an image"),
    ("{\"image/key\": 7, \"en\": {\"caption\": [\"a\"]}}", "image/key is not a string"),
    ("{\"image/key\": \"a\", \"en\": [\"a\"]}", "en is no object with captions"),
    ("{\"image/key\": \"a\", \"en\": {\"caption\": [7]}}", "caption is not a list of strings"),
    ("{\"image/key\": \"a\", \"image/locale\": \"en\"}", "the caption is empty"),
    ("{\"image/key\": \"a\", \"en\": {\"caption\": [\"", "not valid JSON"),
  ])
  func damagedCrossmodalLinesAreDamagedSamples(_ line: String, _ expected: String) throws {
    let path = try folder.write(Array("\(line)\n\(Self.line)\n".utf8), to: "captions.jsonl")
    let source = try TableSource(path)
    #expect(source.count == 2 && source.damagedRowCount == 1)
    #expect(try source.captions(at: 1).count == 3)
    do {
      _ = try source.captions(at: 0)
      Issue.record("nothing thrown")
    } catch { #expect("\(error)".contains(expected), "\(error)") }
  }
}
