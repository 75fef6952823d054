import Foundation

/// Another process of this program. Foundation's `Process` does not say at once when one has ended.
final class ChildProcess {
  /// How it ended.
  enum End: Equatable {
    case exit(Int)
    case signal(Int)
  }

  let identifier: pid_t
  private(set) var end: End?

  /// Starts this program with arguments and further environment variables; what it writes to standard error goes to a file.
  init(arguments: [String], environment: [String: String], standardError: String) throws {
    let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
    let variables = ProcessInfo.processInfo.environment.merging(environment) { own, _ in own }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, standardError, O_WRONLY | O_CREAT, 0o600)
    var words = ([program] + arguments).map { strdup($0) } + [nil]
    var settings = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + settings { free(text) } }
    var identifier: pid_t = 0
    let failure = posix_spawn(&identifier, program, &actions, nil, &words, &settings)
    if failure != 0 { throw FuzzError("cannot run \(program): \(String(cString: strerror(failure)))") }
    self.identifier = identifier
  }

  /// Whether it goes on; asks the system.
  func isRunning() -> Bool {
    if end == nil { wait(WNOHANG) }
    return end == nil
  }

  /// Ends it, if it has not ended by itself.
  func stop() {
    if !isRunning() { return }
    kill(identifier, SIGKILL)
    wait(0)
  }

  private func wait(_ options: Int32) {
    var status: Int32 = 0
    guard waitpid(identifier, &status, options) == identifier else { return }
    end = status & 0x7F == 0 ? .exit(Int(status >> 8 & 0xFF)) : .signal(Int(status & 0x7F))
  }

  deinit { stop() }
}
