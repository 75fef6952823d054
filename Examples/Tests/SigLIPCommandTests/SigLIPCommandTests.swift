import ArgumentParser
import Testing

@testable import siglip

@Suite struct SigLIPCommandTests {
  @Test func helpListsEverySubcommandWithItsPurpose() {
    let help = SigLIPCommand.helpMessage(columns: 200)
    #expect(help.contains("USAGE: siglip"))
    for command in SigLIPCommand.subcommands {
      #expect(!command.configuration.abstract.isEmpty)
      #expect(help.contains(command.configuration.abstract))
    }
  }
}
