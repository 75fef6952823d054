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
      Without arguments: trains on the embedded data in a few minutes and writes the trained model (model), config.json, \
      metrics.jsonl, measurements.jsonl, checkpoints, evaluation.json and report.html to runs/train-siglit. What the image \
      tower sees is kept beside it, in runs/features. Ctrl-C ends after the current \
      step and keeps what is learned; --resume goes on from the latest checkpoint, with the same options and data. --steps \
      and --threads may be others: the learning rate is then that of a run of so many steps. --allow KEY lets \
      another part of config.json be changed. siglip train does the same with the example siglit-emoji.

      Examples:
        train-siglit --loss softmax --output runs/softmax
        train-siglit --languages en,de,ja --steps 100
        train-siglit --learning-rate 2e-3 --validation
        train-siglit --output runs/long --steps 2000
        train-siglit --output runs/long --steps 2000 --resume
        train-siglit --output runs/long --steps 2000 --resume --learning-rate 5e-4 --allow optimizer.learningRate
      """)

  @Option(help: "Folder for the results.") var output = "runs/train-siglit"
  @Option(
    help: "Folder with images.safetensors, names.tsv, held_out.tsv, tokenizer.model and the tower's weights.")
  var data: String?
  @Option(help: "Seed of weights and batches.") var seed: UInt64 = 1
  @Option(help: "Optimizer steps.") var steps = standard.steps
  @Option(help: "Captions in a batch.") var batchSize = standard.batchSize
  @Option(help: "Largest learning rate.") var learningRate = standard.optimizer.learningRate
  @Option(help: "adamw, adafactor or lion.") var optimizer = standard.optimizer.kind
  @Option(help: "sigmoid or softmax.") var loss = PairObjective.sigmoid
  @Option(help: "Languages, joined by commas; all of them if not given.") var languages: String?
  @Option(help: "What products round their operands to: float32, bfloat16 or bfloat16x3.")
  var precision: MatmulPrecision?
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
    let communicator = try Launch.communicator(warn: printError)
    if let threads { Compute.threadCount = threads }
    let configuration = configuration
    let data = try EmojiData(
      folder: URL(filePath: folder), languages: configuration.data.sources[0].languages)
    let training = try SigLIPTraining(configuration, communicator: communicator)
    var evaluation: Evaluation?
    do {
      try training.run(
        start: resume ? .resuming : .replacing, allowing: Set(allowed), showsProgress: true, warn: printError
      ) { report in
        evaluation = try evaluate(configuration, validation ? data.forValidation : data, report: &report)
      }
    } catch let error as NonFiniteError {
      throw CommandError("\(error.sentence); a smaller --learning-rate may help")
    }
    if !communicator.isLeader { return }
    if let evaluation { try printLines(evaluation.table) }
    try printLines("results in \(output.shown): report.html shows them")
  }

  /// Evaluates the model that was written.
  private func evaluate(
    _ configuration: TrainingConfiguration, _ data: EmojiData, report: inout TrainingReport
  ) throws -> Evaluation {
    do {
      let embeddings = try EmojiEmbeddings(
        of: data,
        by: EvaluationModel(
          SigLIPCheckpoint(path: "\(output)/model"), cache: configuration.loader.featureCache ?? output))
      let evaluation = try Evaluation(data: data, embeddings)
      try evaluation.json().writeWhole(to: "\(output)/evaluation.json")
      report = Report(
        configuration: configuration, data: data, evaluation: evaluation, isOfValidation: validation,
        page: report
      ).page(embeddings)
      return evaluation
    } catch is Interrupted {
      throw Interrupted("stopped before the evaluation: the same command with --resume makes it")
    }
  }

  private var folder: String { data ?? Self.embeddedData }

  /// What is trained.
  var configuration: TrainingConfiguration {
    var configuration = Self.standard
    (configuration.output, configuration.seed) = (output, seed)
    (configuration.steps, configuration.batchSize) = (steps, batchSize)
    (configuration.optimizer.learningRate, configuration.optimizer.kind) = (learningRate, optimizer)
    configuration.schedule.warmUpSteps = min(configuration.schedule.warmUpSteps ?? 0, steps / 2)
    configuration.precision = precision
    configuration.loss.kind = loss
    if loss == .softmax {
      // No bias moves with the temperature; it was tuned at a slower pace, from where the sigmoid loss begins too.
      configuration.loss.temperature = 10
      configuration.optimizer.logitLearningRateMultiplier = 10
    }
    configuration.data.sources[0].path = folder
    configuration.data.sources[0].languages = languages?.split(separator: ",").map(String.init)
    configuration.model.image?.efficientNetLite0 = "\(folder)/efficientnet-lite0.safetensors"
    configuration.model.tokenizer = "\(folder)/tokenizer.model"
    configuration.loader.featureCache =
      URL(filePath: output).deletingLastPathComponent().appending(path: "features").path
    configuration.metrics.tensorBoard = tensorBoard
    return configuration
  }

  /// What is trained without options. Evaluation is the program's own.
  static let standard: TrainingConfiguration = {
    var configuration = try! TrainingConfiguration(Array(emojiTraining.utf8), name: "siglit-emoji")
    configuration.evaluation = EvaluationConfiguration()
    configuration.metrics.normsEvery = 10
    return configuration
  }()

  static func main() { runAsProgram() }

  /// The data that the package carries.
  static let embeddedData = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appending(
      path: "Data"
    ).path
}

extension OptimizerConfiguration.Kind: @retroactive ExpressibleByArgument {}
extension MatmulPrecision: @retroactive ExpressibleByArgument {}
extension PairObjective: @retroactive ExpressibleByArgument {}
