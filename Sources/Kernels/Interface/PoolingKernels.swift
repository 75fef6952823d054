/// Pooling over one plane. The window is a `WindowShape` in memory.
public struct PoolingKernels: Sendable {
  /// Mean over the taps, as `(window, countsPadding, x, out)`; padding counts as zeros if `countsPadding` is not 0, and
  /// not at all otherwise.
  public let average: Map
  /// `(window, countsPadding, g, out)`; adds to `out`.
  public let averageDerivative: Map
  /// Largest number and where it is in the plane, as `(window, x, out, indices)`. Padding never wins; a NaN does. A
  /// window that lies in the padding alone gives -infinity and the index -1.
  public let maximum: Maximum
  /// `(window, g, indices, out)`; adds to `out`.
  public let maximumDerivative: MaximumDerivative

  /// `(window, countsPadding, input, output)`.
  public typealias Map =
    @convention(c) @Sendable (
      UnsafeRawPointer, Int32, UnsafePointer<Float>, UnsafeMutablePointer<Float>
    ) -> Void
  /// `(window, x, out, indices)`.
  public typealias Maximum =
    @convention(c) @Sendable (
      UnsafeRawPointer, UnsafePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>
    ) -> Void
  /// `(window, g, indices, out)`.
  public typealias MaximumDerivative =
    @convention(c) @Sendable (
      UnsafeRawPointer, UnsafePointer<Float>, UnsafePointer<Int32>, UnsafeMutablePointer<Float>
    ) -> Void

  /// Collects the kernels of one level.
  public init(
    average: @escaping Map, averageDerivative: @escaping Map, maximum: @escaping Maximum,
    maximumDerivative: @escaping MaximumDerivative
  ) {
    self.average = average
    self.averageDerivative = averageDerivative
    self.maximum = maximum
    self.maximumDerivative = maximumDerivative
  }
}
