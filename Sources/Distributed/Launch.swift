import Foundation
import Optim

/// The processes that a program was started with.
///
///     let communicator = try Launch.communicator()
public enum Launch {
  /// Made once, by the first thread that asks for it.
  nonisolated(unsafe) private static var known: (any Communicator)?

  /// The communicator of this process: MPI's if `mpirun` or the like started it, with threads for its share of the machine;
  /// a process of its own otherwise. Call it from the main thread.
  ///
  /// - Parameter warn: Told, on the leader, of what makes all slow.
  /// - Throws: ``CommunicationError``, also when the program was built without MPI.
  public static func communicator(warn: (String) -> Void = { _ in }) throws -> any Communicator {
    if let known { return known }
    let communicator = try start(warn)
    known = communicator
    return communicator
  }

  /// Ends what ``communicator(warn:)`` began; all processes have to.
  public static func end() {
    #if MPI
      try? (known as? MPICommunicator)?.end()
    #endif
  }

  /// Ends all processes because of an error, which is told in one line.
  ///
  /// What all ranks find at once the leader tells alone: it ends the others before they do.
  ///
  /// - Returns: Where this process is alone.
  public static func fail(_ line: String, print: (String) -> Void) {
    guard let known, known.size > 1 else { return }
    if !known.isLeader { Thread.sleep(forTimeInterval: 3) }
    print("rank \(known.rank): \(line)")
    known.abort()
  }

  /// Whether this process speaks for all.
  public static var isLeader: Bool { known?.isLeader ?? true }

  /// Ends this process with a status, which all come to at about the same time; those that do not are ended.
  public static func leave(status: Int32) -> Never {
    if let known, known.size > 1 {
      known.patience = .seconds(5)
      do { try known.barrier() } catch { known.abort() }
      end()
    }
    exit(status)
  }

  /// How many processes a launcher says that there are; nil where none does.
  private static var launchedSize: Int? {
    let environment = ProcessInfo.processInfo.environment
    // Open MPI, MPICH and what is made of it; Slurm's own launcher, which names a rank alone where MPI can be.
    var names = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"]
    if environment["PMIX_RANK"] != nil { names.append("SLURM_STEP_NUM_TASKS") }
    return names.lazy.compactMap { environment[$0] }.first.flatMap { Int($0) }
  }

  private static func start(_ warn: (String) -> Void) throws -> any Communicator {
    guard let size = launchedSize else { return SingleProcess() }
    #if MPI
      let communicator = try MPICommunicator()
      if communicator.size != size {
        throw CommunicationError(
          "the launcher started \(size) processes, but \(MPICommunicator.library) knows \(communicator.size): is it another "
            + "library's launcher?")
      }
      shareProcessors(communicator, warn)
      return communicator
    #else
      if size == 1 { return SingleProcess() }
      throw CommunicationError(
        "it was started as one of \(size) processes, but built without MPI: build it with --traits MPI")
    #endif
  }

  #if MPI
    /// Takes as many threads as the rank has processors for itself.
    private static func shareProcessors(_ communicator: MPICommunicator, _ warn: (String) -> Void) {
      let all = sysconf(Int32(_SC_NPROCESSORS_ONLN))
      let allowed = Compute.processorCount
      let share = max(1, all / communicator.localSize)
      // A rank that may run everywhere shares with all others of its machine.
      let threads = allowed >= all ? min(share, Compute.threadCount) : min(allowed, Compute.threadCount)
      if communicator.isLeader && allowed < share {
        warn(
          "of \(all) processors each process may use \(allowed), processes on this machine: \(communicator.localSize); "
            + "mpirun --map-by slot:PE=\(share) --bind-to core gives each \(share)")
      }
      Compute.threadCount = threads
    }
  #endif
}
