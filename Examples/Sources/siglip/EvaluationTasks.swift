import ArgumentParser
import CommandSupport
import SigLIPModel

struct EvaluateZeroShot: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "zero-shot",
    abstract: "Classifies images by the names of classes alone.",
    discussion: """
      Classes are folders, labels of IDX files, or captions. A class is the mean of the embeddings of its name in all \
      templates: OpenAI's 80 unless others are asked for.
      """)

  @OptionGroup var options: EvaluationOptions
  @OptionGroup var classes: ClassOptions
  @OptionGroup var templates: TemplateOptions

  func run() throws {
    try options.run(settings: templates.settings) {
      ZeroShotTask(
        images: try classes.labeled(options.source(options.data)), templates: try templates.prompts)
    }
  }
}

struct EvaluateRetrieval: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retrieval",
    abstract: "Lets images and captions find each other, in each language.",
    discussion: """
      Images may have several captions, and captions several images. Of several languages each is a search of its own, and \
      the results are their means.
      """)

  @OptionGroup var options: EvaluationOptions

  func run() throws { try options.run { RetrievalTask(source: try options.source(options.data)) } }
}

struct EvaluateMultiLabel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "multi-label",
    abstract: "Ranks images by the probability of each class: mean average precision.",
    discussion: "An image may belong to several classes, which are its captions, or to none.")

  @OptionGroup var options: EvaluationOptions
  @OptionGroup var classes: ClassOptions
  @OptionGroup var templates: TemplateOptions

  func run() throws {
    try options.run(settings: templates.settings) {
      MultiLabelTask(
        images: try classes.labeled(options.source(options.data)), templates: try templates.prompts)
    }
  }
}

struct EvaluateFewShot: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "few-shot",
    abstract: "Classifies images by a linear regression on a few of each class.",
    discussion: """
      As in big_vision: features of the image tower, not brought to length 1, a closed form with an l2 penalty of 2^10, and \
      the mean over choices of images. With --validation the penalty is chosen among 1, 2^5, 2^10 and 2^15.
      """)

  @OptionGroup var options: EvaluationOptions
  @OptionGroup var training: TrainingDataOptions
  @Option(help: "Images that the penalty is chosen on, as --data.") var validation: String?
  @Option(help: "Images of each class, numbers with commas.") var shots = "1,5,10,25"
  @Option(help: "How often images are chosen.") var choices = 3

  func validate() throws {
    _ = try shotCounts
    if !(1...1000).contains(choices) { throw ValidationError("--choices \(choices): expected 1 to 1000") }
  }

  private var shotCounts: [Int] {
    get throws {
      let counts = shots.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
      guard counts.allSatisfy({ $0.map { (1...1 << 20).contains($0) } ?? false }),
        Set(counts).count == counts.count
      else {
        throw ValidationError("--shots \(shots): expected different numbers from 1 on, such as 1,5,10,25")
      }
      return counts.compactMap { $0 }
    }
  }

  func run() throws {
    try options.run(settings: training.settings) {
      var task = FewShotTask(
        training: try training.labeled(options), validation: try training.labeled(options, validation),
        images: try training.classes.labeled(options.source(options.data)), shots: try shotCounts)
      task.choices = choices
      return task
    }
  }
}

struct EvaluateProbe: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Classifies images by logistic regression on many.",
    discussion: """
      As in CLIP: features of the image tower, L-BFGS, the regularization that does best on --validation, or else on a fifth \
      of the training images, and a last fit to both.
      """)

  @OptionGroup var options: EvaluationOptions
  @OptionGroup var training: TrainingDataOptions
  @Option(help: "Images that the regularization is chosen on, as --data.") var validation: String?
  @Option(help: "The most steps of a fit.") var iterations = 1000

  func validate() throws {
    if !(1...1_000_000).contains(iterations) {
      throw ValidationError("--iterations \(iterations): expected 1 to 1000000")
    }
  }

  func run() throws {
    try options.run(settings: training.settings) {
      var task = ProbeTask(
        training: try training.labeled(options), validation: try training.labeled(options, validation),
        images: try training.classes.labeled(options.source(options.data)))
      task.minimizer.maximumIterations = iterations
      return task
    }
  }
}

struct EvaluateNeighbors: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "neighbors",
    abstract: "Classifies images by the training images that resemble them most.",
    discussion:
      "Votes are weighted as in the evaluation of DINO; a table compares them with a plain majority.")

  @OptionGroup var options: EvaluationOptions
  @OptionGroup var training: TrainingDataOptions
  @Option(help: "How many neighbors vote.") var neighbors = 20

  func run() throws {
    try options.run(settings: training.settings) {
      NeighborsTask(
        training: try training.labeled(options),
        images: try training.classes.labeled(options.source(options.data)), neighbors: neighbors)
    }
  }
}

struct EvaluateCalibration: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibration",
    abstract: "Compares the probabilities of pairs with how many of them belong together.",
    discussion: """
      Pairs are images and captions of one language; with --classes, or where images have labels, images and classes. A \
      model knows how many pairs belong together from the batches that it was trained on: where more or fewer do, its \
      probabilities are too low or too high.
      """)

  @OptionGroup var options: EvaluationOptions
  @OptionGroup var classes: ClassOptions
  @OptionGroup var templates: TemplateOptions
  @Option(help: "Bins of probabilities, of equal width.") var bins = 15

  func validate() throws {
    if !(1...1000).contains(bins) { throw ValidationError("--bins \(bins): expected 1 to 1000") }
  }

  func run() throws {
    try options.run(settings: templates.settings) {
      let source = try options.source(options.data)
      let hasClasses = classes.classes != nil || source is any LabeledSource
      var task = CalibrationTask(
        hasClasses ? .classes(try classes.labeled(source), try templates.prompts) : .captions(source))
      task.binCount = bins
      return task
    }
  }
}

/// What a classifier learns from.
struct TrainingDataOptions: ParsableArguments {
  @Option(help: "The images that a classifier learns from, as --data.") var train: String
  @OptionGroup var classes: ClassOptions

  var settings: [(name: String, value: String)] { [("training data", train)] }

  func labeled(_ options: EvaluationOptions) throws -> LabeledImages {
    try classes.labeled(options.source(train))
  }

  /// Images for another purpose, if there are any.
  func labeled(_ options: EvaluationOptions, _ data: String?) throws -> LabeledImages? {
    try data.map { try classes.labeled(options.source($0)) }
  }
}
