import Foundation
import Testing
import Training

/// A run whose files others read: with the folder `PAIRWISE_OBSERVED_RUN`, `.ci/run observing` has tensorboard read its
/// events and Chromium draw its report.
@Suite struct ObservedRunTests {
  private static let stepCount = 600
  private static let picture = Data(
    base64Encoded:
      "iVBORw0KGgoAAAANSUhEUgAAAAQAAAADCAIAAAA7ljmRAAAALUlEQVR42g3HQQEAMAgDsXOANRxgo3JwgLU66JZfgDS3jClQWrca"
      + "68dp33rseiWIEZVms97jAAAAAElFTkSuQmCC")!

  @Test func filesOfARun() throws {
    let asked = ProcessInfo.processInfo.environment["PAIRWISE_OBSERVED_RUN"]
    let folder =
      asked.map { URL(filePath: $0) }
      ?? FileManager.default.temporaryDirectory.appending(path: "run-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { if asked == nil { try? FileManager.default.removeItem(at: folder) } }
    func path(_ name: String) -> String { folder.appending(path: name).path }

    let (metrics, validation) = ObservedRunTests.course()
    let events = try TensorBoardWriter(folder: folder.appending(path: "events"))
    var writers: [any MetricsWriter] = [
      try JSONLinesWriter(path: path("metrics.jsonl")),
      try JSONLinesWriter(path: path("machine.jsonl"), of: \.measurements), events,
    ]
    for metrics in metrics {
      for index in writers.indices { try writers[index].write(metrics) }
    }
    for index in writers.indices { try writers[index].flush() }
    try ObservedRunTests.picture.writeWhole(to: path("picture.png"))
    var others = try TensorBoardWriter(folder: folder.appending(path: "events"))
    for step in [0, 1, 1 << 40] {
      try others.write(png: ObservedRunTests.picture, width: 4, height: 3, tag: "samples/é", step: step)
      try others.write(text: "step *\(step)*\n| 日本 |", tag: "notes", step: step)
    }
    try others.flush()

    let report = TrainingReport(
      title: "A run <that> never was", metrics: metrics, validation: validation,
      epochEnds: [150, 300, 450, 600],
      configuration: [("loss", "sigmoid"), ("batch", "256"), ("learning rate", "0.001")],
      units: ["examples per second": "1/s", "memory": "bytes"],
      introduction: "<p>Numbers as a training run has them, and some that none should have.</p>",
      sections: [.init(title: "Of the program", html: "<p>A section.</p>")])
    try Data(report.html().utf8).writeWhole(to: path("report.html"))

    #expect(try JSONLinesWriter.read(path: path("metrics.jsonl")).count == metrics.count)
    let names = try FileManager.default.contentsOfDirectory(atPath: path("events"))
    #expect(names.count == 2)
  }

  /// Noise, decades, a schedule, a hole, constants, and groups.
  private static func course() -> (metrics: [StepMetrics], validation: [StepMetrics]) {
    var random = Random(seed: 1)
    let noise = random.normal([stepCount, 6]).scalars.map { Double($0) }
    let schedule = Schedule(.cosine(), totalSteps: stepCount, warmUpSteps: 50)
    let metrics = (1...stepCount).map { step in
      func noisy(_ place: Int, _ share: Double) -> Double { exp(share * noise[(step - 1) * 6 + place]) }
      let x = Double(step)
      return StepMetrics(
        step: step,
        numbers: [
          "loss": (0.4 + 9 / (1 + x / 15)) * noisy(0, 0.08), "distance": 20 * exp(-x / 60) * noisy(1, 0.2),
          "learning rate": 1e-3 * Double(schedule(step)), "temperature t": 10 * (1 + x / 900),
          "hole": (200..<260).contains(step) ? .nan : sin(x / 40), "lost": .nan, "constant": 0.3,
          "norm/parameter/text": 60 + x / 40, "norm/parameter/image": 22,
          "norm/gradient/text": 0.8 * noisy(2, 0.3), "norm/gradient/image": 0.02 * noisy(3, 0.3),
          "norm/update/text": 0.01 * Double(schedule(step)) * noisy(4, 0.05), "norm/update/image": 1e-5,
        ],
        measurements: [
          "examples per second": 812 * noisy(5, 0.02), "memory": 3.2e9, "share of waiting": 0.01,
        ])
    }
    let validation = stride(from: 50, through: stepCount, by: 50).map { step in
      StepMetrics(
        step: step,
        numbers: ["loss": 0.55 + 9 / (1 + Double(step) / 15), "accuracy": 1 - exp(-Double(step) / 300)])
    }
    return (metrics, validation)
  }
}
