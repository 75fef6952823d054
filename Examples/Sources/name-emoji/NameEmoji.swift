import ArgumentParser
import CommandSupport
import Foundation
import NN
import Optim

/// A character-level transformer that learns the names of emoji and makes up new ones: Pairwise without SigLIP.
final class CharacterModel: Module {
  let tokens: Embedding
  let positions: Parameter
  let encoder: TransformerEncoder
  let output: Linear
  private let mask: Tensor

  init(characters: Int, context: Int, width: Int, depth: Int, random: inout Random) {
    tokens = Embedding(count: characters, width: width, random: &random)
    positions = Parameter(random.normal([context, width], standardDeviation: 0.02))
    encoder = TransformerEncoder(width: width, depth: depth, heads: 4, random: &random)
    output = Linear(inputs: width, outputs: characters, random: &random)
    mask = .causalMask(queries: context)
  }

  /// Characters `[batch, context]` to logits of the next one `[batch, context, characters]`.
  func callAsFunction(_ x: IndexTensor) -> Variable {
    output(encoder(tokens(x) + positions.variable, mask: mask))
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
    let code = Dictionary(uniqueKeysWithValues: alphabet.enumerated().map { ($0.element, Int32($0.offset)) })
    let context = names.map(\.count).max()! + 1
    // A name between line breaks; what follows the second is not learned from.
    let rows = names.map {
      [0] + $0.map { code[$0]! } + Array(repeating: Int32(0), count: context - $0.count)
    }
    var random = Random(seed: seed)
    let model = CharacterModel(
      characters: alphabet.count, context: context, width: 96, depth: 2, random: &random)
    let optimizer = AdamW(
      model, learningRate: 2e-3, weightDecay: 0.01,
      schedule: Schedule(.cosine(), totalSteps: steps, warmUpSteps: min(20, steps / 2)),
      groups: [.decayOnlyKernels])
    for step in 0..<steps {
      let batch = (0..<batchSize).map { _ in random.nextInt(below: names.count) }
      let loss = loss(model, batch.map { (rows[$0], names[$0].count + 1) }, context: context)
      var gradients = loss.backward()
      optimizer.clipGlobalNorm(&gradients, to: 1)
      optimizer.step(gradients)
      if step % 50 == 0 || step == steps - 1 {
        try printLines(
          "step \(step + 1)/\(steps): \(String(format: "%.3f", loss.item() / Float(M_LN2))) bits per character"
        )
      }
    }
    for _ in 0..<samples { try printLines(makeUp(model, alphabet, context: context, &random).shown) }
  }

  /// Mean cross-entropy of the next character, over names and the line break after them.
  private func loss(_ model: CharacterModel, _ batch: [(row: [Int32], count: Int)], context: Int) -> Variable
  {
    let logits = model(IndexTensor(batch.flatMap { $0.row.prefix(context) }, shape: [batch.count, context]))
    let real = batch.enumerated().flatMap { index, name in (0..<name.count).map { index * context + $0 } }
    let next = batch.flatMap { $0.row[1...$0.count] }
    return crossEntropy(
      logits: logits.reshape([batch.count * context, -1]).take(IndexTensor(real), axis: 0),
      labels: IndexTensor(next))
  }

  private func makeUp(_ model: CharacterModel, _ alphabet: [Character], context: Int, _ random: inout Random)
    -> String
  {
    var row = [Int32](repeating: 0, count: context)
    var name = ""
    for place in 0..<context - 1 {
      let logits = withoutGradients { model(IndexTensor(row, shape: [1, context])).value }
      let odds = (logits[0][place] / temperature).softmax().scalars
      var left = random.uniform([]).item()
      let pick =
        odds.firstIndex {
          left -= $0; return left < 0
        } ?? 0
      if pick == 0 { break }
      name.append(alphabet[pick])
      row[place + 1] = Int32(pick)
    }
    return name
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
