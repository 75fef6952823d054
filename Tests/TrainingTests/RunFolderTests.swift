import Foundation
import Optim
import Testing
import Training

@Suite struct RunFolderTests {
  private let folder = TemporaryFolder()

  private func open(
    _ start: RunFolder.Start, rate: Int = 1, allowing: Set<String> = [],
    warn: @escaping (String) -> Void = { _ in }
  ) throws -> RunFolder {
    try RunFolder(
      folder.url, configuration: RunConfiguration(["rate": rate]), start: start, allowing: allowing,
      warn: warn)
  }

  private func train(_ start: RunFolder.Start, until steps: Int) throws {
    try SmallTraining(run: open(start)).train(until: steps)
  }

  @Test func howARunBegins() throws {
    let none = #expect(throws: FileError.self) { try open(.resuming) }
    #expect(none?.description == "\(folder.url.path) has no checkpoint to go on from.")
    #expect(!FileManager.default.fileExists(atPath: folder.url.path))
    #expect(try open(.resumingIfAny).checkpoint == nil)
    try train(.new, until: 4)
    let config = try folder.bytes("config.json")
    #expect(String(decoding: config, as: UTF8.self) == "{\n  \"rate\" : 1\n}\n")

    // A run that is there is not lost by a slip.
    let there = #expect(throws: FileError.self) { try open(.new) }
    #expect(
      there?.description
        == "Cannot write \(folder.url.path): it holds a run of 4 steps; go on with that one, or choose "
        + "another folder.")
    #expect(try open(.resuming).checkpoint?.step == 4 && open(.resumingIfAny).checkpoint?.step == 4)
    var warnings: [String] = []
    #expect(try open(.replacing) { warnings.append($0) }.checkpoint == nil)
    #expect(warnings == ["\(folder.url.path): a run that was there is replaced"])
    #expect(!FileManager.default.fileExists(atPath: folder.path("metrics.jsonl")))
    #expect(try open(.new).checkpoints.steps() == [])
  }

  @Test func foldersAreMadeWhereTheyCan() throws {
    let output = folder.url.appending(path: "a/b/c/")
    func open(_ url: URL) throws { _ = try RunFolder(url) }
    func refusal(_ url: URL) -> String? { #expect(throws: FileError.self) { try open(url) }?.description }
    try open(output)
    try open(output)
    let file = folder.url.appending(path: "file")
    try Data("mine".utf8).write(to: file)
    #expect(refusal(file) == "Cannot write \(file.path): it is there and is not a folder.")
    #expect(refusal(file.appending(path: "a"))?.contains("Not a directory") ?? false)
    #expect(refusal(URL(filePath: "/proc/none"))?.hasPrefix("Cannot write /proc/none: ") ?? false)
    #expect(try Data(contentsOf: file) == Data("mine".utf8))
  }

  @Test func anotherConfigurationIsRefusedAndNothingChanged() throws {
    try train(.new, until: 4)
    let before = try folder.bytes("config.json")
    let error = #expect(throws: ConfigurationMismatch.self) { try open(.resuming, rate: 2) }
    #expect(error?.differences.map(\.description) == ["rate 1 (now 2)"])
    #expect(throws: UnknownConfigurationKey.self) { try open(.resuming, rate: 2, allowing: ["rat"]) }
    #expect(try folder.bytes("config.json") == before)
    var warnings: [String] = []
    let run = try open(.resuming, rate: 2, allowing: ["rate"]) { warnings.append($0) }
    #expect(run.checkpoint?.step == 4)
    #expect(warnings == ["going on with another value, as allowed: rate 1 (now 2)"])
    #expect(try folder.bytes("config.json") != before)
  }

  @Test func onlyOneAtATimeHasTheFolder() throws {
    let run = try open(.new)
    let error = #expect(throws: FileError.self) { try open(.resumingIfAny) }
    #expect(
      error?.description
        == "Cannot write \(folder.url.path): process \(getpid()) is writing there; wait for its end or "
        + "choose another.")
    withExtendedLifetime(run) {}
  }

  @Test func aDamagedCheckpointIsPassedOver() throws {
    try train(.new, until: 4)
    let state = folder.url.appending(path: "checkpoints/step-00000004/state.safetensors")
    var bytes = try Data(contentsOf: state)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: state)
    var warnings: [String] = []
    #expect(try open(.resuming) { warnings.append($0) }.checkpoint?.step == 2)
    #expect(warnings.count == 1 && warnings[0].contains("step-00000004/state.safetensors"))
    // The steps are made again, and are the same.
    try train(.resuming, until: 4)
    #expect(try open(.resuming).checkpoint?.step == 4)
    #expect(
      try JSONLinesWriter.read(path: folder.path("metrics.jsonl")).map(\.step) == [1, 2, 3, 4])
  }

  @Test(arguments: [
    "data position", "course", "finite steps", "logged step", "configuration", "kept/noise",
  ])
  func aCheckpointThatLacksSomethingIsRefused(note: String) throws {
    try train(.new, until: 2)
    let store = CheckpointStore(folder: folder.url.appending(path: "checkpoints"))
    let found = try #require(try store.latest())
    let impossible = [
      "data position": [#"{"epoch":9223372036854775807,"sample":9}"#, #"{"epoch":0,"sample":-1}"#],
      "finite steps": [
        #"{"policy":{"stop":{}},"skippedCount":3,"skippedInARow":0}"#,
        #"{"policy":{"stop":{}},"skippedCount":2,"skippedInARow":-1}"#,
      ],
      "logged step": ["-1", "3"],
    ]
    for damaged in [nil, "?", "{}", "[-1]"] + (impossible[note] ?? []) {
      var checkpoint = Checkpoint(step: 2)
      checkpoint.add(try found.tensors(prefix: "model."), prefix: "model.")
      checkpoint.add(try found.optimizerState(prefix: "optimizer.0."), prefix: "optimizer.0.")
      checkpoint.add(try found.optimizerState(prefix: "average."), prefix: "average.")
      checkpoint.notes = found.notes
      checkpoint.notes[note] = damaged
      try store.save(checkpoint)
      #expect(throws: (any Error).self, "\(note): \(damaged ?? "missing")") {
        try train(.resuming, until: 4)
      }
    }
  }
}
