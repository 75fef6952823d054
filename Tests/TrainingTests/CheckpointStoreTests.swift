import Foundation
import Optim
import Testing
import Training

@Suite final class CheckpointStoreTests {
  private let folder = FileManager.default.temporaryDirectory.appending(
    path: "checkpoints-\(UUID().uuidString)")

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func checkpoint(_ step: Int, loss: Double = 1) -> Checkpoint {
    var checkpoint = Checkpoint(step: step)
    checkpoint.add(["w": Tensor([Float(step), 0.1])], prefix: "model.")
    checkpoint.add(
      OptimizerStateDictionary(counts: ["step": 1 << 40 + step], tensors: ["w.m": Tensor([2])]),
      prefix: "optimizer.")
    checkpoint.metrics["loss"] = loss
    checkpoint.notes["data"] = "epoch \(step)\n\"quoted\""
    return checkpoint
  }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test func whatWasSavedComesBack() throws {
    let store = CheckpointStore(folder: folder.appending(path: "deeper/still"))
    #expect(try store.latest() == nil)
    #expect(try store.steps().isEmpty)
    try store.save(checkpoint(7))
    let found = try #require(try store.latest())
    #expect(found.step == 7 && found.metrics == ["loss": 1])
    #expect(found.notes == ["data": "epoch 7\n\"quoted\""])
    #expect(try found.tensors(prefix: "model.") == ["w": Tensor([7, 0.1])])
    let optimizer = try found.optimizerState(prefix: "optimizer.")
    #expect(optimizer.counts == ["step": 1 << 40 + 7] && optimizer.tensors == ["w.m": Tensor([2])])
    #expect(try store.checkpoint(atStep: 7).folder == found.folder)
  }

