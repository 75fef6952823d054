/// What clipping found and did.
public struct GradientClipping: Sendable, Hashable {
  /// Length of all measured gradients together, before; infinite or NaN where an element is.
  public let norm: Double
  /// What they were multiplied by; 1 where nothing was changed.
  public let factor: Float

  /// Whether all elements were finite. Where not, nothing was changed: the step is better left out.
  public var isFinite: Bool { norm.isFinite }
  /// Whether the gradients were too long.
  public var isClipped: Bool { factor != 1 }
}

/// Scales the gradients of the parameters of several optimizers by one factor, so that their common length is at most
/// `maximum`, as optax's `clip_by_global_norm` and PyTorch's `clip_grad_norm_`.
///
/// Frozen parameters and gradients of others neither count nor change, and a parameter of two optimizers counts once.
/// The length is measured in double precision. If it is not finite, no factor would help, and nothing is changed:
///
///     guard clipGlobalNorm(&gradients, of: [towers, temperature], to: 1).isFinite else { continue }
///
/// - Parameter maximum: At least 0; traps otherwise.
@discardableResult
public func clipGlobalNorm(
  _ gradients: inout Gradients, of optimizers: [any Optimizer], to maximum: Float
) -> GradientClipping {
  clipGlobalNorm(&gradients, of: optimizers.flatMap(\.updatedParameters), to: maximum)
}

/// Scales the gradients of some parameters by one factor, so that their common length is at most `maximum`; see
/// ``clipGlobalNorm(_:of:to:)-(_,[any Optimizer],_)``.
@discardableResult
public func clipGlobalNorm(
  _ gradients: inout Gradients, of parameters: [Parameter], to maximum: Float
) -> GradientClipping {
  if !(maximum >= 0) { programmerError("clipGlobalNorm: a maximum of \(maximum), expected at least 0") }
  let parameters = trained(parameters)
  let norm = globalNorm(of: gradients, parameters)
  guard norm.isFinite, norm > Double(maximum) else { return GradientClipping(norm: norm, factor: 1) }
  let factor = Float(Double(maximum) / norm)
  for parameter in parameters { gradients.scale(parameter, by: factor) }
  return GradientClipping(norm: norm, factor: factor)
}

extension Optimizer {
  /// Scales the gradients of this optimizer's parameters by one factor, so that their common length is at most
  /// `maximum`; see ``clipGlobalNorm(_:of:to:)``.
  @discardableResult
  public func clipGlobalNorm(_ gradients: inout Gradients, to maximum: Float) -> GradientClipping {
    Optim.clipGlobalNorm(&gradients, of: [self], to: maximum)
  }

  /// Square root of the sum of squares of the gradients of all parameters that are not frozen.
  public func globalNorm(of gradients: Gradients) -> Double {
    Optim.globalNorm(of: gradients, trained(updatedParameters))
  }
}

/// Those that are not frozen, each once.
func trained(_ parameters: [Parameter]) -> [Parameter] {
  var seen: Set<ObjectIdentifier> = []
  return parameters.filter { !$0.isFrozen && seen.insert(ObjectIdentifier($0)).inserted }
}

extension Optimizer {
  /// The parameters with their settings, whatever the type of the state.
  package var optimizedParameters: [OptimizedParameter] { parameters.all }
  /// The parameters alone.
  var updatedParameters: [Parameter] { parameters.all.map(\.parameter) }
}

/// The common length of the gradients of some parameters, in double precision.
func globalNorm(of gradients: Gradients, _ parameters: [Parameter]) -> Double {
  var sum = 0.0
  for parameter in parameters {
    if let gradient = gradients[parameter] { sum += gradient.sumOfSquaresInDouble() }
  }
  return sum.squareRoot()
}
