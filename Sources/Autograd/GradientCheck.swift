import Foundation

/// How well the gradients of a function agree with differences of its values.
public struct GradientCheck: CustomStringConvertible {
  /// Largest difference between the two, relative to the larger of the derivative's size and 1.
  public let error: Float
  /// The directional derivative from the tape and from differences, one pair for each direction tried.
  public let derivatives: [(tape: Float, differences: Float)]

  /// The pairs, a line each.
  public var description: String {
    derivatives.map { "tape \($0.tape), differences \($0.differences)" }.joined(separator: "\n")
  }
}

/// Compares the gradients of a function of your own with central differences of its values, in random directions.
///
/// Differences of `Float` values are good to about 1e-3: an error well above that is a wrong derivative. Choose inputs
/// away from kinks and poles.
///
/// - Parameters:
///   - inputs: Where to check.
///   - step: Length of the step in every direction.
///   - directions: Number of random directions.
///   - function: Maps variables of the inputs' values to one of any shape.
public func checkGradients(
  at inputs: [Tensor], step: Float = 1e-2, directions: Int = 4, seed: UInt64 = 0,
  of function: ([Variable]) -> Variable
) -> GradientCheck {
  var random = Random(seed: seed)
  var derivatives: [(tape: Float, differences: Float)] = []
  let leaves = inputs.map { Variable($0, requiresGradient: true) }
  let output = function(leaves)
  let weights = random.normal(output.shape)
  let found = gradients(of: (output * Variable(weights)).sum(), withRespectTo: leaves)
  func value(at step: Float, along direction: [Tensor]) -> Double {
    let moved = zip(inputs, direction).map { Variable($0 + $1 * step) }
    return withoutGradients {
      zip(function(moved).value.scalars, weights.scalars).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
  }
  for _ in 0..<directions {
    let direction = inputs.map { random.normal($0.shape) }
    let size = direction.reduce(Float(0)) { $0 + $1.sumOfSquares().item() }.squareRoot()
    let unit = direction.map { $0 / Swift.max(size, .leastNormalMagnitude) }
    let tape = zip(found, unit).reduce(Float(0)) { $0 + ($1.0.value * $1.1).sum().item() }
    let differences = (value(at: step, along: unit) - value(at: -step, along: unit)) / Double(2 * step)
    derivatives.append((tape, Float(differences)))
  }
  let scale = derivatives.reduce(Float(1)) { Swift.max($0, $1.tape.magnitude, $1.differences.magnitude) }
  let error = derivatives.reduce(Float(0)) { Swift.max($0, ($1.tape - $1.differences).magnitude) } / scale
  return GradientCheck(error: error, derivatives: derivatives)
}
