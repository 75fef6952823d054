/// Softmax and layer normalisation over contiguous rows of `columns` numbers.
public struct RowKernels: Sendable {
  /// `(x, out, rows, columns)`; `out` may be `x`.
  public let softmax: Map
  /// `(x, out, rows, columns)`; `out` may be `x`.
  public let logSoftmax: Map
  /// `out = y * (g - sum(y * g))` as `(y, g, out, rows, columns)`; `out` may be `g`.
  public let softmaxDerivative: Derivative
  /// `out = g - exp(y) * sum(g)` as `(y, g, out, rows, columns)`; `out` may be `g`.
  public let logSoftmaxDerivative: Derivative
  /// Softmax of `x + mask`, as `(x, mask, maskRowStride, out, rows, columns)`; a row stride of 0 repeats one row of the
  /// mask; `out` may be `x`. A row that is masked entirely is NaN.
  public let maskedSoftmax: MaskedSoftmax
  /// `(x, scale or nil, offset or nil, epsilon, out, mean, reciprocalDeviation, rows, columns)`; the last two hold one
  /// number a row.
  public let layerNorm: LayerNorm
  /// Its derivatives, with respect to x stored in `out`, and with respect to scale and offset added to their gradients, as
  /// `(x, scale or nil, g, mean, reciprocalDeviation, out or nil, scaleGradient or nil, offsetGradient or nil, rows,
  /// columns)`.
  public let layerNormDerivative: LayerNormDerivative

  /// A map of rows: `(x, out, rows, columns)`.
  public typealias Map =
    @convention(c) @Sendable (
      UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int, Int
    ) -> Void
  /// A derivative in terms of the output: `(y, g, out, rows, columns)`.
  public typealias Derivative =
    @convention(c) @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int, Int
    ) -> Void
  /// See ``maskedSoftmax``.
  public typealias MaskedSoftmax =
    @convention(c) @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int, Int
    ) -> Void
  /// Layer normalisation: see ``layerNorm``.
  public typealias LayerNorm =
    @convention(c) @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>?, UnsafePointer<Float>?, Float, UnsafeMutablePointer<Float>,
      UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, Int, Int
    ) -> Void
  /// Its derivatives: see ``layerNormDerivative``.
  public typealias LayerNormDerivative =
    @convention(c) @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>?, UnsafePointer<Float>, UnsafePointer<Float>,
      UnsafePointer<Float>, UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?,
      UnsafeMutablePointer<Float>?, Int, Int
    ) -> Void

  /// Collects the kernels of one level.
  public init(
    softmax: @escaping Map, logSoftmax: @escaping Map, softmaxDerivative: @escaping Derivative,
    logSoftmaxDerivative: @escaping Derivative, maskedSoftmax: @escaping MaskedSoftmax,
    layerNorm: @escaping LayerNorm, layerNormDerivative: @escaping LayerNormDerivative
  ) {
    self.softmax = softmax
    self.logSoftmax = logSoftmax
    self.softmaxDerivative = softmaxDerivative
    self.logSoftmaxDerivative = logSoftmaxDerivative
    self.maskedSoftmax = maskedSoftmax
    self.layerNorm = layerNorm
    self.layerNormDerivative = layerNormDerivative
  }
}
