import NN
import Tensor

/// CLIP's byte-pair encoding, read from its vocabulary file `bpe_simple_vocab_16e6.txt.gz` (Radford et al. 2021).
///
/// Text is cleaned as open_clip cleans it: ftfy's repairs, HTML references, white space, lowercase.
public struct CLIPTokenizer: Tokenizer {
  private static let mergeLimit = 49_152 - 256 - 2
  private static let wordEnd = "</w>"
  /// Id before a text.
  public let startID: Int32
  /// Id after a text.
  public let endID: Int32
  private let tokens: [String]
  private let ids: [ExactString: Int32]
  private let merging: PairMerging
  private let words: TextPattern

  private static let special = ["<start_of_text>", "<end_of_text>"]

  /// Reads a vocabulary file, compressed or not.
  ///
  /// - Throws: ``FileError`` when the file is missing, damaged, or holds no merges.
  public init(path: String) throws {
    try self.init(try readTokenizer(path), name: path)
  }

  /// Reads a file's bytes; `name` stands in errors.
  public init(_ bytes: [UInt8], name: String = "vocabulary") throws {
    var text = bytes
    if bytes.first == 0x1F {
      do {
        text = try Gzip.decompress(bytes)
      } catch {
        throw FileError(.malformed, name, error.description)
      }
    }
    guard let text = String(validating: text, as: UTF8.self) else {
      throw FileError(.malformed, name, "it is not UTF-8")
    }
    let lines = text.unicodeScalars.split(separator: "\n").map(String.init)
    let merges = try lines.dropFirst().prefix(CLIPTokenizer.mergeLimit).enumerated().map { index, line in
      let parts = line.unicodeScalars.split(separator: " ").map(String.init)
      guard parts.count == 2 else {
        throw FileError(
          .malformed, name, "line \(index + 2) is \"\(line.prefix(40))\"", expected: "two tokens")
      }
      return (left: parts[0], right: parts[1])
    }
    if merges.isEmpty {
      throw FileError(.malformed, name, "it holds no merges", expected: "CLIP's vocabulary")
    }
    // Visible characters come first, as OpenAI wrote it, then those that stand for invisible ones.
    let order = (0..<256).sorted { (ByteAlphabet.characters[$0], $0) < (ByteAlphabet.characters[$1], $1) }
    let characters = order.map { String(Character(ByteAlphabet.characters[$0])) }
    let tokens =
      characters + characters.map { $0 + CLIPTokenizer.wordEnd } + merges.map { $0.left + $0.right }
      + CLIPTokenizer.special
    self.tokens = tokens
    let ids = Dictionary(
      zip(tokens.map(ExactString.init), Int32(0)...), uniquingKeysWith: { _, last in last })
    self.ids = ids
    startID = Int32(tokens.count - 2)
    endID = Int32(tokens.count - 1)
    let table = try merges.enumerated().map { index, merge in
      guard let left = ids[ExactString(merge.left)], let right = ids[ExactString(merge.right)],
        let result = ids[ExactString(merge.left + merge.right)]
      else {
        throw FileError(.malformed, name, "line \(index + 2) merges tokens that do not exist yet")
      }
      return (left: left, right: right, result: result)
    }
    let inside = order.enumerated().map { (key: [UInt8($0.element)], value: Int32($0.offset)) }
    merging = PairMerging(
      merges: MergeTable(table),
      alphabet: PairMerging.Alphabet(
        inside: ByteTrie(inside), last: ByteTrie(inside.map { ($0.key, $0.value + 256) })),
      fallback: PairMerging.Fallback())
    words = try TextPattern(
      #"<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"#,
      ignoresCase: true, context: name)
  }

  /// Number of tokens.
  public var vocabularySize: Int { tokens.count }

  /// The id of a token, or nil; tokens that end a word end in `</w>`.
  public func id(of piece: String) -> Int32? { ids[ExactString(piece)] }

  /// The text as it is before it is split.
  static func clean(_ text: String) -> String {
    var text = text
    let isPlain = text.withUTF8 { $0.allSatisfy { 0x20..<0x7F ~= $0 && $0 != UInt8(ascii: "&") } }
    if !isPlain { text = HTMLEntities.unescape(HTMLEntities.unescape(TextRepair.repair(text))) }
    return text.pythonWhitespaceCollapsed().pythonLowercased()
  }

  /// The ids of a text, without those that mark its beginning and end.
  public func encode(_ text: String) -> [Int32] {
    var result: [Int32] = []
    var text = CLIPTokenizer.clean(text)
    text.withUTF8 { text in
      for word in words.matches(in: text) {
        if text[word.lowerBound] == UInt8(ascii: "<"),
          let index = CLIPTokenizer.special.firstIndex(where: { text[word].elementsEqual($0.utf8) })
        {
          result.append(index == 0 ? startID : endID)
        } else {
          merging.encode(UnsafeBufferPointer(rebasing: text[word]), isByteLevel: true, into: &result)
        }
      }
    }
    return result
  }

  /// The text of ids, with a space after each word; those that mark beginning and end vanish.
  public func decode(_ ids: [Int32]) -> String {
    check(ids)
    let bytes = ids.filter { $0 != startID && $0 != endID }.flatMap { id -> [UInt8] in
      let token = tokens[Int(id)]
      guard id >= 256, token.hasSuffix(CLIPTokenizer.wordEnd) else {
        return ByteAlphabet.bytes(of: Array(token.utf8)) ?? []
      }
      return (ByteAlphabet.bytes(of: Array(token.dropLast(CLIPTokenizer.wordEnd.count).utf8)) ?? []) + [0x20]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
