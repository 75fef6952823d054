import Foundation
import Testing
import Training

@Suite final class ProgressTests {
  private var now = Date(timeIntervalSince1970: 0)
  private var shown: [String] = []

  private func console(isTerminal: Bool, columns: Int? = nil) -> Console {
    Console(
      isTerminal: isTerminal, columns: { columns }, now: { [unowned self] in now },
      write: { [unowned self] in shown.append($0) })
  }

  @Test func aTerminalHasOneLine() {
    let progress = Training.Progress("reading", total: 240, unit: "files", on: console(isTerminal: true))
    now += 10
    progress.advance(by: 120)
    // Sooner than anybody could read it.
    now += 0.05
    progress.advance()
    now += 9.95
    progress.advance(by: 119, "the last")
    #expect(
      shown == [
        "reading [############............] 120/240 files, 12/s, 0:10 left\u{1B}[K\r",
        "reading [########################] 240/240 files, 12/s, took 0:20, the last\u{1B}[K\n",
      ])
  }

  /// What does not fit into it would stay on the screen.
  @Test func theLineIsNoLongerThanTheTerminal() {
    let progress = Training.Progress("é", total: 4, unit: "x", on: console(isTerminal: true, columns: 20))
    now += 1
    progress.advance()
    #expect(shown == ["é [######..........\u{1B}[K\r"])
    #expect(shown[0].prefix { $0 != "\u{1B}" }.count == 19)
  }

  @Test func elsewhereThereAreLines() {
    let progress = Training.Progress("", total: 3, unit: "steps", on: console(isTerminal: false))
    now += 1
    for _ in 0..<3 {
      progress.advance()
      now += 9
    }
    #expect(shown == [" 1/3 steps, 1.0/s, 0:02 left\n", " 3/3 steps, 0.2/s, took 0:19\n"])
  }

  @Test func ratesLeaveOutWhatWasDoneBefore() {
    var writer = ProgressWriter(
      "training", from: 900, to: 1000, showing: ["loss", "learning rate", "examples per second"],
      on: console(isTerminal: false))
    now += 20
    let numbers = ["learning rate": 1e-5, "other": 1]
    writer.write(StepMetrics(step: 902, numbers: numbers, measurements: ["examples per second": 7]))
    now += 20
    writer.write(StepMetrics(step: 904, numbers: ["loss": 0.693_147]))
    now += 960
    writer.write(StepMetrics(step: 1000, numbers: ["loss": -.nan]))
    #expect(
      shown == [
        "training 902/1000 steps, 0.1/s, 16:20 left, learning rate 1e-05, examples per second 7\n",
        "training 904/1000 steps, 0.1/s, 16:00 left, loss 0.6931, learning rate 1e-05, examples per second 7\n",
        "training 1000/1000 steps, 0.1/s, took 16:40, loss nan, learning rate 1e-05, examples per second 7\n",
      ])
  }

  @Test(arguments: [(0, "0:00"), (59.6, "1:00"), (3723, "1:02:03"), (4e7, "more than a year"), (-3, "0:00")])
  func times(_ seconds: Double, _ text: String) { #expect(Training.Progress.time(seconds) == text) }
}
