import Foundation
import Optim
import Testing
import Training

@Suite final class MetricsWriterTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "metrics-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private var path: String { folder.appending(path: "metrics.jsonl").path }

  private func text() throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
  }

  private func line(_ step: Int) -> StepMetrics {
    StepMetrics(step: step, numbers: ["loss": 1 / Double(step)])
  }

  @Test func linesAreReadBackToTheLastBit() throws {
    var writer = try JSONLinesWriter(path: path)
    let numbers = [
      "b": 0.1, "a": -1e-300, "norm/\"x\"\n": 3, "huge": 1.7976931348623157e308, "nothing": .nan,
    ]
    try writer.write(StepMetrics(step: 1, numbers: numbers))
    try writer.write(line(2))
    #expect(
      try text() == """
        {"step":1,"a":-1e-300,"b":0.1,"huge":1.7976931348623157e+308,"norm\\/\\"x\\"\\n":3.0,"nothing":null}
        {"step":2,"loss":0.5}

        """)
    let found = try JSONLinesWriter.read(path: path)
    #expect(found.map(\.step) == [1, 2])
    #expect(found[0].numbers["nothing"]!.isNaN)
    #expect(found[0].numbers.filter { !$0.value.isNaN } == numbers.filter { !$0.value.isNaN })
  }

  /// A run that goes on from step 2 makes step 3 again, of which half a line is there.
  @Test func aRunThatGoesOnMakesLaterLinesAgain() throws {
    var writer = try JSONLinesWriter(path: path)
    for step in 1...3 { try writer.write(line(step)) }
    let whole = try text()
    try Data(whole.utf8.dropLast(7)).write(to: URL(filePath: path))
    var again = try JSONLinesWriter(path: path, keepingSteps: 2)
    try again.write(line(3))
    #expect(try text() == whole)
    _ = try JSONLinesWriter(path: path)
    #expect(try text() == "")
  }

  @Test(
    arguments: [
      ("{\"step\":1}\n{\"step\":1}\n", "line 2"), ("{\"step\":1}\n{\"st", "line 2"),
      ("{\"step\":1}\n", "ends at step 1"),
      ("{\"step\":1,\"a\":\"x\"}\n{\"step\":2}\n", "line 1 is damaged: a is"), ("", "ends at step 0"),
    ])
  func damageIsNamed(_ contents: String, _ part: String) throws {
    try Data(contents.utf8).write(to: URL(filePath: path))
    #expect {
      _ = try JSONLinesWriter(path: self.path, keepingSteps: 2)
    } throws: {
      "\($0)".contains(part)
    }
    #expect(try text() == contents)
  }

  /// The bytes that the package tensorboard 2.20 writes of the same events.
  @Test func eventsAreThoseOfTensorBoard() throws {
    let time = Date(timeIntervalSince1970: 1.5e9)
    var writer = try TensorBoardWriter(folder: folder.appending(path: "events"), now: { time })
    try writer.write(StepMetrics(step: 300, numbers: ["norm/é": -3, "loss": 0.25]))
    try writer.write(text: "a *b*", tag: "note", step: 301)
    try writer.write(png: Data([0x89, 0x50, 0x4e, 0x47]), width: 3, height: 2, tag: "picture", step: 1 << 40)
    try writer.flush()
    #expect(writer.path.contains("/events/events.out.tfevents.1500000000."))
    let golden =
      "GAAAAAAAAACjf0siCQAAAMALWtZBGg1icmFpbi5FdmVudDoyTKmkZCsAAAAAAAAAhhvDSwkAAADAC1rWQRCsAiodCg"
      + "sKBGxvc3MVAACAPgoOCgdub3JtL8OpFQAAQMDaM0phPgAAAAAAAADZ0kDnCQAAAMALWtZBEK0CKjAKLgoRbm90ZS90"
      + "ZXh0X3N1bW1hcnlCDwgHEgQSAggBQgVhICpiKkoICgYKBHRleHSNQq+FKwAAAAAAAACGG8NLCQAAAMALWtZBEICAgI"
      + "CAICoZChcKB3BpY3R1cmUiDAgCEAMYAyIEiVBOR/aG6h0="
    #expect(try Data(contentsOf: URL(filePath: writer.path)).base64EncodedString() == golden)
  }

  @Test func whatCannotBeWrittenLeavesWholeLines() async {
    await #expect(processExitsWith: .success) {
      let path = FileManager.default.temporaryDirectory.appending(path: "lines-\(UUID().uuidString)").path
      var writer = try JSONLinesWriter(path: path)
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 40, rlim_max: 40)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      try writer.write(StepMetrics(step: 1, numbers: ["loss": 0.5]))
      #expect(throws: FileError.self) {
        try writer.write(StepMetrics(step: 2, numbers: ["a long name": 0.5]))
      }
      try writer.write(StepMetrics(step: 2))
      #expect(try JSONLinesWriter.read(path: path).map(\.step) == [1, 2])
      unlink(path)
    }
  }
}
