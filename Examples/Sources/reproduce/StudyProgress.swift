import CommandSupport
import SigLIPModel

extension StudyRun {
  /// About how long it takes on one processor, in seconds of an AMD EPYC (Zen 5): steps, captions and pairs. Only the
  /// order of runs and the time that is told to be left depend on it.
  var work: Double {
    let batch = Double(configuration.batchSize)
    // What is not locked sees the pixels of every image.
    let side = configuration.towers.image.training == .locked ? 0 : configuration.model.image?.imageSize ?? 0
    let perPair = 8e-5 + 2.5e-6 * Double(side * side)
    return 1.2 + Double(configuration.steps) * (1e-3 + perPair * batch + 5e-9 * batch * batch)
  }
}

// Not with Foundation, which has a Progress too.

/// How far the runs of a study have come.
final class StudyProgress {
  private let progress: Progress
  private let total: Double
  private let count: Int
  private var done = (work: 0.0, runs: 0, percent: 0)

  /// - Parameter runs: Those that are to be made, a later stage's aside.
  init(_ name: String, _ runs: [StudyRun]) {
    progress = Progress(name, total: 100, unit: "% of the work")
    (total, count) = (runs.reduce(0) { $0 + $1.work }, runs.count)
  }

  func finished(_ run: StudyRun) {
    done.work += run.work
    done.runs += 1
    let percent = done.runs == count ? 100 : Int(100 * done.work / total)
    progress.advance(by: percent - done.percent, "\(done.runs) of \(count) runs: \(run.name)")
    done.percent = percent
  }

  /// Seconds as `1:05`.
  static func time(_ seconds: Double) -> String { Progress.time(seconds) }
}
