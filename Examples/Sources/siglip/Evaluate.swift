import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel

/// Measures how good a model is; every task is a subcommand.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures how good a model is at classification, retrieval and more.",
    discussion: """
      Data are what siglip train reads: a table, a folder of classes, shards, IDX files, the emoji, Crossmodal-3600's \
      captions.jsonl; as a path, a JSON object such as '{"path": "DATA", "split": "compositions"}', or a .json file with one.

      The output folder gets evaluation.json, evaluation.html with pictures of right and wrong answers, and damaged.tsv where \
      samples were left out. Intervals are those of 95% of 2000 bootstrap samples of the images. An answer that scores as \
      much as a wrong one is wrong.

      EXAMPLES
        siglip evaluate zero-shot --model siglip-base-patch16-224 --data imagenet/val --classes names.txt --output zero-shot
        siglip evaluate retrieval --model runs/photos/model --data held-out.csv --output retrieval
        siglip evaluate few-shot --model runs/fashion/model --train fashion/train.json --data fashion/test.json --output few
      """,
    subcommands: [
      EvaluateZeroShot.self, EvaluateRetrieval.self, EvaluateMultiLabel.self, EvaluateFewShot.self,
      EvaluateProbe.self, EvaluateNeighbors.self, EvaluateCalibration.self,
    ])
}

/// Options of all tasks.
struct EvaluationOptions: ParsableArguments {
  @OptionGroup var model: ModelOptions
  @Option(help: "The images to evaluate on.") var data: String
  @Option(help: "The folder of the results; it is made.", completion: .directory) var output: String
  @Option(
    help:
      "The folder in which what the image tower sees is kept; \"features\" beside the output if not given.",
    completion: .directory)
  var cache: String?
  @Option(help: "At most so many images of each data set, from all parts of it.") var maximumImages: Int?
  @Option(help: "How many pictures the page shows.") var pictures = EvaluationSettings().pictures
  @Option(help: "What random choices depend on.") var seed = EvaluationSettings().seed
  @Option(help: "The share of damaged samples above which nothing is evaluated.") var maximumDamagedShare =
    0.01
  @Option(help: "Threads; all cores if not given.") var threads: Int?

  func validate() throws {
    if let maximumImages, maximumImages < 1 {
      throw ValidationError("--maximum-images \(maximumImages): expected at least 1")
    }
    if !(0...1000).contains(pictures) { throw ValidationError("--pictures \(pictures): expected 0 to 1000") }
    if !(0...1).contains(maximumDamagedShare) {
      throw ValidationError("--maximum-damaged-share \(maximumDamagedShare): expected 0 to 1")
    }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads \(threads): expected 1 to 1024")
    }
  }

  /// The images that an option names.
  func source(_ text: String) throws -> any ImageTextSource {
    try SourceConfiguration(describedBy: text).images().spread(maximum: maximumImages ?? .max)
  }

  /// Evaluates, writes the results and prints them.
  ///
  /// - Parameters:
  ///   - settings: What else decided the results.
  ///   - makeTask: Opens the data.
  func run(settings: [(name: String, value: String)] = [], _ makeTask: () throws -> any EvaluationTask) throws
  {
    Interruption.watch()
    if let threads { Compute.threadCount = threads }
    try checkOutputFolder(output, option: "--output")
    var task = try makeTask()
    task.settings.pictures = pictures
    task.settings.seed = seed
    let beside = URL(filePath: output).deletingLastPathComponent().appending(path: "features").path
    let evaluated = try EvaluationModel(
      model.computing.checkpoint(path: model.model), cache: cache ?? beside,
      options: ImageReadingOptions(transparency: model.computing.background.transparency),
      batchSize: model.computing.batchSize, maximumDamagedShare: maximumDamagedShare)
    var result = try task.run(on: evaluated)
    result.settings = [("model", model.model), ("data", data)] + settings
    try result.write(to: output)
    try printLines(result.lines().map(\.shown).joined(separator: "\n"))
    try printLines("\(output.shown)/evaluation.html shows right and wrong answers")
    if !result.damaged.isEmpty {
      printError("\(result.damaged.count) damaged samples were left out: \(output)/damaged.tsv")
    }
  }
}

/// Which classes there are.
struct ClassOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A file with the name of a class on each line: in the order of folders or labels, or which captions are classes.",
      valueName: "file"),
    completion: .file())
  var classes: String?

  func labeled(_ source: any ImageTextSource) throws -> LabeledImages {
    try LabeledImages(source, classes: classes.map { try lines(of: $0) })
  }
}

/// What is said of classes.
struct TemplateOptions: ParsableArguments {
  /// Well-known lists of templates.
  enum Known: String, ExpressibleByArgument, CaseIterable {
    case openai80, openai7, name

    var templates: PromptTemplates {
      switch self {
      case .openai80: .openAI80
      case .openai7: .openAI7
      case .name: .name
      }
    }
  }

  @Option(help: "OpenAI's templates for ImageNet, or the names alone.") var templates = Known.openai80
  @Option(
    help: "A sentence with {} where the name of a class goes, in place of those; may be given several times.")
  var template: [String] = []

  func validate() throws {
    for sentence in template where !sentence.contains("{}") {
      throw ValidationError("--template \"\(sentence)\": expected {} where the name of a class goes")
    }
  }

  var prompts: PromptTemplates {
    get throws { template.isEmpty ? templates.templates : try PromptTemplates(template) }
  }

  var settings: [(name: String, value: String)] {
    [("templates", template.isEmpty ? templates.rawValue : template.joined(separator: " | "))]
  }
}
