import Foundation
import Optim
import Testing
import Training

@Suite struct KilledTrainingTests {
  private let folder = TemporaryFolder()

  /// Training of so many steps that it is killed in the middle of them.
  private static let steps = 600

  private static func open(_ path: String) throws -> RunFolder {
    try RunFolder(URL(filePath: path), start: .resumingIfAny)
  }

  /// A process that trains is killed at any moment, 24 times, some while it saves, and goes on each time with other threads
  /// and workers: it ends with the bytes of one that never stopped.
  @Test func aRunThatIsKilledAgainAndAgainIsTheSameRun() async throws {
    let path = folder.path("killed")
    var killedWhileSaving = 0
    var reached: [Int] = []
    for round in 0..<24 {
      await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, round = round as Int] in
        Compute.threadCount = 1 + round % 4
        let training = try SmallTraining(run: KilledTrainingTests.open(path), workers: round % 3)
        var random = Random(seed: UInt64(round))
        // After some steps, so that a busy machine goes on too, and some time, so that it may be anywhere in one.
        var steps = 1 + random.nextInt(below: 10)
        let delay = UInt32(random.nextInt(below: 20_000))
        training.trainer.writers.append(
          Callback { _ in
            steps -= 1
            if steps != 0 { return }
            Thread {
              usleep(delay)
              kill(getpid(), SIGKILL)
            }.start()
          })
        try training.train(until: KilledTrainingTests.steps)
        pause()
      }
      let names = (try? FileManager.default.contentsOfDirectory(atPath: path + "/checkpoints")) ?? []
      if names.contains(where: { $0.hasPrefix(".unfinished") }) { killedWhileSaving += 1 }
      reached.append(
        try CheckpointStore(folder: URL(filePath: path + "/checkpoints")).latest()?.step ?? 0)
    }
    #expect(reached == reached.sorted() && Set(reached).count > 8, "\(reached)")
    #expect(reached[23] < KilledTrainingTests.steps, "\(reached)")
    #expect(killedWhileSaving > 0)

    try SmallTraining(run: KilledTrainingTests.open(path)).train(until: KilledTrainingTests.steps)
    try SmallTraining(run: KilledTrainingTests.open(folder.path("whole"))).train(
      until: KilledTrainingTests.steps)
    let last = "checkpoints/step-00000600"
    for name in ["metrics.jsonl", "\(last)/state.safetensors", "\(last)/manifest.json", "config.json"] {
      #expect(try folder.bytes("killed/\(name)") == folder.bytes("whole/\(name)"), "\(name)")
    }
    #expect(try folder.bytes("killed/metrics.jsonl").split(separator: 10).count == KilledTrainingTests.steps)
  }

  /// Ctrl-C and SIGTERM: the step is finished and saved, and the program ends by the signal's status.
  @Test(arguments: [(SIGINT as Int32, 130 as Int32), (SIGTERM as Int32, 143 as Int32)])
  func aSignalEndsARunAfterAStep(
    number: Int32, status: Int32
  )
    async throws
  {
    let path = folder.path("run")
    await #expect(processExitsWith: .exitCode(status)) {
      [path = path as String, number = number as Int32] in
      Interruption.watch()
      let training = try SmallTraining(
        run: KilledTrainingTests.open(path), settings: .init(gradientNorm: 1, saveEvery: 1000))
      training.trainer.writers.append(
        Callback {
          guard $0.step == 7 else { return }
          kill(getpid(), number)
          // Another thread may have it.
          while !Interruption.isRequested { usleep(100) }
        })
      do {
        try training.train(until: KilledTrainingTests.steps)
      } catch let interrupted as Interrupted {
        precondition(
          interrupted.description == "stopped after step 7 of 600: \(path)/checkpoints holds it",
          interrupted.description)
        exit(interrupted.exitStatus)
      }
    }
    #expect(try KilledTrainingTests.open(path).checkpoint?.step == 7)
  }

  /// The second signal ends the program at once, whatever it does.
  @Test(arguments: [(SIGINT as Int32, SIGINT as Int32), (SIGTERM, SIGINT), (SIGINT, SIGTERM)])
  func theSecondSignalEndsItAtOnce(first: Int32, second: Int32) async {
    await #expect(processExitsWith: .signal(second)) { [first = first as Int32, second = second as Int32] in
      Interruption.watch()
      kill(getpid(), first)
      // At the first moment that it can be known.
      while Interruption.signal != first {}
      kill(getpid(), second)
      sleep(5)
      exit(1)
    }
  }

  /// A disk without room ends the run with one line, and what was saved before stays.
  @Test func aFullDiskLeavesTheLastCheckpoint() async throws {
    let path = folder.path("run")
    try SmallTraining(run: KilledTrainingTests.open(path)).train(until: 4)
    await #expect(processExitsWith: .success) { [path = path as String] in
      signal(SIGXFSZ, SIG_IGN)
      let training = try SmallTraining(
        run: KilledTrainingTests.open(path), settings: .init(gradientNorm: 1, saveEvery: 50))
      var limit = rlimit(rlim_cur: 3000, rlim_max: 3000)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      do {
        try training.train(until: KilledTrainingTests.steps)
        exit(1)
      } catch let error as FileError {
        precondition(error.kind == .unwritable && error.description.contains("File too large"), "\(error)")
      }
    }
    #expect(try KilledTrainingTests.open(path).checkpoint?.step == 4)
    // Every line that is there is whole.
    _ = try JSONLinesWriter.read(path: path + "/metrics.jsonl")
    try SmallTraining(run: KilledTrainingTests.open(path)).train(until: 8)
  }
}
