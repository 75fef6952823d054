/// How well the gradients of a function agree with differences of its values, input by input.
public struct GradientCheck: Sendable, CustomStringConvertible {
  /// What was found for one input.
  public struct Input: Sendable, CustomStringConvertible {
    /// Largest difference between a derivative from the tape and from differences, beyond what rounding explains, relative to
    /// the larger of the two; infinite where one is not finite.
    public let error: Float
    /// The derivatives from the tape and from differences, a pair for each direction tried.
    public let derivatives: [(tape: Float, differences: Float)]
    /// What rounding of the function's values does to the differences: smaller derivatives cannot be told from 0.
    public let rounding: Float

    /// The error, the rounding, and the pairs, a line each.
    public var description: String {
      let pairs = derivatives.map { "\n  tape \($0.tape), differences \($0.differences)" }
      return "error \(error), rounding \(rounding)" + pairs.joined()
    }
  }

  /// One for each input of the function.
  public let inputs: [Input]
  /// The largest error that passes.
  public let tolerance: Float

  /// The largest error of all inputs.
  public var error: Float { inputs.map(\.error).max() ?? 0 }

  /// Whether the gradients of all inputs are right as far as differences tell.
  public var passes: Bool { error <= tolerance }

  /// The verdict, then what was found for each input.
  public var description: String {
    let verdict = "gradients \(passes ? "pass" : "fail"): error \(error), tolerance \(tolerance)"
    return ([verdict] + inputs.enumerated().map { "input \($0): \($1)" }).joined(separator: "\n")
  }
}

/// Compares the gradients of a function of your own with central differences of its values; a test expects ``GradientCheck/passes``.
///
/// Each input is moved by itself: in random directions and, where it has at most 64 elements, along each of them. An
/// error is relative to the derivative's own size, so that neither a small gradient beside a large one nor that of a
/// mean over many elements goes unseen. Values are `Float`: derivatives below ``GradientCheck/Input/rounding`` are not
/// seen; make the function's values smaller, or the step longer. Choose inputs away from kinks and poles.
///
/// - Parameters:
///   - inputs: Where to check.
///   - step: How far each element moves, on average.
///   - directions: Number of random directions for each input.
///   - tolerance: The largest error that passes.
///   - function: Maps variables of the inputs' values to one of any shape. It may take gradients itself.
public func checkGradients(
  at inputs: [Tensor], step: Float = 1e-2, directions: Int = 4, tolerance: Float = 1e-2, seed: UInt64 = 0,
  of function: ([Variable]) -> Variable
) -> GradientCheck {
  if directions < 1 || !(step > 0) {
    programmerError(
      "checkGradients: \(directions) directions and a step of \(step), expected more than 0 each")
  }
  var random = Random(seed: seed)
  let leaves = inputs.map { Variable($0, requiresGradient: true) }
  let output = function(leaves)
  let weights = random.normal(output.shape)
  let found = gradients(of: (output * Variable(weights)).sum(), withRespectTo: leaves)
  let size = zip(output.value.scalars, weights.scalars).reduce(0.0) {
    let value = Double($1.0) * Double($1.1)
    return $0 + value * value
  }.squareRoot()
  // Eight roundings of the weighted values, as a difference over the shorter of two steps sees them.
  let rounding = 4 * Float.ulpOfOne * Float(size) / step

  /// The weighted sum of the values with one input moved. Recorded, as the function may take gradients.
  func value(_ position: Int, movedBy movement: Tensor) -> Double {
    let moved = inputs.enumerated().map {
      Variable($0 == position ? $1 + movement : $1, requiresGradient: true)
    }
    return zip(function(moved).value.scalars, weights.scalars).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }
  func difference(_ position: Int, along direction: Tensor, _ step: Float) -> Double {
    let movement = direction * step
    return (value(position, movedBy: movement) - value(position, movedBy: -movement)) / Double(2 * step)
  }
  func derivative(_ position: Int, along direction: Tensor) -> (tape: Float, differences: Float) {
    // Two steps together cancel the error of each that grows with its square.
    let differences =
      (4 * difference(position, along: direction, step / 2) - difference(position, along: direction, step))
      / 3
    return ((found[position].value * direction).sum().item(), Float(differences))
  }
  return GradientCheck(
    inputs: inputs.indices.map { position in
      let shape = inputs[position].shape
      let count = shape.elementCount
      if count == 0 { return GradientCheck.Input(error: 0, derivatives: [], rounding: rounding) }
      let dense = (0..<directions).map { _ in derivative(position, along: random.normal(shape)) }
      let single = (0..<(count <= 64 ? count : 0)).map { element in
        derivative(position, along: Tensor.oneHot(IndexTensor([element]), count: count).reshape(shape))
      }
      // A random direction may happen to lie across the gradient: they share one scale.
      let scale = dense.reduce(0) { Swift.max($0, larger(of: $1)) }
      let errors =
        dense.map { error(of: $0, relativeTo: scale, rounding) }
        + single.map { error(of: $0, relativeTo: larger(of: $0), rounding) }
      return GradientCheck.Input(
        error: errors.reduce(0, Swift.max), derivatives: dense + single, rounding: rounding)
    },
    tolerance: tolerance)
}

private func larger(of pair: (tape: Float, differences: Float)) -> Float {
  Swift.max(pair.tape.magnitude, pair.differences.magnitude)
}

/// The difference of a pair beyond what rounding explains, relative to a scale; infinite where a number is not finite.
private func error(
  of pair: (tape: Float, differences: Float), relativeTo scale: Float, _ rounding: Float
) -> Float {
  let difference = (pair.tape - pair.differences).magnitude
  guard difference.isFinite, rounding.isFinite else { return .infinity }
  return difference <= rounding ? 0 : (difference - rounding) / scale
}
