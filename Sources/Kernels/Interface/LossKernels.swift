/// Losses together with their gradients.
public struct LossKernels: Sendable {
  /// The sigmoid loss of a tile of image-text pairs, as `(s, rowStride, t, b, diagonal, rowClasses or nil,
  /// columnClasses or nil, scale, sums, rows, columns)`.
  ///
  /// `s` holds dot products. The logit is `l = t s + b`; z is 1 where `column == row + diagonal` or where the classes
  /// are equal and not negative, else -1. Adds the sums of `-log sigmoid(z l)`, of `dL/dl = -z sigmoid(-z l) scale`
  /// and of `dL/dl s` to `sums[0]`, `sums[1]` and `sums[2]`, and overwrites `s` with `dL/dl`. The loss itself is not
  /// scaled. A diagonal outside the tile, such as `Int.min`, has no effect.
  public let sigmoidPairs: SigmoidPairs
  /// Softmax cross-entropy of contiguous rows, as `(logits, labels, scale, losses, gradient or nil, rows, columns)`:
  /// `losses[i] = logSumExp - logit of the label`, `gradient = (softmax - one-hot) scale`, which may be `logits`. A
  /// negative label gives no loss and no gradient.
  public let softmaxCrossEntropy: SoftmaxCrossEntropy

  /// See ``sigmoidPairs``.
  public typealias SigmoidPairs =
    @convention(c) @Sendable (
      UnsafeMutablePointer<Float>, Int, Float, Float, Int, UnsafePointer<Int32>?, UnsafePointer<Int32>?,
      Float,
      UnsafeMutablePointer<Double>, Int, Int
    ) -> Void
  /// See ``softmaxCrossEntropy``.
  public typealias SoftmaxCrossEntropy =
    @convention(c) @Sendable (
      UnsafePointer<Float>, UnsafePointer<Int32>, Float, UnsafeMutablePointer<Float>,
      UnsafeMutablePointer<Float>?, Int, Int
    ) -> Void

  /// Collects the kernels of one level.
  public init(sigmoidPairs: @escaping SigmoidPairs, softmaxCrossEntropy: @escaping SoftmaxCrossEntropy) {
    self.sigmoidPairs = sigmoidPairs
    self.softmaxCrossEntropy = softmaxCrossEntropy
  }
}
