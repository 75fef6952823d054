/// The inner parts of convolutions, each for one plane.
///
/// A *split plane* is a padded plane whose columns are sorted by their remainder modulo the stride, so that the numbers
/// that one tap meets at successive positions lie next to each other. Its rows end in zeros that vectors may read.
public struct ConvolutionKernels: Sendable {
  /// Numbers at a row's end that the depthwise kernels may read or write beyond its last position.
  public let rowSlack: Int
  /// Copies what each tap meets at the positions of some rows: `out[tap * step + position]`, zeros in the padding. What lies
  /// between the positions of one tap and those of the next stays as it is.
  public let unfold: Unfold
  /// Copies what each step of depth meets at some positions into a panel of a product's second operand:
  /// `out[step * width + lane] = source[offsets[step] + place]`, the places in runs of at most `rowSlack` neighbours. Lanes
  /// without a place, at the end, are 0. As many numbers behind a run are readable.
  public let packPositions: PackPositions
  /// Products of windows where they lie, as described by `WindowProducts` in memory.
  public let multiplyWindows: MultiplyWindows
  /// Adds what `unfold` copied back to where it came from.
  public let fold: Fold
  /// `split[row * rowStep + offsets[tap] + column] += weight[tap] * g[row, column]`.
  public let depthwiseInputDerivative: DepthwiseInputDerivative
  /// `weightGradient[tap] += sum of g[row, column] * split[row * rowStep + offsets[tap] + column]`.
  public let depthwiseWeightDerivative: DepthwiseWeightDerivative

  /// `(window, plane, firstRow, rows, step, out)`; the window is a `WindowShape` in memory.
  public typealias Unfold =
    @convention(c) @Sendable (
      UnsafeRawPointer, UnsafePointer<Float>, Int, Int, Int, UnsafeMutablePointer<Float>
    ) -> Void
  /// `(source, runs, runCount, offsets, steps, width, out)`; of each run the first place, the first lane and their number.
  public typealias PackPositions =
    @convention(c) @Sendable (
      UnsafePointer<Float>, UnsafePointer<Int>, Int, UnsafePointer<Int>, Int, Int, UnsafeMutablePointer<Float>
    ) -> Void
  /// Takes the description of the work.
  public typealias MultiplyWindows = @convention(c) @Sendable (UnsafeRawPointer) -> Void
  /// `(window, columns, firstRow, rows, plane)`.
  public typealias Fold =
    @convention(c) @Sendable (
      UnsafeRawPointer, UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<Float>
    ) -> Void
  /// `(g, gRowStride, rows, columns, taps, offsets, weight, rowStep, split)`; rows of g end in zeros up to a whole
  /// vector.
  public typealias DepthwiseInputDerivative =
    @convention(c) @Sendable (
      UnsafePointer<Float>, Int, Int, Int, Int, UnsafePointer<Int>, UnsafePointer<Float>, Int,
      UnsafeMutablePointer<Float>
    ) -> Void
  /// `(split, rowStep, taps, offsets, g, gRowStride, rows, columns, weightGradient)`; rows of g end in zeros up to a
  /// whole vector.
  public typealias DepthwiseWeightDerivative =
    @convention(c) @Sendable (
      UnsafePointer<Float>, Int, Int, UnsafePointer<Int>, UnsafePointer<Float>, Int, Int, Int,
      UnsafeMutablePointer<Float>
    ) -> Void

  /// Collects the kernels of one level.
  public init(
    rowSlack: Int, unfold: @escaping Unfold, packPositions: @escaping PackPositions,
    multiplyWindows: @escaping MultiplyWindows, fold: @escaping Fold,
    depthwiseInputDerivative: @escaping DepthwiseInputDerivative,
    depthwiseWeightDerivative: @escaping DepthwiseWeightDerivative
  ) {
    self.rowSlack = rowSlack
    self.unfold = unfold
    self.packPositions = packPositions
    self.multiplyWindows = multiplyWindows
    self.fold = fold
    self.depthwiseInputDerivative = depthwiseInputDerivative
    self.depthwiseWeightDerivative = depthwiseWeightDerivative
  }
}
