import Foundation
import SigLIPModel
import TestSupport
import Testing

@Suite struct SentencePieceTests {
  static let modelPath = exampleData("tokenizer.model")
  static let modelBytes = Array(FileManager.default.contents(atPath: modelPath) ?? Data())

  /// Read once: building its trie takes long without optimisation.
  static let model = Result { try SentencePieceTokenizer(path: modelPath) }

  let tokenizer: SentencePieceTokenizer
  let expectations: SafetensorsFile

  init() throws {
    tokenizer = try SentencePieceTests.model.get()
    expectations = try SafetensorsFile(fixture("sentencepiece.safetensors"))
  }

  /// Cuts a flat list into rows of the given lengths.
  private func rows<T>(_ flat: [T], _ counts: [Int32]) -> [ArraySlice<T>] {
    var start = 0
    return counts.map { count in
      defer { start += Int(count) }
      return flat[start..<(start + Int(count))]
    }
  }

  private func otherTexts() throws -> [String] {
    rows(try expectations.bytes(named: "other_bytes"), try expectations.indices(named: "other_sizes").values)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func namesIn24LanguagesHaveGooglesIDs() throws {
    let lines = try String(contentsOfFile: exampleData("names.tsv"), encoding: .utf8).split(separator: "\n")
      .dropFirst()
    let names = lines.flatMap { $0.split(separator: "\t", omittingEmptySubsequences: false).dropFirst() }
    let expected = rows(
      try expectations.indices(named: "name_ids").values,
      try expectations.indices(named: "name_counts").values)
    #expect(names.count == expected.count && names.count > 40_000)
    let wrong = zip(names, expected).filter { tokenizer.encode(String($0)) != Array($1) }
    #expect(wrong.isEmpty, "\(wrong.prefix(5))")
  }

  @Test func oddAndRandomStringsHaveGooglesIDs() throws {
    let expected = rows(
      try expectations.indices(named: "other_ids").values,
      try expectations.indices(named: "other_counts").values)
    let texts = try otherTexts()
    #expect(texts.count == expected.count && texts.count > 3000)
    for (text, ids) in zip(texts, expected) {
      #expect(tokenizer.encode(text) == Array(ids), "\(text.debugDescription)")
    }
  }

  @Test func decodingGivesGooglesText() throws {
    let expected = rows(
      try expectations.bytes(named: "decoded_bytes"), try expectations.indices(named: "decoded_sizes").values)
    for (text, decoded) in zip(try otherTexts(), expected) {
      #expect(
        Array(tokenizer.decode(tokenizer.encode(text)).utf8) == Array(decoded), "\(text.debugDescription)")
    }
  }

  @Test func tokensCoverTheNormalizedText() {
    let tokens = tokenizer.tokenize("grinning  face")
    #expect(tokens.map(\.text).joined() == "\u{2581}grinning\u{2581}face")
    #expect(tokens.map(\.id) == tokenizer.encode("grinning face"))
  }

  @Test func rowsEndAndPad() throws {
    let encoder = TextEncoder(tokenizer: tokenizer, contextLength: 8)
    let short = encoder.row("Cat")
    let cat = tokenizer.encode("cat")
    #expect(short == cat + Array(repeating: 1, count: 8 - cat.count))
    let long = encoder.row("a woman and a man and a boy and a girl with a cat")
    #expect(long.count == 8 && long.last == 1)
    #expect(
      long.dropLast().elementsEqual(
        tokenizer.encode("a woman and a man and a boy and a girl with a cat").prefix(7)))
    #expect(encoder(["a", "b"]).shape == [2, 8])
  }

  @Test func punctuationModes() {
    #expect(PunctuationMode.bigVision.prepare("A Cat, sleeping!") == "a cat, sleeping!")
    #expect(PunctuationMode.huggingFaceV1.prepare(" A  Cat,\tsleeping! ") == "a cat sleeping")
    #expect(PunctuationMode.huggingFaceV1.prepare("a_b-c") == "abc")
    #expect(PunctuationMode.bigVisionEvaluator.prepare(" A_b-c,\u{1C}D ") == "a bc d")
    #expect(PunctuationMode.none.prepare("A Cat!") == "A Cat!")
    // As Python: a sigma is final where a cased letter comes before it and none behind.
    #expect(
      PunctuationMode.bigVision.prepare("\u{39F}\u{3A3} \u{3A3}\u{391} \u{391}\u{3A3}.")
        == "\u{3BF}\u{3C2} \u{3C3}\u{3B1} \u{3B1}\u{3C2}.")
    #expect(Array(PunctuationMode.bigVision.prepare("\u{130}").unicodeScalars) == ["i", "\u{307}"])
  }

  @Test func everyTruncationThrowsOrLoads() throws {
    // The pieces come first, so a cut inside them is seen as a cut; after them a shorter file can be whole.
    var thrown = 0
    for length in stride(from: 0, to: SentencePieceTests.modelBytes.count, by: 997) {
      do { _ = try SentencePieceTokenizer(Array(SentencePieceTests.modelBytes.prefix(length))) } catch {
        #expect(error is FileError)
        thrown += 1
      }
    }
    #expect(thrown > 100)
  }

  @Test(
    arguments: [
      ([], "holds no pieces"),
      ([0x0A, 0x05, 0x0A], "claims 5 bytes, 1 are left"),
      ([0x0B], "unknown wire type 3"),
      ([0x0A, 0x02, 0x08, 0x01], "field 1 has the wrong wire type"),
      ([0x0A, 0x05, 0x0A, 0x01, 0x61, 0x18, 0x09], "type 9, expected 1 to 6"),
      ([0x0A, 0x03, 0x0A, 0x01, 0x61], "has 0 unknown pieces, expected one"),
      (
        [0x0A, 0x05, 0x0A, 0x01, 0x61, 0x18, 0x02, 0x12, 0x02, 0x18, 0x03],
        "a word model, expected unigram or bpe"
      ),
      (
        [0x0A, 0x05, 0x0A, 0x01, 0x61, 0x18, 0x02, 0x1A, 0x04, 0x12, 0x02, 0xFF, 0xFF],
        "normalisation rules are damaged"
      ),
    ] as [([UInt8], String)])
  func damagedModelsAreRefused(bytes: [UInt8], message: String) {
    let error = #expect(throws: FileError.self) { try SentencePieceTokenizer(bytes, name: "x.model") }
    #expect(error?.description.contains(message) ?? false, "\(error?.description ?? "")")
    #expect(error?.description.hasPrefix("x.model") ?? false)
  }

  @Test func aMissingFileIsNamed() {
    let error = #expect(throws: FileError.self) { try SentencePieceTokenizer(path: "no/such.model") }
    #expect(error?.description == "Cannot read no/such.model: No such file or directory.")
  }
}
