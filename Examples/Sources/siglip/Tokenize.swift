import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel

/// Token ids of the lines of standard input.
struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the token ids of texts.",
    discussion: """
      Reads lines from standard input and writes one JSON array of ids for each. Rows are what the text tower gets: \
      prepared, ended, cut or padded to the context length. The tokenizer is a checkpoint's directory, a SentencePiece \
      .model, a Hugging Face tokenizer.json or CLIP's bpe_simple_vocab_16e6.txt.gz.

      Examples:
        echo "a photo of a cat" | siglip tokenize --tokenizer siglip-base-patch16-224
        siglip tokenize --tokenizer tokenizer.model --raw < captions.txt > ids.jsonl
      """)

  @Option(help: "A checkpoint's directory, or a tokenizer file.", completion: .file())
  var tokenizer: String
  @Option(help: "What happens to case and punctuation; by default what the checkpoint's own code does.")
  var mode: PunctuationMode?
  @Option(help: "Ids in a row; by default what the checkpoint says, else 64 (CLIP: 77).")
  var context: Int?
  @Flag(help: "The tokenizer's own ids alone: text as it is, nothing at the ends, no padding.")
  var raw = false

  func validate() throws {
    if let context, !(2...65536 ~= context) {
      throw ValidationError("--context \(context): expected 2 to 65536")
    }
    if raw && (mode != nil || context != nil) {
      throw ValidationError("--raw takes neither --mode nor --context")
    }
  }

  func run() throws {
    let encoder = try TextEncoder(
      path: tokenizer, contextLength: context, punctuation: raw ? PunctuationMode.none : mode)
    let lines = LineReader(.standardInput)
    while let batch = try lines.next() {
      let rows = raw ? encoder.tokenizer.encode(batch: batch) : encoder.rows(batch)
      if try !printBytes(Tokenize.jsonLines(rows)) { return }
    }
  }

  /// One JSON array a line.
  private static func jsonLines(_ rows: [[Int32]]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(rows.reduce(0) { $0 + 8 * $1.count + 4 })
    for row in rows {
      text.append(UInt8(ascii: "["))
      for (index, id) in row.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        text += String(id).utf8
      }
      text += [UInt8(ascii: "]"), UInt8(ascii: "\n")]
    }
    return text
  }
}

extension PunctuationMode: @retroactive ExpressibleByArgument {}

/// Reads lines in batches; what is not UTF-8 is repaired.
private final class LineReader {
  private static let chunkBytes = 1 << 20
  /// A longer line is no text.
  private static let maximumLineBytes = 1 << 26
  private let file: FileHandle
  private var rest = Data()
  private var isAtEnd = false

  init(_ file: FileHandle) { self.file = file }

  /// The lines that the next part of the file completes; nil at its end.
  func next() throws -> [String]? {
    while !isAtEnd {
      let chunk = try read()
      isAtEnd = chunk.isEmpty
      let lineBreak = chunk.lastIndex(of: UInt8(ascii: "\n"))
      let end =
        isAtEnd
        ? rest.count : lineBreak.map { rest.count + chunk.distance(from: chunk.startIndex, to: $0) + 1 } ?? 0
      rest += chunk
      if rest.count - end > LineReader.maximumLineBytes {
        throw CommandError("standard input: a line of more than \(LineReader.maximumLineBytes >> 20) MiB")
      }
      if end == 0 { continue }
      var lines = rest[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      // What follows the last line break is no line.
      if rest[end - 1] == UInt8(ascii: "\n") { lines.removeLast() }
      rest = Data(rest[end...])
      return lines.map { String(decoding: $0, as: UTF8.self) }
    }
    return nil
  }

  private func read() throws -> Data {
    do { return try file.read(upToCount: LineReader.chunkBytes) ?? Data() } catch {
      throw CommandError("cannot read standard input: \(reason(of: error))")
    }
  }
}
