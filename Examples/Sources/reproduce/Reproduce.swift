import ArgumentParser
@_exported import CommandSupport

/// Repeats studies of the SigLIP paper at a small scale, each with one command.
@main struct Reproduce: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reproduce",
    abstract: "Repeats studies of the SigLIP paper on emoji in 24 languages.",
    discussion: """
      reproduce list names the studies. A study trains many small models, as many at once as there are cores, and \
      writes tables, pictures with error bars and a verdict to OUTPUT/STUDY. Finished runs are kept in OUTPUT/runs: a study \
      that was stopped or killed goes on with the same command. Documentation/studies.md shows what came out.

      EXAMPLES
        reproduce initial-bias --quick
        reproduce initial-bias --seeds 5 --output runs/reproduce
        reproduce batch-size --budget 30
      """,
    subcommands: [ListStudies.self, PerformStudy.self, PerformRun.self], defaultSubcommand: PerformStudy.self)

  static func main() { runAsProgram() }

  /// All studies, in the order of the documentation.
  static let studies: [any Study] = [
    BatchSize(), InitialBias(), Negatives(), SecondMoment(), LabelNoise(), PretrainedTower(), Multilingual(),
    Optimizers(),
  ]
}

/// Names the studies.
struct ListStudies: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Names the studies, what they ask and what the paper found.")

  func run() throws {
    try printLines(
      Reproduce.studies.map { "\($0.name)\n  \($0.question)\n  The paper: \($0.claim)" }
        .joined(separator: "\n"))
  }
}
