import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel

/// Trains or fine-tunes a model as a file says.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains or fine-tunes a model on images and captions.",
    discussion: """
      A JSON file says what: data, model, towers, loss, optimizer, steps. siglip train --example list names ready ones, and \
      siglip train --example NAME prints one to begin with; README.md explains every key. The output folder gets the \
      trained model (model), metrics.jsonl, evaluation.json, report.html and checkpoints. Ctrl-C ends after the current \
      step and keeps what is learned; --resume goes on, to the same bytes as without the stop. Started by mpirun, all \
      processes train together, if the program was built with the trait MPI: see Documentation/distributed.md.

      EXAMPLES
        siglip train --example scratch > photos.json
        siglip train --config photos.json --dry-run
        siglip train --config photos.json --set steps=500 --set optimizer.learningRate=1e-4
        siglip train --config photos.json --resume
        siglip index photos --model runs/scratch/model --output photos.index
        siglip search photos.index "a dog on a beach"
      """)

  @Option(help: "The configuration.", completion: .file(extensions: ["json"])) var config: String?
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp(
      "Another value for a key of the configuration; may be repeated.", valueName: "key=value"))
  var settings: [String] = []
  @Flag(help: "Go on from the output folder's latest checkpoint.") var resume = false
  @Option(
    name: .customLong("allow"), parsing: .singleValue,
    help: "With --resume: a key of the configuration whose value may be another one now; may be repeated.")
  var allowed: [String] = []
  @Flag(help: "Make no step: open all samples, print sizes and memory, and write the first batch as a page.")
  var dryRun = false
  @Option(help: "Print a ready configuration; list names them.") var example: String?
  @Option(help: "Threads; all cores if not given.") var threads: Int?

  func validate() throws {
    if (config == nil) == (example == nil) {
      throw ValidationError("expected --config FILE, or --example NAME to begin with")
    }
    if example != nil && (resume || dryRun || !allowed.isEmpty) {
      throw ValidationError("--example prints a configuration, and goes with --set alone")
    }
    if !allowed.isEmpty && !resume { throw ValidationError("--allow is for runs that go on, with --resume") }
    if dryRun && resume { throw ValidationError("--dry-run and --resume do not go together") }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads \(threads): expected 1 to 1024")
    }
  }

  func run() throws {
    if let example { return try printLines(TrainingExample.text(named: example, settings: settings)) }
    Interruption.watch()
    let communicator = try Launch.communicator(warn: printError)
    if let threads { Compute.threadCount = threads }
    let training = try SigLIPTraining(
      TrainingConfiguration(path: config ?? "", settings: settings), communicator: communicator)
    let output = training.configuration.output
    if dryRun {
      if !communicator.isLeader { return try communicator.waitForLeader() }
      defer { try? communicator.waitForLeader() }
      let result = try training.dryRun()
      try printLines(result.lines)
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
      try Data(result.page.utf8).writeWhole(to: output + "/first-batch.html")
      return try printLines("the first batch: \(output.shown)/first-batch.html")
    }
    let evaluation = try training.run(
      start: resume ? .resuming : .new, allowing: Set(allowed), showsProgress: true, warn: printError)
    if !communicator.isLeader { return }
    if let evaluation { try printLines(evaluation.table(title: "evaluation")) }
    try printLines("the model is in \(output.shown)/model; \(output.shown)/report.html shows the run")
  }
}
