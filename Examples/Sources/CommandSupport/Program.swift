import ArgumentParser
import Foundation
@_exported import Training

extension ParsableCommand {
  /// As ArgumentParser's `main`, but for what strangers, scripts and pipes need: an error is one line on standard error
  /// and status 1 to 127, an interruption is status 130 or 143, whatever is printed is on its way or missed, and a reader of
  /// standard output that has seen enough (`| head -1`) is no error.
  public static func runAsProgram() -> Never {
    StandardStreams.prepare()
    do {
      var command = try parseAsRoot()
      // An environment variable that does not fit ends the program here, before anything is made.
      _ = (Compute.instructionSet, Compute.threadCount, Compute.matmulPrecision)
      try command.run()
      Launch.end()
      Foundation.exit(0)
    } catch let interrupted as Interrupted {
      if Launch.isLeader { printError(interrupted.description) }
      Launch.leave(status: interrupted.exitStatus)
    } catch is LeaderStopped {
      Launch.leave(status: 1)
    } catch let code as ExitCode {
      Foundation.exit(code.rawValue)
    } catch  where exitCode(for: error).isSuccess {
      // Help and versions: only these have several lines.
      exit(withError: error)
    } catch {
      let isFoundations = [NSCocoaErrorDomain, NSPOSIXErrorDomain].contains((error as NSError).domain)
      let lines = (isFoundations ? reason(of: error) : message(for: error)).split(whereSeparator: \.isNewline)
      let line = "Error: \(lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " "))"
      Launch.fail(line, print: printError)
      printError(line)
      Foundation.exit(min(max(exitCode(for: error).rawValue, 1), 127))
    }
  }
}