  @Test func theLastTheBestAndEveryTenthStay() throws {
    let store = CheckpointStore(
      folder: folder, retention: .init(last: 2, every: 10, best: .init("loss", isLargest: false)))
    for (step, loss) in [(3, 0.5), (10, 0.9), (14, 0.4), (15, .nan), (20, 0.8), (21, 0.7), (22, 0.6)] {
      try store.save(checkpoint(step, loss: loss))
    }
    #expect(try store.steps() == [10, 14, 20, 21, 22])
    #expect(
      try names() == [
        "latest", "step-00000010", "step-00000014", "step-00000020", "step-00000021", "step-00000022",
      ])
    let largest = CheckpointStore(
      folder: folder, retention: .init(last: 1, best: .init("loss", isLargest: true)))
    try largest.save(checkpoint(23, loss: 0))
    #expect(try largest.steps() == [10, 23])
  }

  /// A run goes on from an earlier checkpoint, and comes to the same steps again.
  @Test func stepsThatAreMadeAgainReplaceTheOldOnes() throws {
    let store = CheckpointStore(folder: folder, retention: .init(last: 3))
    for step in [5, 10, 15] { try store.save(checkpoint(step)) }
    try store.save(checkpoint(10, loss: 7))
    #expect(try store.steps() == [5, 10])
    #expect(try store.latest()?.metrics == ["loss": 7])
    try store.save(checkpoint(10, loss: 8))
    #expect(try store.latest()?.metrics == ["loss": 8])
    #expect(try store.steps() == [5, 10])
  }

  @Test(arguments: ["state.safetensors", "manifest.json", "SHA256SUMS"], ["flip", "cut", "remove", "empty"])
  func damageIsNamedAndTheOneBeforeFound(file: String, damage: String) throws {
    let store = CheckpointStore(folder: folder)
    try store.save(checkpoint(1))
    let place = try store.save(checkpoint(2)).appending(path: file)
    var bytes = try Data(contentsOf: place)
    switch damage {
    case "flip": bytes[bytes.count / 2] ^= 0x41
    case "cut": bytes.removeLast(5)
    case "empty": bytes = Data()
    default: break
    }
    if damage == "remove" {
      try FileManager.default.removeItem(at: place)
    } else {
      try bytes.write(to: place)
    }
    #expect {
      _ = try store.latest()
    } throws: {
      "\($0)".contains(file) && "\($0)".contains("step-00000002")
    }
    var reasons: [String] = []
    let found = try store.latest { reasons.append("\($0)") }
    #expect(found?.step == 1)
    #expect(reasons.count == 1 && reasons[0].contains(file))
  }

  /// Wherever a bit is wrong, in a number or a name, it is not read.
  @Test func noByteOfTheManifestIsTakenOnTrust() throws {
    let store = CheckpointStore(folder: folder)
    let place = try store.save(checkpoint(2)).appending(path: "manifest.json")
    let bytes = try Data(contentsOf: place)
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 1
      try damaged.write(to: place)
      #expect(throws: FileError.self) { try store.latest() }
    }
  }

  @Test func nothingWholeIsAnError() throws {
    let store = CheckpointStore(folder: folder)
    let place = try store.save(checkpoint(1)).appending(path: "manifest.json")
    try Data("{}".utf8).write(to: place)
    #expect(throws: FileError.self) { try store.latest { _ in } }
    #expect(throws: FileError.self) { try store.checkpoint(atStep: 9) }
  }

  /// What a process leaves that is killed while it writes, and between the writing and the pointer.
  @Test func whatIsNotFinishedIsNotRead() throws {
    let store = CheckpointStore(folder: folder, retention: .init(last: 5))
    try store.save(checkpoint(1))
    let files = FileManager.default
    let unfinished = folder.appending(path: ".unfinished-x")
    try files.createDirectory(at: unfinished, withIntermediateDirectories: true)
    try Data([1]).write(to: unfinished.appending(path: "state.safetensors"))
    try files.copyItem(
      at: folder.appending(path: "step-00000001"), to: folder.appending(path: "step-00000004"))
    #expect(try store.latest()?.step == 1)
    // Without a pointer the newest is tried, which is of another step than its name says.
    try files.removeItem(at: folder.appending(path: "latest"))
    #expect(throws: FileError.self) { try store.latest() }
    #expect(try store.latest { _ in }?.step == 1)
    try store.save(checkpoint(2))
    #expect(try names() == ["latest", "step-00000001", "step-00000002"])
  }

  /// A process that writes one checkpoint after another is killed at any moment, and another one goes on from there.
  @Test func aKilledProcessLeavesAWholeCheckpoint() async throws {
    let path = folder.path
    var last = 0
    for round in 0..<20 {
      await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, round = round as Int] in
        let store = CheckpointStore(folder: URL(filePath: path))
        let first = try store.latest()?.step ?? 0
        var random = Random(seed: UInt64(round))
        let delay = UInt32(random.nextInt(below: 40_000))
        for step in (first + 1)... {
          var checkpoint = Checkpoint(step: step)
          checkpoint.add(["w": .full([50_000], Float(step))])
          try store.save(checkpoint)
          // From the first one on, so that a busy machine comes to it too.
          if step == first + 1 {
            Thread {
              usleep(delay)
              kill(getpid(), SIGKILL)
            }.start()
          }
        }
      }
      let found = try #require(try CheckpointStore(folder: folder).latest())
      #expect(found.step > last)
      #expect(try found.tensors(prefix: "") == ["w": .full([50_000], Float(found.step))])
      last = found.step
    }
    #expect(last >= 20)
  }

  /// A disk without room: no file may grow beyond 4 KiB.
  @Test func aFullDiskLeavesWhatWasThere() async {
    await #expect(processExitsWith: .success) {
      let folder = FileManager.default.temporaryDirectory.appending(path: "full-\(UUID().uuidString)")
      let store = CheckpointStore(folder: folder)
      try store.save(Checkpoint(step: 1))
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      var large = Checkpoint(step: 2)
      large.add(["w": .zeros([10_000])])
      #expect {
        try store.save(large)
      } throws: {
        "\($0)".hasPrefix("Cannot write") && "\($0)".contains("File too large")
      }
      #expect(try store.latest()?.step == 1)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
          "latest", "step-00000001",
        ])
      try FileManager.default.removeItem(at: folder)
    }
  }

  @Test func aPlaceThatIsNoFolder() throws {
    try Data().write(to: folder)
    #expect(throws: FileError.self) { try CheckpointStore(folder: self.folder).save(self.checkpoint(1)) }
    #expect(throws: FileError.self) {
      try CheckpointStore(folder: self.folder.appending(path: "x")).save(self.checkpoint(1))
    }
  }
}
