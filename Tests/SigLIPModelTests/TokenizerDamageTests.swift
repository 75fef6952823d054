import Foundation
import SigLIPModel
import TestSupport
import Testing

/// Files that are no tokenizers, or damaged ones: every one of them is an error that says what is wrong.
@Suite struct TokenizerDamageTests {
  private static func text(_ name: String) -> String {
    (try? String(contentsOfFile: fixture("tokenizers/\(name)"), encoding: .utf8)) ?? ""
  }

  @Test(
    arguments: [
      (
        "gemma.json", #""type":"BPE""#, #""type":"WordPiece""#,
        "model is of type \"WordPiece\", expected Unigram, BPE"
      ),
      (
        "gemma.json", #"{"type":"Lowercase"}"#, #"{"type":"BertNormalizer"}"#,
        "is of type \"BertNormalizer\", expected "
      ),
      (
        "gemma.json", #""type":"Split""#, #""type":"Digits""#,
        "pre_tokenizer is of type \"Digits\", expected "
      ),
      ("gemma.json", "MergedWithPrevious", "Merged", "behavior is \"Merged\", expected one of"),
      (
        "gemma.json", #""type":"Fuse""#, #""type":"WordPiece""#,
        "decoder.decoders[2] is of type \"WordPiece\""
      ),
      (
        "gemma.json", "TemplateProcessing", "Truncating",
        "post_processor is of type \"Truncating\", expected "
      ),
      (
        "gemma.json", #""byte_fallback":true"#, #""byte_fallback":1"#,
        "byte_fallback is 1, expected true or false"
      ),
      ("gemma.json", #""<eos>":1"#, #""<eos>":-1"#, "expected a whole number from 0"),
      ("gemma.json", #""<eos>":1"#, #""<eos>":16777216"#, "expected an id below"),
      (
        "gemma.json", #""merges":[["#, #""merges":[["no such token","a"],["#,
        "model.merges[0] has \"no such token\", expected tokens of the vocabulary"
      ),
      ("gemma.json", #""unk_token":"<unk>""#, #""unk_token":"<none>""#, "expected a token of the vocabulary"),
      ("gemma.json", #""ignore_merges":false"#, #""ignore_merges":true"#, "expected false"),
      (
        "gemma.json", #""added_tokens":[{"id":0"#, #""added_tokens":[{"id":"0""#,
        "added_tokens[0].id is \"0\""
      ),
      ("open_clip.json", #""unk_id":2"#, #""unk_id":500"#, "expected an id below 500"),
      ("open_clip.json", #""unk_id":2"#, #""unk_id":null"#, "unk_id"),
      ("open_clip.json", #""precompiled_charsmap":""#, #""precompiled_charsmap":"%"#, "expected base64"),
      ("open_clip.json", #""precompiled_charsmap":""#, #""precompiled_charsmap":"////"#, "rules are damaged"),
      ("open_clip.json", #""replacement":"▁""#, #""replacement":"""#, "expected one character"),
      (
        "transformers_js.json", #""prepend_scheme":"first""#, #""prepend_scheme":"last""#,
        "[\"always\", \"first\", \"never\"]"
      ),
      (
        "transformers_js.json", #"{"Regex":"\\s+"}"#, #"{"Regex":"(?<=a)b"}"#,
        "\"(?<=a)b\" has what is not supported"
      ),
      (
        "clip_json.json", #""continuing_subword_prefix":"""#, #""continuing_subword_prefix":"@""#,
        "expected none"
      ),
    ])
  func changedFilesAreRefused(file: String, from: String, to: String, message: String) throws {
    let text = TokenizerDamageTests.text(file)
    let range = try #require(text.range(of: from), "the fixture does not hold what is to be changed")
    let changed = text.replacingCharacters(in: range, with: to)
    let error = #expect(throws: FileError.self) {
      try HuggingFaceTokenizer(Array(changed.utf8), name: "tokenizer.json")
    }
    #expect(error?.description.contains(message) ?? false, "\(error?.description ?? "")")
    #expect(error?.description.hasPrefix("tokenizer.json") ?? false)
  }

  @Test(arguments: [
    "", "{", "[]", "null", "{}", "\u{FEFF}{}", #"{"model":{}}"#, #"{"model":{"type":"BPE"}}"#, "plain text",
  ])
  func whatIsNoTokenizerIsRefused(text: String) {
    #expect(throws: FileError.self) { try HuggingFaceTokenizer(Array(text.utf8)) }
  }

  @Test(arguments: ["gemma.json", "open_clip.json", "clip_json.json"])
  func everyTruncationOfJSONIsRefused(file: String) {
    let bytes = Array(TokenizerDamageTests.text(file).utf8)
    for length in stride(from: 0, to: bytes.count, by: 211) {
      #expect(throws: FileError.self) { try HuggingFaceTokenizer(Array(bytes[..<length])) }
    }
  }

  @Test func everyTruncationOfAVocabularyIsRefused() throws {
    let bytes = Array(try Data(contentsOf: URL(filePath: fixture("tokenizers/clip.txt.gz"))))
    for length in 0..<bytes.count {
      #expect(throws: FileError.self) { try CLIPTokenizer(Array(bytes[..<length])) }
    }
    for index in stride(from: 0, to: bytes.count, by: 7) {
      var changed = bytes
      changed[index] ^= 0x55
      // What the file was called, and when, may change.
      if let tokenizer = try? CLIPTokenizer(changed) {
        #expect(index < 10 && tokenizer.vocabularySize == 914)
      }
    }
  }

  @Test(
    arguments: [
      ("", "holds no merges"), ("one line", "holds no merges"), ("#version\na b c\n", "line 2"),
      ("#version\nab cd\n", "line 2 merges tokens that do not exist yet"),
    ])
  func damagedVocabulariesAreRefused(text: String, message: String) {
    let error = #expect(throws: FileError.self) { try CLIPTokenizer(Array(text.utf8), name: "x.txt") }
    #expect(error?.description.contains(message) ?? false, "\(error?.description ?? "")")
  }

  @Test(arguments: ["bpe.model", "unigram_symbols.model"])
  func changedModelsThrowOrWork(file: String) throws {
    let bytes = Array(try Data(contentsOf: URL(filePath: fixture("tokenizers/\(file)"))))
    var state: UInt64 = 1
    func next(below count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }
    for _ in 0..<60 {
      var changed = bytes
      for _ in 0..<3 { changed[next(below: changed.count)] = UInt8(next(below: 256)) }
      if let tokenizer = try? SentencePieceTokenizer(changed) {
        let ids = tokenizer.encode("keep it A cat\u{301} \u{2026}ﬁn \u{7F} </s>")
        #expect(ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize })
        _ = tokenizer.decode(ids)
      }
    }
  }
}
