import ArgumentParser

/// Uses SigLIP checkpoints from the command line; every subcommand has a file of its own.
@main struct SigLIPCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "siglip",
    abstract: "Compares images and texts with SigLIP checkpoints.",
    subcommands: subcommands)

  /// In the order in which the help lists them.
  static let subcommands: [any ParsableCommand.Type] = [Tokenize.self, Convert.self, Inspect.self]
}
