/// What a step's time goes to.
enum Part: String, CaseIterable {
  /// Forward and backward passes of both towers.
  case towers
  /// Comparing images with texts.
  case loss
  /// Waiting for texts, for their gradients and for what belongs together.
  case texts
  /// Waiting for the sums of parameters' gradients, and adding them.
  case gradients
  /// Clipping and the optimizer.
  case update
}

/// The time of a rank; by symmetry that of all.
struct Clock {
  private(set) var now = 0.0
  private(set) var spent: [Part: Double] = [:]

  /// Lets time pass.
  mutating func spend(_ seconds: Double, _ part: Part) {
    now += seconds
    spent[part, default: 0] += seconds
  }

  /// Lets time pass until a moment, if it is not over.
  mutating func wait(until moment: Double, _ part: Part) { spend(max(0, moment - now), part) }
}
