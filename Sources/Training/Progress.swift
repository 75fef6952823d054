import Foundation

/// Shows how far long work has come: one line that is redrawn on a terminal, plain lines every few seconds elsewhere.
public final class Progress {
  private let label: String
  private let start: Int
  private let total: Int
  private let unit: String
  private let console: Console
  private let began: Date
  private var done: Int
  private var lastShown = Date.distantPast

  /// Work of `total` units, such as images or steps.
  ///
  /// - Parameter start: Units that were done before, which say nothing about how fast it goes.
  public convenience init(_ label: String, from start: Int = 0, total: Int, unit: String) {
    self.init(label, from: start, total: total, unit: unit, on: .standardError)
  }

  package init(_ label: String, from start: Int = 0, total: Int, unit: String, on console: Console) {
    self.label = label
    self.start = start
    self.total = total
    self.unit = unit
    self.console = console
    began = console.now()
    done = start
  }

  /// Reports `count` more units done, and a remark such as the loss.
  public func advance(by count: Int = 1, _ remark: @autoclosure () -> String = "") {
    done += count
    let now = console.now()
    let interval = console.isTerminal ? 0.1 : 10
    guard done >= total || now.timeIntervalSince(lastShown) >= interval else { return }
    lastShown = now
    let line = line(elapsed: now.timeIntervalSince(began), remark())
    if console.isTerminal {
      // A line that is too long would be continued on the next one, and stay there.
      let visible = console.columns().map { String(line.prefix(max($0 - 1, 0))) } ?? line
      console.write(visible + "\u{1B}[K" + (done >= total ? "\n" : "\r"))
    } else {
      console.write(line + "\n")
    }
  }

  private func line(elapsed: Double, _ remark: String) -> String {
    let rate = Double(done - start) / max(elapsed, 1e-9)
    let left = Double(max(total - done, 0)) / max(rate, 1e-9)
    let share = total == 0 ? 1 : min(Double(done) / Double(total), 1)
    var line = "\(label) "
    if console.isTerminal {
      let filled = Int(share * 24)
      line += "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: 24 - filled) + "] "
    }
    line += "\(done)/\(total) \(unit), \(String(format: rate < 10 ? "%.1f" : "%.0f", rate))/s"
    line += done >= total ? ", took \(Progress.time(elapsed))" : ", \(Progress.time(left)) left"
    return remark.isEmpty ? line : line + ", \(remark)"
  }

  /// Seconds as `1:05` or `1:02:03`; more than a year is said so.
  public static func time(_ seconds: Double) -> String {
    guard seconds < 366 * 86_400 else { return "more than a year" }
    let whole = Int(max(seconds, 0).rounded())
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
    return hours > 0
      ? String(format: "%d:%02d:%02d", hours, minutes, rest) : String(format: "%d:%02d", minutes, rest)
  }
}

/// Metrics as ``Progress``: steps made, steps a second, the time left, and the last of some numbers.
///
///     training [######..................] 500/2000 steps, 12/s, 2:05 left, loss 0.6931, learning rate 0.001
public struct ProgressWriter: MetricsWriter {
  private let progress: Progress
  private let names: [String]
  private var step: Int
  private var shown: [String: Double] = [:]

  /// Progress of a run to step `lastStep`.
  ///
  /// - Parameters:
  ///   - step: Where the run goes on.
  ///   - names: The numbers that are shown, in this order.
  public init(
    _ label: String = "training", from step: Int = 0, to lastStep: Int, showing names: [String] = ["loss"]
  ) {
    self.init(label, from: step, to: lastStep, showing: names, on: .standardError)
  }

  package init(
    _ label: String, from step: Int, to lastStep: Int, showing names: [String], on console: Console
  ) {
    progress = Progress(label, from: step, total: lastStep, unit: "steps", on: console)
    self.names = names
    self.step = step
  }

  /// Shows the step; numbers that it does not have stay as they were.
  public mutating func write(_ metrics: StepMetrics) {
    for name in names {
      if let number = metrics.numbers[name] ?? metrics.measurements[name] { shown[name] = number }
    }
    progress.advance(by: metrics.step - step, remark)
    step = metrics.step
  }

  private var remark: String {
    names.compactMap { name in shown[name].map { "\(name) \(shortText($0))" } }.joined(separator: ", ")
  }
}

/// A number with four digits; one that is none has no sign.
func shortText(_ number: Double) -> String { number.isNaN ? "nan" : String(format: "%.4g", number) }

/// Where progress is shown, and by which clock.
package struct Console {
  let isTerminal: Bool
  /// Characters in a line, if it is known.
  let columns: () -> Int?
  let now: () -> Date
  let write: (String) -> Void

  package init(
    isTerminal: Bool, columns: @escaping () -> Int? = { nil }, now: @escaping () -> Date,
    write: @escaping (String) -> Void
  ) {
    (self.isTerminal, self.columns, self.now, self.write) = (isTerminal, columns, now, write)
  }

  package static var standardError: Console {
    Console(
      isTerminal: isatty(STDERR_FILENO) != 0,
      columns: {
        var size = winsize()
        let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return isKnown ? Int(size.ws_col) : nil
      }, now: { Date() },
      // Nobody may be there to read it, which is no reason to stop.
      write: { try? FileHandle.standardError.write(contentsOf: Data($0.utf8)) })
  }
}
