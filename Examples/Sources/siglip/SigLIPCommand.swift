import ArgumentParser
// For all files of the command: those that the fuzzer reads too cannot import it themselves.
@_exported import CommandSupport

/// Uses SigLIP checkpoints from the command line; every subcommand has a file of its own.
@main struct SigLIPCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "siglip",
    abstract: "Trains SigLIP models, and compares images and texts with them.",
    subcommands: subcommands)

  static func main() { runAsProgram() }

  /// In the order in which the help lists them.
  static let subcommands: [any ParsableCommand.Type] = [
    Train.self, Evaluate.self, Classify.self, Embed.self, IndexFolder.self, Search.self, Tokenize.self,
    Convert.self,
    Inspect.self,
  ]
}
