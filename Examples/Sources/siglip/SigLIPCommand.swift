import ArgumentParser
import Foundation

/// Uses SigLIP checkpoints from the command line; every subcommand has a file of its own.
@main struct SigLIPCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "siglip",
    abstract: "Compares images and texts with SigLIP checkpoints.",
    subcommands: subcommands)

  /// As ArgumentParser's, but an error is one line.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch  where exitCode(for: error).isSuccess || error is ExitCode {
      exit(withError: error)
    } catch {
      printError("Error: \(message(for: error))")
      Foundation.exit(max(exitCode(for: error).rawValue, 1))
    }
  }

  /// In the order in which the help lists them.
  static let subcommands: [any ParsableCommand.Type] = [
    Classify.self, Embed.self, IndexFolder.self, Search.self, Tokenize.self, Convert.self, Inspect.self,
  ]
}
