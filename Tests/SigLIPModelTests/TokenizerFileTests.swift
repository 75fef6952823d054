import Foundation
import SigLIPModel
import TestSupport
import Testing

/// Small tokenizers of every kind, held to what Google's, Hugging Face's and open_clip's code gives for the same texts.
@Suite struct TokenizerFileTests {
  static let expectations = Result { try SafetensorsFile(fixture("tokenizers/expectations.safetensors")) }

  /// Names of the fixtures, and their files.
  static let files = [
    "bpe": "bpe.model", "bpe_symbols": "bpe_symbols.model", "unigram_symbols": "unigram_symbols.model",
    "siglip": "siglip.model", "open_clip": "open_clip.json", "transformers_js": "transformers_js.json",
    "gemma": "gemma.json", "clip_json": "clip_json.json", "clip": "clip.txt.gz",
  ]

  static func tokenizer(_ file: String) throws -> any Tokenizer {
    let path = fixture("tokenizers/\(file)")
    if file.hasSuffix(".json") { return try HuggingFaceTokenizer(path: path) }
    return try file.hasSuffix(".gz") ? CLIPTokenizer(path: path) : SentencePieceTokenizer(path: path)
  }

  static func strings(_ name: String) throws -> [String] {
    let file = try expectations.get()
    let bytes = try file.bytes(named: "\(name)_bytes")
    var start = 0
    return try file.indices(named: "\(name)_sizes").values.map { size in
      defer { start += Int(size) }
      return String(decoding: bytes[start..<(start + Int(size))], as: UTF8.self)
    }
  }

  static func ids(_ name: String) throws -> [[Int32]] {
    let flat = try expectations.get().indices(named: "\(name).ids").values
    var start = 0
    return try expectations.get().indices(named: "\(name).counts").values.map { count in
      defer { start += Int(count) }
      return Array(flat[start..<(start + Int(count))])
    }
  }

  @Test(arguments: TokenizerFileTests.files.keys.sorted())
  func idsAndDecodedTextsAreThoseOfPython(name: String) throws {
    let tokenizer = try TokenizerFileTests.tokenizer(try #require(TokenizerFileTests.files[name]))
    let texts = try TokenizerFileTests.strings("texts")
    let expected = try TokenizerFileTests.ids(name)
    let decoded = try TokenizerFileTests.strings("\(name).decoded")
    #expect(texts.count > 350 && expected.count == texts.count && decoded.count == texts.count)
    for (text, (ids, decoded)) in zip(texts, zip(expected, decoded)) {
      #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
      #expect(
        tokenizer.decode(ids).utf8.elementsEqual(decoded.utf8),
        "\(text.debugDescription): \(tokenizer.decode(ids).debugDescription), expected \(decoded.debugDescription)"
      )
    }
  }

