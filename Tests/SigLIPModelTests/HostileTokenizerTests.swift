import Foundation
import TestSupport
import Testing

import SigLIPModel

/// Tokenizers that somebody made to keep a program busy or to take all of its memory.
@Suite struct HostileTokenizerTests {
  /// A small tokenizer with parts of its file replaced.
  private static func file(_ members: [String: String]) -> [UInt8] {
    var all = ["model": #"{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}"#]
    all.merge(members) { $1 }
    return Array("{\(all.map { "\"\($0)\":\($1)" }.joined(separator: ","))}".utf8)
  }

  private static func message(_ members: [String: String]) -> String {
    do { _ = try HuggingFaceTokenizer(file(members), name: "tokenizer.json") } catch { return "\(error)" }
    return "nothing was thrown"
  }

  private static func normalizer(replacing pattern: String) -> [String: String] {
    ["normalizer": #"{"type":"Replace","pattern":{"Regex":"\#(pattern)"},"content":"b"}"#]
  }

  @Test(arguments: [
    #"a*a*a*b"#, #"\\s+\\s+x"#, #"a{0,99}a{0,99}b"#, #"a?a?a?a?a?a?a?b"#, String(repeating: "a", count: 4097),
  ])
  func expressionsThatTakeForeverAreRefused(_ pattern: String) {
    let line = Self.message(Self.normalizer(replacing: pattern))
    #expect(line.contains("in a row") || line.contains("expected at most 4096"), "\(line)")
  }

  @Test(arguments: [
    #" ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"#, #"\\s*[\\r\\n]+"#, #"\\s+(?!\\S)"#, #"[^\\r\\n\\p{L}]?\\p{L}+"#,
  ])
  func expressionsOfPublishedTokenizersAreNot(_ pattern: String) {
    #expect(Self.message(Self.normalizer(replacing: pattern)) == "nothing was thrown")
  }

  @Test func longTextsAndPatternsNeedNoStack() throws {
    let long = String(repeating: "a", count: 300_000)
    let literal = ["normalizer": #"{"type":"Replace","pattern":{"String":"\#(long)"},"content":"b"}"#]
    let tokenizer = try HuggingFaceTokenizer(Self.file(literal))
    #expect(tokenizer.encode(long + "a") == [1, 0])
  }

  @Test func textsCannotGrowWithoutBound() {
    let double = #"{"type":"Replace","pattern":{"String":"a"},"content":"aa"}"#
    let many = Array(repeating: double, count: 40).joined(separator: ",")
    #expect(
      Self.message(["normalizer": #"{"type":"Sequence","normalizers":[\#(many)]}"#])
        == "tokenizer.json: its normalizer may make texts more than 4096 times as long.")
    #expect(
      Self.message(["decoder": #"{"type":"Sequence","decoders":[\#(many)]}"#])
        == "tokenizer.json: its decoder may make texts more than 4096 times as long.")
    // A trie of one unit without rules, and a replacement of 300 bytes.
    let map = Data([4, 0, 0, 0, 0, 0, 0, 0] + Array(repeating: 65, count: 300) + [0]).base64EncodedString()
    #expect(
      Self.message(["normalizer": #"{"type":"Precompiled","precompiled_charsmap":"\#(map)"}"#])
        .contains("a replacement of 300 bytes, expected at most 256"))
  }

  @Test func idsBeyondTheVocabularyAreRefused() {
    #expect(
      Self.message(["post_processor": #"{"type":"BertProcessing","cls":["a",0],"sep":["b",2147483647]}"#])
        == "tokenizer.json is damaged: its post_processor adds id 2147483647, expected ids below 3.")
  }

  @Test func componentsNestedDeeplyAreRefused() {
    let deep = String(repeating: #"{"type":"Sequence","normalizers":["#, count: 10_000)
    #expect(Self.message(["normalizer": deep]).contains("nested too deep"))
  }

  @Test func pieceOfManyBytesAreRefused() {
    func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
      [
        number << 3 | 2, UInt8(bytes.count & 127 | 128), UInt8(bytes.count >> 7 & 127 | 128),
        UInt8(bytes.count >> 14),
      ]
        + bytes
    }
    let piece = field(1, field(1, Array(repeating: 97, count: 5000)))
    let error = #expect(throws: FileError.self) { try SentencePieceTokenizer(piece) }
    #expect(error?.description == "tokenizer is damaged: piece 0 has 5000 bytes, expected at most 4096.")
  }

  @Test func namesOfComponentsAreEscaped() {
    let line = Self.message(["normalizer": #"{"type":"\u001b[31m\n"}"#])
    #expect(line.contains(#"is of type "\u{1B}[31m\n", expected "#), "\(line)")
  }
}
