import ArgumentParser
// For all files of the command: those that the fuzzer reads too cannot import it themselves.
@_exported import CommandSupport
import Foundation
import SigLIPModel

/// Trains a text tower to name emoji in 24 languages beside a locked, pretrained image tower.
@main struct TrainSigLIT: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train-siglit",
    abstract: "Trains SigLiT on emoji and their names in 24 languages, beside a locked image tower.",
    discussion: """
      Without arguments: trains on the embedded data in a few minutes and writes config.json, metrics.jsonl, \
      measurements.jsonl, checkpoints, evaluation.json and report.html to runs/train-siglit. Ctrl-C ends after the current \
      step and keeps what is learned; --resume goes on from the latest checkpoint, with the same options and data. --steps \
      and --threads may be others: the learning rate is then that of a run of so many steps. --allow KEY lets \
      another part of config.json be changed.

      Examples:
        train-siglit --loss softmax --output runs/softmax
        train-siglit --languages en,de,ja --steps 100
        train-siglit --learning-rate 2e-3 --validation
        train-siglit --output runs/long --steps 2000
        train-siglit --output runs/long --steps 2000 --resume
        train-siglit --output runs/long --steps 2000 --resume --learning-rate 5e-4 --allow learningRate
      """)

  @Option(help: "Folder for the results.") var output = "runs/train-siglit"
  @Option(
    help: "Folder with images.safetensors, names.tsv, held_out.tsv, tokenizer.model and the tower's weights.")
  var data: String?
  @Option(help: "Seed of weights and batches.") var seed: UInt64 = 1
  @Option(help: "Optimizer steps.") var steps = Recipe.standard.steps
  @Option(help: "Captions in a batch.") var batchSize = Recipe.standard.batchSize
  @Option(help: "Largest learning rate.") var learningRate = Recipe.standard.learningRate
  @Option(help: "adamw or adafactor.") var optimizer = Recipe.standard.optimizer
  @Option(help: "sigmoid or softmax.") var loss = Recipe.standard.loss
  @Option(help: "Languages, joined by commas; all of them if not given.") var languages: String?
  @Option(help: "Threads; all cores if not given.") var threads: Int?
  @Flag(help: "Also write event files for TensorBoard, to the folder tensorboard of the output.")
  var tensorBoard = false
  @Flag(help: "Continue from the latest checkpoint in the output folder.") var resume = false
  @Flag(
    help:
      "Evaluate on captions that are there to choose options by, not on those that results are reported on."
  )
  var validation = false
  @Option(
    name: .customLong("allow"), parsing: .singleValue,
    help: "With --resume: a key of config.json whose value may be another one now; may be repeated.")
  var allowed: [String] = []

  func validate() throws {
    if !(1...1_000_000_000).contains(steps) {
      throw ValidationError("--steps \(steps): expected 1 to 1000000000")
    }
    if batchSize < 2 { throw ValidationError("--batch-size \(batchSize): expected at least 2") }
    if !(learningRate > 0 && learningRate.isFinite) {
      throw ValidationError("--learning-rate \(learningRate): expected a positive number")
    }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads \(threads): expected 1 to 1024")
    }
    if !allowed.isEmpty && !resume { throw ValidationError("--allow is for runs that go on, with --resume") }
    if output.isEmpty { throw ValidationError("--output: expected a folder, found nothing") }
    if let languages, languages.split(separator: ",").isEmpty {
      throw ValidationError("--languages \(languages): expected languages such as en,de,ja")
    }
  }

  func run() throws {
    Interruption.watch()
    if let threads { Compute.threadCount = threads }
    var recipe = Recipe.standard
    recipe.seed = seed
    recipe.steps = steps
    recipe.batchSize = batchSize
    recipe.learningRate = learningRate
    recipe.optimizer = optimizer
    recipe.loss = loss
    // Softmax has no bias to move with the temperature; it was tuned at a slower pace.
    if loss == .softmax { recipe.logitLearningRateMultiplier = 10 }
    recipe.languages = languages?.split(separator: ",").map(String.init)
    let run = TrainingRun(
      recipe: recipe, data: data.map { URL(filePath: $0) } ?? Self.embeddedData,
      output: URL(filePath: output),
      allowed: Set(allowed), writesEvents: tensorBoard, validates: validation)
    try printLines(run(resuming: resume).table)
    try printLines("results in \(output.shown): report.html shows them")
  }

  static func main() { runAsProgram() }

  /// The data that the package carries.
  static let embeddedData = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appending(
      path: "Data")
}

extension OptimizerKind: ExpressibleByArgument {}
extension LossKind: ExpressibleByArgument {}