  @Test func batchesAreEncodedInOrder() throws {
    let tokenizer = try TokenizerFileTests.tokenizer("siglip.model")
    #expect(
      tokenizer.encode(batch: try TokenizerFileTests.strings("texts"))
        == (try TokenizerFileTests.ids("siglip")))
    #expect(tokenizer.encode(batch: []).isEmpty)
  }

  @Test func pythonsCleaning() throws {
    let texts = try TokenizerFileTests.strings("texts")
    for (text, canonical) in zip(texts, try TokenizerFileTests.strings("canonical")) {
      let prepared = PunctuationMode.bigVisionEvaluator.prepare(text)
      #expect(prepared.utf8.elementsEqual(canonical.utf8), "\(text.debugDescription)")
    }
  }

  /// A checkpoint's directory: files under the names that it gives them.
  private func checkpoint(
    _ folder: TemporaryFolder, copying files: [String: String], writing texts: [String: String] = [:]
  ) throws -> String {
    for (name, source) in files {
      try FileManager.default.copyItem(
        atPath: fixture("tokenizers/\(source)"), toPath: folder.path(name))
    }
    for (name, text) in texts {
      try text.write(toFile: folder.path(name), atomically: true, encoding: .utf8)
    }
    return folder.path("")
  }

  private func expectRows(_ encoder: TextEncoder, _ name: String) throws {
    let texts = try TokenizerFileTests.strings("texts")
    let expected = try TokenizerFileTests.expectations.get().indices(named: "\(name).rows")
    #expect(expected.shape == [texts.count, encoder.contextLength])
    for (index, row) in encoder.rows(texts).enumerated() {
      let range = (index * encoder.contextLength)..<((index + 1) * encoder.contextLength)
      #expect(row == Array(expected.values[range]), "\(texts[index].debugDescription)")
    }
  }

  @Test func firstVersionFromItsDirectory() throws {
    let folder = try TemporaryFolder()
    let path = try checkpoint(
      folder, copying: ["spiece.model": "siglip.model", "tokenizer.json": "open_clip.json"],
      writing: [
        "tokenizer_config.json":
          #"{"tokenizer_class":"SiglipTokenizer","model_max_length":64,"pad_token":{"content":"</s>"},"eos_token":"</s>"}"#,
        "config.json": #"{"text_config":{"max_position_embeddings":16}}"#,
      ])
    let encoder = try TextEncoder(path: path)
    #expect(encoder.tokenizer is SentencePieceTokenizer && encoder.punctuation == .huggingFaceV1)
    #expect(encoder.startID == nil && encoder.endID == 1 && encoder.padID == 1 && encoder.contextLength == 16)
    try expectRows(encoder, "siglip")
  }

  @Test func secondVersionFromItsDirectory() throws {
    let folder = try TemporaryFolder()
    let path = try checkpoint(
      folder, copying: ["tokenizer.json": "gemma.json"],
      writing: [
        "tokenizer_config.json":
          #"{"tokenizer_class":"Siglip2Tokenizer","model_max_length":1000000000000000019884624838656}"#
      ])
    #expect(try TextEncoder(path: path).contextLength == 64)
    let encoder = try TextEncoder(path: path, contextLength: 16)
    #expect(encoder.startID == nil && encoder.endID == 1 && encoder.padID == 0)
    try expectRows(encoder, "gemma")
  }

  @Test func clipFromItsFiles() throws {
    let folder = try TemporaryFolder()
    let path = try checkpoint(
      folder, copying: ["tokenizer.json": "clip_json.json"],
      writing: ["tokenizer_config.json": #"{"tokenizer_class":"CLIPTokenizer","model_max_length":16}"#])
    try expectRows(try TextEncoder(path: path), "clip_json")
    let file = fixture("tokenizers/clip.txt.gz")
    #expect(try TextEncoder(path: file).contextLength == 77)
    try expectRows(try TextEncoder(path: file, contextLength: 16), "clip")
  }

  @Test func aFileAloneTakesTheTrainingConventions() throws {
    let encoder = try TextEncoder(path: fixture("tokenizers/siglip.model"))
    #expect(encoder.punctuation == .bigVision && encoder.contextLength == 64 && encoder.padID == 1)
    let asked = try TextEncoder(
      path: fixture("tokenizers/siglip.model"), contextLength: 16, punctuation: .huggingFaceV1)
    try expectRows(asked, "siglip")
  }

  @Test func directoriesWithoutWhatIsNeededAreRefused() throws {
    let folder = try TemporaryFolder()
    func message(_ path: String) -> String {
      let error = #expect(throws: FileError.self) { try TextEncoder(path: path) }
      return error?.description ?? ""
    }
    #expect(message(folder.path("")).contains("holds no tokenizer, expected one of"))
    #expect(message(folder.path("none")).contains("Cannot read"))
    let path = try checkpoint(
      folder, copying: ["spiece.model": "siglip.model"],
      writing: ["tokenizer_config.json": #"{"tokenizer_class":"SiglipTokenizer","eos_token":"<end>"}"#])
    #expect(message(path).contains("is \"<end>\", which is not in the vocabulary"))
    try "[]".write(toFile: folder.path("tokenizer_config.json"), atomically: true, encoding: .utf8)
    #expect(message(path).contains("expected a JSON object"))
    let other = try TemporaryFolder()
    let model = try checkpoint(other, copying: ["tokenizer.model": "bpe_symbols.model"])
    #expect(try TextEncoder(path: model).endID == 2)
  }
}
