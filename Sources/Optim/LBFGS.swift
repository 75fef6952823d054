import Foundation

/// Minimises a smooth function of a vector, in double precision: L-BFGS (Liu and Nocedal 1989).
///
/// For problems that are small enough to be computed whole, such as a classifier on features, where scipy's
/// `minimize(method="L-BFGS-B")` would be used. Unlike an ``Optimizer`` it needs the exact gradient, and reaches the minimum.
public struct LBFGS: Sendable, Hashable {
  /// It ends when no derivative is larger than this.
  public var gradientTolerance: Double
  /// It ends after this many iterations.
  public var maximumIterations: Int
  /// Number of past steps that the curvature is estimated from.
  public var historySize: Int

  /// A minimiser.
  public init(gradientTolerance: Double = 1e-6, maximumIterations: Int = 1000, historySize: Int = 20) {
    if !(gradientTolerance >= 0) || maximumIterations < 0 || historySize < 1 {
      programmerError(
        "LBFGS: gradientTolerance \(gradientTolerance), maximumIterations \(maximumIterations), historySize \(historySize)"
      )
    }
    self.gradientTolerance = gradientTolerance
    self.maximumIterations = maximumIterations
    self.historySize = historySize
  }

  /// Where a minimisation ended.
  public struct Minimum: Sendable, Hashable {
    /// The best point found.
    public var point: [Double]
    /// The function there.
    public var value: Double
    /// The largest derivative there, regardless of sign.
    public var largestDerivative: Double
    /// Steps made.
    public var iterations: Int
    /// How often the function was computed.
    public var evaluations: Int
    /// Whether no derivative is larger than the tolerance. If not, iterations ran out, or rounding hides any descent.
    public var isConverged: Bool
  }

  /// Goes down from `start`.
  ///
  /// - Parameters:
  ///   - start: Where to begin; the function has to be finite there.
  ///   - function: Gives the function at a point and writes its gradient; elsewhere than at the start it may be infinite or
  ///     NaN, which is taken for too large.
  public func minimize(
    from start: [Double],
    _ function: (_ point: [Double], _ gradient: inout [Double]) throws -> Double
  ) rethrows -> Minimum {
    var evaluations = 0
    func evaluate(_ point: [Double]) throws -> Evaluation {
      var gradient = [Double](repeating: 0, count: point.count)
      evaluations += 1
      let value = try function(point, &gradient)
      return Evaluation(point: point, value: value.isNaN ? .infinity : value, gradient: gradient)
    }
    var current = try evaluate(start)
    var history = History(size: historySize)
    var iterations = 0
    while iterations < maximumIterations && current.largestDerivative > gradientTolerance {
      var direction = history.direction(of: current.gradient)
      if !(dot(direction, current.gradient) < 0) {
        history.removeAll()
        direction = current.gradient.map(-)
      }
      let length = dot(direction, direction).squareRoot()
      let search = LineSearch(start: current, direction: direction)
      guard let next = try search.run(firstStep: history.isEmpty ? min(1, 1 / length) : 1, evaluate) else {
        // The estimate of the curvature may be to blame; downhill it is worth one more attempt.
        if history.isEmpty { break }
        history.removeAll()
        continue
      }
      history.append(from: current, to: next)
      current = next
      iterations += 1
    }
    return Minimum(
      point: current.point, value: current.value, largestDerivative: current.largestDerivative,
      iterations: iterations, evaluations: evaluations,
      isConverged: current.largestDerivative <= gradientTolerance)
  }
}

/// A function and its gradient at a point.
private struct Evaluation {
  var point: [Double]
  var value: Double
  var gradient: [Double]

  var largestDerivative: Double { gradient.reduce(0) { $1.isNaN ? .infinity : max($0, abs($1)) } }
}

// MARK: - Curvature

/// The last steps and what they did to the gradient.
private struct History {
  private struct Pair {
    let step: [Double]
    let change: [Double]
    let product: Double
  }

  private let size: Int
  private var pairs: [Pair] = []

  init(size: Int) { self.size = size }

  var isEmpty: Bool { pairs.isEmpty }

  mutating func removeAll() { pairs = [] }

