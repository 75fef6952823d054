import Foundation

/// Shows how far long work has come: one line that is redrawn on a terminal, plain lines every few seconds elsewhere.
public final class Progress {
  private let label: String
  private let total: Int
  private let unit: String
  private let start = Date()
  private var done = 0
  private var lastShown = Date.distantPast
  private let isTerminal = isatty(STDERR_FILENO) != 0

  /// Work of `total` units, such as images or steps.
  public init(_ label: String, total: Int, unit: String) {
    self.label = label
    self.total = total
    self.unit = unit
  }

  /// Reports `count` more units done, and a remark such as the loss.
  public func advance(by count: Int = 1, _ remark: String = "") {
    done += count
    let now = Date()
    let interval = isTerminal ? 0.1 : 10
    guard done >= total || now.timeIntervalSince(lastShown) >= interval else { return }
    lastShown = now
    let elapsed = now.timeIntervalSince(start)
    let rate = Double(done) / max(elapsed, 1e-9)
    let left = Double(max(total - done, 0)) / max(rate, 1e-9)
    let share = total == 0 ? 1 : min(Double(done) / Double(total), 1)
    var line = "\(label) "
    if isTerminal {
      let filled = Int(share * 24)
      line += "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: 24 - filled) + "] "
    }
    line += "\(done)/\(total) \(unit), \(String(format: rate < 10 ? "%.1f" : "%.0f", rate))/s"
    line += done >= total ? ", took \(Progress.time(elapsed))" : ", \(Progress.time(left)) left"
    if !remark.isEmpty { line += ", \(remark)" }
    let ending = isTerminal ? (done >= total ? "\u{1B}[K\n" : "\u{1B}[K\r") : "\n"
    // Nobody may be there to read it, which is no reason to stop.
    try? FileHandle.standardError.write(contentsOf: Data((line + ending).utf8))
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
