import Foundation
import NN

/// What happens to punctuation before a text is tokenised; the published models differ.
public enum PunctuationMode: String, Sendable, CaseIterable, Codable {
  /// As big_vision trains: only lowercase.
  case bigVision
  /// As Hugging Face's version 1 tokenizer and open_clip: ASCII punctuation removed, spaces collapsed, lowercase.
  case huggingFaceV1
  /// Nothing, not even lowercase.
  case none

  /// The text as the tokenizer gets it.
  public func prepare(_ text: String) -> String {
    switch self {
    case .none: return text
    case .bigVision: return text.lowercased()
    case .huggingFaceV1:
      let kept = text.unicodeScalars.filter {
        !(0x21...0x7E ~= $0.value) || $0.properties.isAlphabetic || 0x30...0x39 ~= $0.value
      }
      return String(String.UnicodeScalarView(kept)).lowercased().split { $0.isWhitespace }.joined(
        separator: " ")
    }
  }
}

/// Texts as rows of token ids of one length: lowercased, ended, cut or padded, as SigLIP was trained.
public struct TextEncoder: Sendable {
  /// Splits text into ids.
  public let tokenizer: SentencePieceTokenizer
  /// Ids in every row.
  public let contextLength: Int
  /// Id after the last token; a text that is too long keeps it and loses tokens.
  public let endID: Int32
  /// Id that fills the row.
  public let padID: Int32
  /// What happens to case and punctuation.
  public let punctuation: PunctuationMode

  /// An encoder; SigLIP pads with the end token, id 1.
  public init(
    tokenizer: SentencePieceTokenizer, contextLength: Int = 64, endID: Int32 = 1, padID: Int32 = 1,
    punctuation: PunctuationMode = .bigVision
  ) {
    if contextLength < 1 { programmerError("text encoder: a context of \(contextLength) tokens") }
    self.tokenizer = tokenizer
    self.contextLength = contextLength
    self.endID = endID
    self.padID = padID
    self.punctuation = punctuation
  }

  /// `contextLength` ids.
  public func row(_ text: String) -> [Int32] {
    var ids = Array(tokenizer.encode(punctuation.prepare(text)).prefix(contextLength - 1))
    ids.append(endID)
    return ids + Array(repeating: padID, count: contextLength - ids.count)
  }

  /// Ids of several texts, `[texts, contextLength]`.
  public func callAsFunction(_ texts: [String]) -> IndexTensor {
    IndexTensor(texts.flatMap(row), shape: [texts.count, contextLength])
  }
}