  mutating func append(from old: Evaluation, to new: Evaluation) {
    let step = zip(new.point, old.point).map { $0 - $1 }
    let change = zip(new.gradient, old.gradient).map { $0 - $1 }
    let product = dot(step, change)
    // Only what curves upwards keeps the estimate positive definite.
    if product > 1e-16 * dot(change, change) {
      if pairs.count == size { pairs.removeFirst() }
      pairs.append(Pair(step: step, change: change, product: product))
    }
  }

  /// Minus the estimated inverse of the Hessian times the gradient, by two loops over the pairs.
  func direction(of gradient: [Double]) -> [Double] {
    var result = gradient.map(-)
    var shares: [Double] = []
    for pair in pairs.reversed() {
      let share = dot(pair.step, result) / pair.product
      shares.append(share)
      addMultiple(-share, pair.change, to: &result)
    }
    if let last = pairs.last {
      let scale = last.product / dot(last.change, last.change)
      for place in result.indices { result[place] *= scale }
    }
    for (pair, share) in zip(pairs, shares.reversed()) {
      addMultiple(share - dot(pair.change, result) / pair.product, pair.step, to: &result)
    }
    return result
  }
}

private func dot(_ x: [Double], _ y: [Double]) -> Double {
  x.withUnsafeBufferPointer { x in
    y.withUnsafeBufferPointer { y in
      guard let first = x.baseAddress, let second = y.baseAddress else { return 0 }
      return dot(first, second, x.count)
    }
  }
}

private func addMultiple(_ factor: Double, _ x: [Double], to y: inout [Double]) {
  x.withUnsafeBufferPointer { x in
    y.withUnsafeMutableBufferPointer { y in
      guard let first = x.baseAddress, let sum = y.baseAddress else { return }
      addMultiple(factor, first, to: sum, x.count)
    }
  }
}

// MARK: - Line search

/// Looks along a direction for a step that leaves little of the slope.
///
/// Steps are judged by their slopes, of their values only that they are not above the start (the approximate conditions of
/// Hager and Zhang 2005): so the last digits of a minimum are reached, where all values are equal but for rounding.
private struct LineSearch {
  private struct Trial {
    let step: Double
    let slope: Double
    let evaluation: Evaluation
  }

  let start: Evaluation
  let direction: [Double]
  private let origin: Trial

  init(start: Evaluation, direction: [Double]) {
    self.start = start
    self.direction = direction
    origin = Trial(step: 0, slope: dot(start.gradient, direction), evaluation: start)
  }

  /// The step that was accepted; nothing where no step descends.
  func run(firstStep: Double, _ evaluate: ([Double]) throws -> Evaluation) rethrows -> Evaluation? {
    func attempt(_ step: Double) throws -> Trial {
      var point = start.point
      addMultiple(step, direction, to: &point)
      let evaluation = try evaluate(point)
      return Trial(step: step, slope: dot(evaluation.gradient, direction), evaluation: evaluation)
    }
    // The function still descends at `low`; somewhere before `high` it no longer does.
    var (low, high) = (origin, Trial?.none)
    var step = firstStep
    for _ in 0..<60 {
      let trial = try attempt(step)
      if isAccepted(trial) { return trial.evaluation }
      if trial.slope < 0 && !isAbove(trial) { low = trial } else { high = trial }
      guard let high else {
        step *= 2
        continue
      }
      step = LineSearch.stepBetween(low, high)
      if step == low.step || step == high.step { break }
    }
    return low.step > 0 ? low.evaluation : nil
  }

  /// Whether a value is above the start, by more than rounding may add.
  private func isAbove(_ trial: Trial) -> Bool {
    !(trial.evaluation.value <= start.value + 1e-14 * abs(start.value))
  }

  private func isAccepted(_ trial: Trial) -> Bool {
    !isAbove(trial) && abs(trial.slope) <= -0.9 * origin.slope
  }

  /// The minimum of the cubic through both values and slopes, or the middle where that is too near to one of them.
  private static func stepBetween(_ low: Trial, _ high: Trial) -> Double {
    let width = high.step - low.step
    let middle = low.step + width / 2
    let rise = high.evaluation.value - low.evaluation.value
    guard rise.isFinite && high.slope.isFinite else { return middle }
    let a = low.slope + high.slope - 3 * rise / width
    let square = a * a - low.slope * high.slope
    guard square >= 0 else { return middle }
    let root = square.squareRoot()
    let share = 1 - (high.slope + root - a) / (high.slope - low.slope + 2 * root)
    return share > 0.1 && share < 0.9 ? low.step + share * width : middle
  }
}
