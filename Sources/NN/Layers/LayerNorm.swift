/// Normalises the last axis to mean 0 and variance 1, then scales and shifts each feature (Ba et al. 2016).
public final class LayerNorm: Layer, Hookable {
  /// `[width]`, ones at first.
  public let scale: Parameter
  /// `[width]`, zeros at first.
  public let offset: Parameter?
  /// Added to the variance.
  public let epsilon: Float
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// A layer for a last axis of `width`. SigLIP takes an epsilon of 1e-6, CLIP 1e-5.
  public init(width: Int, epsilon: Float = 1e-6, offset: Bool = true) {
    scale = Parameter(.ones([width]))
    self.offset = offset ? Parameter(.zeros([width])) : nil
    self.epsilon = epsilon
  }

  /// Normalises `[..., width]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    withForwardHooks([x]) {
      layerNorm(x, scale: scale.variable, offset: offset?.variable, epsilon: epsilon)
    }
  }
}
