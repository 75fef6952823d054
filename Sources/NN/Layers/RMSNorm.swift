/// Divides the last axis by its root mean square, then scales each feature (Zhang & Sennrich 2019).
public final class RMSNorm: Layer, Hookable {
  /// `[width]`, ones at first.
  public let scale: Parameter
  /// Added to the mean square.
  public let epsilon: Float
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// A layer for a last axis of `width`.
  public init(width: Int, epsilon: Float = 1e-6) {
    scale = Parameter(.ones([width]))
    self.epsilon = epsilon
  }

  /// Normalises `[..., width]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    withForwardHooks([x]) { rmsNorm(x, scale: scale.variable, epsilon: epsilon) }
  }
}
