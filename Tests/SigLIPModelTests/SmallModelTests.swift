import SigLIPModel
import Testing

/// Models of a few pieces, with what sentencepiece 0.2.3 gives for them.
@Suite struct SmallModelTests {
  enum Kind: UInt8 {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  static let unknown: (String, Float, Kind) = ("<unk>", 0, .unknown)
  static let bytePieces: [(String, Float, Kind)] = (0..<256).map { value in
    let digits = String(value, radix: 16, uppercase: true)
    return ("<0x\(digits.count == 1 ? "0" : "")\(digits)>", 0, .byte)
  }

  /// A field that holds bytes, shorter than 128.
  static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(bytes.count)] + bytes
  }

  static func piece(_ text: String, _ score: Float, _ kind: Kind) -> [UInt8] {
    let scoreBytes = (0..<4).map { UInt8(truncatingIfNeeded: score.bitPattern >> (8 * UInt32($0))) }
    return field(1, field(1, Array(text.utf8)) + [2 << 3 | 5] + scoreBytes + [3 << 3, kind.rawValue])
  }

  /// A model file; the flags are those of its normaliser and trainer.
  static func model(
    _ pieces: [(String, Float, Kind)], prefix: Bool = true, removesExtra: Bool = true, suffix: Bool = false,
    byteFallback: Bool = false
  ) -> [UInt8] {
    func flag(_ number: Int, _ value: Bool) -> [UInt8] {
      (number < 16 ? [UInt8(number << 3)] : [UInt8(number << 3 & 0x7F | 0x80), UInt8(number >> 4)])
        + [value ? 1 : 0]
    }
    return pieces.flatMap { piece($0.0, $0.1, $0.2) }
      + field(2, flag(3, true) + flag(24, suffix) + flag(35, byteFallback))
      + field(3, flag(3, prefix) + flag(4, removesExtra))
  }

  @Test func roundingDecidesTiesInSinglePrecision() throws {
    let tokenizer = try SentencePieceTokenizer(
      SmallModelTests.model(
        [SmallModelTests.unknown, ("a", -1.28, .normal), ("b", -2.48, .normal), ("bb", -2.25, .normal)],
        prefix: false))
    #expect(tokenizer.encode("abbb") == [1, 2, 3])
  }

  @Test func userDefinedSymbolsWin() throws {
    let tokenizer = try SentencePieceTokenizer(
      SmallModelTests.model([
        SmallModelTests.unknown, ("a", -0.01, .normal), ("b", -0.01, .normal), ("ab", 0, .userDefined),
        ("abb", -7, .userDefined),
      ]))
    #expect(tokenizer.encode("abab abb") == [0, 3, 3, 0, 4])
    #expect(tokenizer.decode([0, 3, 3, 0, 4]) == " \u{2047} abab \u{2047} abb")
  }

  @Test func leadingSpacesAreDecodedAsTheNormalizerMadeThem() throws {
    let pieces: [(String, Float, Kind)] = [
      SmallModelTests.unknown, ("\u{2581}", -1, .normal), ("\u{2581}\u{2581}", -1.5, .normal),
      ("a", -2, .normal),
    ]
    let folding = try SentencePieceTokenizer(SmallModelTests.model(pieces, prefix: false))
    #expect(folding.encode("\u{2581}\u{2581} a a") == [1, 2, 3, 1, 3])
    #expect(folding.decode([1, 2, 3, 1, 3]) == " a a")
    let keeping = try SentencePieceTokenizer(SmallModelTests.model(pieces, removesExtra: false))
    #expect(keeping.encode("\u{2581} a a") == [1, 2, 3, 1, 3])
    #expect(keeping.decode([1, 2, 3, 1, 3]) == "  a a")
  }

  @Test func whitespaceCanBeASuffix() throws {
    let tokenizer = try SentencePieceTokenizer(
      SmallModelTests.model(
        [
          SmallModelTests.unknown, ("\u{2581}", -1, .normal), ("a\u{2581}", -1.5, .normal),
          ("a", -2, .normal),
        ], suffix: true))
    #expect(tokenizer.encode("a a") == [2, 2])
    #expect(tokenizer.decode([2, 2]) == "a a ")
  }

  @Test func unknownCharactersFallBackToBytes() throws {
    let tokenizer = try SentencePieceTokenizer(
      SmallModelTests.model(
        [SmallModelTests.unknown, ("\u{2581}", -1, .normal), ("a", -2, .normal)] + SmallModelTests.bytePieces,
        byteFallback: true))
    #expect(tokenizer.encode("aé a") == [1, 2, 198, 172, 1, 2])
    #expect(tokenizer.decode([1, 2, 198, 172, 1, 2]) == "aé a")
  }

  @Test func piecesThatDifferInCompositionOnlyAreDifferent() throws {
    let tokenizer = try SentencePieceTokenizer(
      SmallModelTests.model([SmallModelTests.unknown, ("é", -1, .normal), ("e\u{301}", -1, .normal)]))
    #expect(tokenizer.id(of: "é") == 1 && tokenizer.id(of: "e\u{301}") == 2)
  }

  @Test func everyTruncationThrowsOrLoads() {
    let bytes = SmallModelTests.model(
      [SmallModelTests.unknown, ("a", -1, .normal), ("ab", 0, .userDefined)] + SmallModelTests.bytePieces,
      byteFallback: true)
    var thrown = 0
    for length in bytes.indices {
      do { _ = try SentencePieceTokenizer(Array(bytes[..<length])).encode("ab é") } catch {
        #expect(error is FileError)
        thrown += 1
      }
    }
    #expect(thrown > bytes.count / 2)
  }

  @Test(
    arguments: [
      ([0x08, 0x01], "field 1 has the wrong wire type"),
      ([0x10, 0x01], "field 2 has the wrong wire type"),
      ([0x12, 0x02, 0x1A, 0x00], "trainer, field 3 has the wrong wire type"),
      ([0x1A, 0x02, 0x10, 0x01], "normalizer is damaged: field 2 has the wrong wire type"),
      ([0x0A, 0x04, 0x0A, 0x02, 0xC3, 0x28], "is not UTF-8"),
      (
        [0x0A, 0x03, 0x0A, 0x01, 0x61, 0x0A, 0x05, 0x0A, 0x01, 0x61, 0x18, 0x02],
        "pieces 0 and 1 are both \"a\""
      ),
    ] as [([UInt8], String)])
  func damagedModelsAreRefused(bytes: [UInt8], message: String) {
    let error = #expect(throws: FileError.self) { try SentencePieceTokenizer(bytes, name: "x.model") }
    #expect(error?.description.contains(message) ?? false, "\(error?.description ?? "")")
  }
}
