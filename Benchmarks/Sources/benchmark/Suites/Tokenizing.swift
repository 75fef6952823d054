import Foundation
import SigLIPModel

/// `tokenize/bpe.model/100000`: that many captions in ids by the tokenizer of that file; the peer of a `.model` is
/// sentencepiece, that of a `.json` is tokenizers.
enum Tokenizing {
  static var work: [Work] {
    let fixtures = ["bpe.model", "open_clip.json", "gemma.json", "clip_json.json"]
    return (["Examples/Data/tokenizer.model"] + fixtures.map { "Tests/Fixtures/tokenizers/\($0)" }).map {
      work(repository.appending(path: $0), texts: 100_000)
    }
  }

  private static let repository = URL(filePath: #filePath).appending(path: "../../../../..").standardized

  private static func work(_ file: URL, texts count: Int) -> Work {
    Work(name: "tokenize/\(file.lastPathComponent)/\(count)") {
      let tokenizer: any Tokenizer =
        file.pathExtension == "json"
        ? try HuggingFaceTokenizer(path: file.path) : try SentencePieceTokenizer(path: file.path)
      let texts = try captions(count)
      return { _ = tokenizer.encode(batch: texts) }
    }
  }

  /// Captions from the names of the examples' data, in all its languages, the same for every contender.
  private static func captions(_ count: Int) throws -> [String] {
    let table = try String(
      contentsOf: repository.appending(path: "Examples/Data/names.tsv"), encoding: .utf8)
    let names = table.split(separator: "\n").dropFirst().enumerated().map { row, line in
      let names = line.split(separator: "\t").dropFirst()
      return names[names.startIndex + row % names.count]
    }
    return (0..<count).map { index in
      let (first, second, third) = (index * 7, index * 11, index * 13)
      return
        "A photo of \(names[first % names.count]), \(names[second % names.count]) and \(names[third % names.count])."
    }
  }
}
