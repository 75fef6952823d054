import ArgumentParser
import CommandSupport
import Foundation
import NN
import Optim

/// A small GPT that learns the names of emoji, character by character, and makes up new ones: Pairwise without SigLIP.
final class CharacterModel: Module {
  let tokens: Embedding
  let positions: Parameter
  let encoder: TransformerEncoder
  let output: Linear

  /// One more number than `characters` stands for nothing.
  init(characters: Int, context: Int, width: Int, depth: Int, random: inout Random) {
    tokens = Embedding(count: characters + 1, width: width, random: &random)
    positions = Parameter(random.normal([context, width], standardDeviation: 0.02))
    encoder = TransformerEncoder(width: width, depth: depth, heads: 4, random: &random)
    output = Linear(inputs: width, outputs: characters, random: &random)
  }

  /// Characters `[batch, count]` to logits of the next one `[batch, count, characters]`.
  func callAsFunction(_ x: IndexTensor) -> Variable {
    let count = x.shape[1]
    return output(encoder(tokens(x) + positions.variable[..<count], mask: .causalMask(queries: count)))
  }

  /// Mean cross-entropy of the next character.
  func loss(_ rows: IndexTensor) -> Variable {
    let logits = self(rows[0..., ..<(-1)])
    return crossEntropy(logits: logits, labels: rows[0..., 1...], ignoredLabel: logits.shape[2])
  }

  /// Characters until a line break.
  func draw(atMost count: Int, temperature: Float, _ random: inout Random) -> [Int] {
    var codes = [0]
    repeat {
      let logits = withoutGradients { self(IndexTensor(codes, shape: [1, codes.count])).value[0, -1] }
      codes.append(random.categorical(logits: logits / temperature).item())
    } while codes[codes.count - 1] != 0 && codes.count < count
    return codes.filter { $0 != 0 }
  }
}

@main struct NameEmoji: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "name-emoji",
    abstract: "Learns the English names of emoji, character by character, and makes up more.")

  @Option(help: "A tab-separated file with a column of names.") var data: String?
  @Option(help: "Which column.") var language = "en"
  @Option(help: "Optimizer steps.") var steps = 300
  @Option(help: "Names in a batch.") var batchSize = 64
  @Option(help: "Names to make up.") var samples = 10
  @Option(help: "Below 1: more likely names; above 1: bolder ones.") var temperature: Float = 0.7
  @Option(help: "Seed of weights, batches and names.") var seed: UInt64 = 1

  func validate() throws {
    if !(1...1_000_000_000).contains(steps) {
      throw ValidationError("--steps \(steps): expected 1 to 1000000000")
    }
    if !(1...65_536).contains(batchSize) {
      throw ValidationError("--batch-size \(batchSize): expected 1 to 65536")
    }
    if samples < 0 { throw ValidationError("--samples \(samples): expected at least 0") }
    if !(temperature > 0 && temperature.isFinite) {
      throw ValidationError("--temperature \(temperature): expected a positive number")
    }
  }

  static func main() { runAsProgram() }

  func run() throws {
    let names = try readNames()
    let alphabet = ["\n"] + Set(names.joined()).sorted()
    let rows = NameEmoji.rows(of: names, alphabet)
    let context = rows.shape[1] - 1
    var random = Random(seed: seed)
    let model = CharacterModel(
      characters: alphabet.count, context: context, width: 96, depth: 2, random: &random)
    let optimizer = AdamW(
      model, learningRate: 2e-3, weightDecay: 0.01,
      schedule: Schedule(.cosine(), totalSteps: steps, warmUpSteps: min(20, steps / 2)),
      groups: [.decayOnlyKernels])
    for step in 0..<steps {
      let batch = rows[IndexTensor((0..<batchSize).map { _ in random.nextInt(below: names.count) })]
      let loss = model.loss(batch)
      var gradients = loss.backward()
      guard optimizer.clipGlobalNorm(&gradients, to: 1).isFinite else {
        throw CommandError(
          "step \(step + 1): training has diverged, with loss \(loss.item()) and a gradient that is not finite"
        )
      }
      optimizer.step(gradients)
      if step % 50 == 0 || step == steps - 1 {
        try printLines(
          "step \(step + 1)/\(steps): \(String(format: "%.3f", loss.item() / Float(M_LN2))) bits per character"
        )
      }
    }
    for _ in 0..<samples {
      let codes = model.draw(atMost: context, temperature: temperature, &random)
      try printLines(String(codes.map { alphabet[$0] }).shown)
    }
  }

  /// Each name between line breaks, filled up with what stands for nothing.
  static func rows(of names: [String], _ alphabet: [Character]) -> IndexTensor {
    let code = Dictionary(uniqueKeysWithValues: alphabet.enumerated().map { ($0.element, $0.offset) })
    let length = names.map(\.count).max()! + 2
    let rows = names.map { name in
      [0] + name.map { code[$0]! } + [0] + Array(repeating: alphabet.count, count: length - name.count - 2)
    }
    return IndexTensor(rows.flatMap(\.self), shape: [names.count, length])
  }

  private func readNames() throws -> [String] {
    let embedded = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Data/names.tsv").path
    let path = data ?? embedded
    let table = try readText(path).split(separator: "\n").map {
      $0.split(separator: "\t", omittingEmptySubsequences: false)
    }
    guard let column = table.first?.firstIndex(where: { $0 == language }) else {
      throw ValidationError("\(path): no column \(language)")
    }
    let names = table.dropFirst().compactMap {
      $0.count > column && !$0[column].isEmpty ? String($0[column]) : nil
    }.filter { $0.count <= 40 }
    guard !names.isEmpty else {
      throw ValidationError("\(path): no names of at most 40 characters in column \(language)")
    }
    return names
  }
}
