import NN
import Tensor

/// What happens to case and punctuation before a text is tokenised; the published models differ.
public enum PunctuationMode: String, Sendable, CaseIterable, Codable {
  /// As big_vision trains: only lowercase.
  case bigVision
  /// As big_vision's zero-shot evaluator and open_clip: underscores become spaces, ASCII punctuation is removed,
  /// lowercase, white space collapsed.
  case bigVisionEvaluator
  /// As Hugging Face's tokenizer for version 1: like the evaluator, but underscores are removed too.
  case huggingFaceV1
  /// Nothing, not even lowercase.
  case none

  /// The text as the tokenizer gets it; lowercase is Python's, with its final sigma.
  public func prepare(_ text: String) -> String {
    switch self {
    case .none: text
    case .bigVision: text.pythonLowercased()
    case .bigVisionEvaluator:
      String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == "_" ? " " : $0 }))
        .removingScalars(where: \.isASCIIPunctuation).pythonLowercased().pythonWhitespaceCollapsed()
    case .huggingFaceV1:
      text.pythonLowercased().removingScalars(where: \.isASCIIPunctuation).pythonWhitespaceCollapsed()
    }
  }
}

/// Texts as rows of token ids of one length: prepared, ended, cut or padded, as the model was trained.
public struct TextEncoder: Sendable {
  /// Splits text into ids.
  public let tokenizer: any Tokenizer
  /// Ids in every row.
  public let contextLength: Int
  /// Id before the first token; CLIP has one, SigLIP does not.
  public let startID: Int32?
  /// Id after the last token; a text that is too long keeps it and loses tokens.
  public let endID: Int32
  /// Id that fills the row.
  public let padID: Int32
  /// What happens to case and punctuation.
  public let punctuation: PunctuationMode

  /// An encoder; SigLIP pads with the end token, id 1, its second version with id 0.
  public init(
    tokenizer: any Tokenizer, contextLength: Int = 64, startID: Int32? = nil, endID: Int32 = 1,
    padID: Int32 = 1, punctuation: PunctuationMode = .bigVision
  ) {
    if contextLength < (startID == nil ? 1 : 2) {
      programmerError("text encoder: a context of \(contextLength) tokens")
    }
    self.tokenizer = tokenizer
    self.contextLength = contextLength
    self.startID = startID
    self.endID = endID
    self.padID = padID
    self.punctuation = punctuation
  }

  /// `contextLength` ids.
  public func row(_ text: String) -> [Int32] { row(ofTokens: tokens(text)) }

  /// `contextLength` ids of a text that is tokens already.
  func row(ofTokens tokens: [Int32]) -> [Int32] {
    var row = startID.map { [$0] } ?? []
    row += tokens.prefix(contextLength - 1 - row.count)
    row.append(endID)
    row += repeatElement(padID, count: contextLength - row.count)
    return row
  }

  /// `contextLength` ids for each text; all threads take part.
  public func rows(_ texts: [String]) -> [[Int32]] { parallelMap(texts, row) }

  /// Ids of several texts, `[texts, contextLength]`.
  public func callAsFunction(_ texts: [String]) -> IndexTensor {
    IndexTensor(rows(texts).flatMap { $0 }, shape: [texts.count, contextLength])
  }

  /// Why a tower that pools the position of the largest id would not find where a text ends, in words; nil if it would.
  var problemOfEndToken: String? {
    let last = tokenizer.vocabularySize - 1
    return Int(endID) == last
      ? nil : "ends texts with id \(endID), but the text tower pools the largest there is, \(last)"
  }

  private func tokens(_ text: String) -> [Int32] {
    if punctuation == .huggingFaceV1, let tokenizer = tokenizer as? SentencePieceTokenizer {
      return tokenizer.encodeAsHuggingFaceV1(text)
    }
    return tokenizer.encode(punctuation.prepare(text))
  }
}

extension SentencePieceTokenizer {
  private static let unknownMark = "<unk>"
  private static let specials = ["</s>", unknownMark]

  /// The ids that transformers' `SiglipTokenizer` gives, whose order of steps shows in rare texts: a mark of a space
  /// comes first, special tokens are found, and the rest is encoded behind an unknown token that is dropped again.
  func encodeAsHuggingFaceV1(_ text: String) -> [Int32] {
    let mark = String(decoding: SentencePieceNormalizer.visibleSpace, as: UTF8.self)
    let prefixCount = unknownMarkCount
    var result: [Int32] = []
    let spaced = String(
      String.UnicodeScalarView(text.unicodeScalars.map { $0 == mark.unicodeScalars.first ? " " : $0 }))
    for (index, part) in SentencePieceTokenizer.split(mark + spaced).enumerated() {
      switch part {
      case .special(let name):
        if index == 1 && result.count == 1 && result[0] == id(of: mark) { result = [] }
        result.append(id(of: name) ?? unknownID)
      case .text(let text):
        let ids = encode(SentencePieceTokenizer.unknownMark + PunctuationMode.huggingFaceV1.prepare(text))
        result += ids.count >= prefixCount ? ids.dropFirst(prefixCount) : ids[...]
      }
    }
    return result
  }

  private enum Part {
    case text(String)
    case special(String)
  }

  /// Cuts a text at special tokens, which take in the white space around them.
  private static func split(_ text: String) -> [Part] {
    guard text.utf8.contains(UInt8(ascii: "<")) else { return [.text(text)] }
    var parts: [Part] = []
    var rest = text.unicodeScalars[...]
    var followsSpecial = false
    func add(_ scalars: Substring.UnicodeScalarView, precedesSpecial: Bool) {
      var scalars = scalars
      if followsSpecial { scalars = scalars.drop(while: \.isPythonSpace) }
      while precedesSpecial, let last = scalars.last, last.isPythonSpace { scalars.removeLast() }
      if !scalars.isEmpty { parts.append(.text(String(scalars))) }
    }
    var position = rest.startIndex
    while position < rest.endIndex {
      guard rest[position] == "<",
        let name = specials.first(where: { rest[position...].starts(with: $0.unicodeScalars) })
      else {
        position = rest.index(after: position)
        continue
      }
      add(rest[..<position], precedesSpecial: true)
      parts.append(.special(name))
      followsSpecial = true
      rest = rest[rest.index(position, offsetBy: name.unicodeScalars.count)...]
      position = rest.startIndex
    }
    add(rest, precedesSpecial: false)
    return parts
  }
}
